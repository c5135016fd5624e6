"""What every page owes the shell."""

import pytest
from dash import dcc

from dashboard.pages.registry import PAGES, ROUTES


def test_no_two_pages_share_a_place():
    for key in ("name", "path", "title", "query"):
        found = [getattr(route, key) for route in ROUTES if getattr(route, key) is not None]
        assert len(set(found)) == len(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route.name)
def test_a_page_has_its_element_and_its_store(page):
    main = page.layout()
    assert main.id == page.route.page_id
    assert main.hidden is True  # the shell shows it
    assert main.to_plotly_json()["props"]["aria-label"]
    stores = [part.id for part in main._traverse() if isinstance(part, dcc.Store)]
    assert page.route.query is None or page.route.query in stores


def test_the_browser_is_told_all_routes():
    assert ROUTES[0].to_browser() == {"name": "map", "path": "/", "title": "Map", "query": "map-query"}
