"""The HTML that every page starts from, as the dashboard gives it."""

import re
from pathlib import Path

import httpx
import pytest

import dashboard
from dashboard.app import create_app
from dashboard.settings import DashboardSettings


@pytest.fixture
async def page():
    server = create_app(DashboardSettings(api_url="http://127.0.0.1:9"))
    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def _scripts(html: str) -> list[str]:
    return re.findall(r'<script src="([^"]+)"', html)


async def test_scripts_come_first_that_the_page_needs_first(page):
    html = (await page.get("/")).text
    scripts = _scripts(html)
    assert any("dash_renderer" in address for address in scripts)
    assert not [address for address in scripts if "ag_grid" in address or "dash_table" in address]
    for address in scripts:
        assert (await page.get(address)).status_code == 200
    assert "{%" not in html


async def test_what_comes_later_is_where_the_page_says(page):
    html = (await page.get("/")).text
    later = re.search(r'window\.vqscopeLater = \{"grid": "([^"]+)"\}', html)
    plotly = re.search(r'script\.src = "([^"]+)"', html)
    assert later
    assert plotly
    for found in (later, plotly):
        answer = await page.get(found[1])
        assert answer.status_code == 200
        assert len(answer.content) > 1_000_000


async def test_own_scripts_and_styles_come_whole_and_stay(page):
    html = (await page.get("/")).text
    assets = Path(dashboard.__file__).parent / "assets"
    for kind, pattern in (
        ("js", r'<script src="(/assets/all-[^"]+)"'),
        ("css", r'href="(/assets/all-[^"]+)"'),
    ):
        (address,) = re.findall(pattern, html)
        answer = await page.get(address)
        assert "immutable" in answer.headers["cache-control"]
        for file in assets.glob(f"*.{kind}"):
            assert file.read_bytes() in answer.content
    icon = await page.get("/assets/icon.svg")  # which styles name, relatively
    assert icon.headers["content-type"] == "image/svg+xml"
