"""All pages of the explorer, in the order of the header: a new page is one more line here.

The header links them, the shell (assets/shell.js) shows one at a time and keeps its address, and the
application registers their callbacks; none of these knows a page by name.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.client import ApiClient
from dashboard.pages import (
    codebook,
    codebook_callbacks,
    lab,
    lab_callbacks,
    map_callbacks,
    models,
    place,
    place_callbacks,
    reconstructions,
    reconstructions_callbacks,
    training,
    training_callbacks,
)
from dashboard.pages import map as map_page
from dashboard.settings import DashboardSettings


@dataclass(frozen=True)
class Route:
    """Where a page is found; the shell reads it in the browser, too."""

    name: str
    """The page's element is `page-NAME`, its link in the header `nav-NAME`."""
    path: str
    title: str
    query: str | None = None
    """Id of the page's store for the query that reproduces the page's view ('' or '?…'); None: it has none."""

    @property
    def page_id(self) -> str:
        """Id of the page's element, of which the shell sets `hidden`."""
        return f"page-{self.name}"

    @property
    def link_id(self) -> str:
        """Id of the link in the header, of which the shell keeps `href` at the page's last view."""
        return f"nav-{self.name}"

    @property
    def wanted_id(self) -> str:
        """Id of the store that the shell sets once, when the page is first shown."""
        return f"page-{self.name}-wanted"

    @property
    def address_id(self) -> str:
        """Id of the shell's copy of that store, which is there before the page is."""
        return f"page-{self.name}-address"

    def to_browser(self) -> dict[str, str | None]:
        """What assets/shell.js needs of it."""
        return asdict(self)


@dataclass(frozen=True)
class Page:
    """A page: where it is found, what it is made of, what it does."""

    route: Route
    layout: Callable[[], html.Main]
    """Its element, with the id of the route and hidden=True; filled when it is first shown."""
    register: Callable[[Dash, ApiClient, DashboardSettings], None]
    """Attaches its callbacks to the app."""

    def frame(self) -> html.Main:
        """Its element without what is in it."""
        main = self.layout()
        main.children = []
        return main

    def content(self) -> list[Component]:
        """What is in it."""
        return list(self.layout().children)


PAGES = (
    Page(Route("map", "/", "Map", "map-query"), map_page.layout, map_callbacks.register),
    Page(
        Route("reconstructions", "/reconstructions", "Reconstructions", "recon-query"),
        reconstructions.layout,
        reconstructions_callbacks.register,
    ),
    Page(
        Route("codebook", "/codebook", "Codebook", "codebook-query"),
        codebook.layout,
        codebook_callbacks.register,
    ),
    Page(Route("place", "/place", "Place an image", "place-query"), place.layout, place_callbacks.register),
    Page(Route("lab", "/lab", "Decode lab", "lab-query"), lab.layout, lab_callbacks.register),
    Page(
        Route("training", "/training", "Training", "training-query"),
        training.layout,
        training_callbacks.register,
    ),
    Page(Route("models", "/models", "Models and data"), models.layout, models.register),
)

ROUTES = tuple(page.route for page in PAGES)
