"""The application factory: one FastAPI server that carries Dash and the dashboard's own routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from fastapi import FastAPI

from dashboard.bundle import add_bundle
from dashboard.client import ApiClient
from dashboard.components.attributes import attributes
from dashboard.components.header import banner, header
from dashboard.components.states import empty
from dashboard.headers import HostGuard, OneLength, SecurityHeaders
from dashboard.index_page import INDEX, Explorer
from dashboard.pages.registry import PAGES, ROUTES, Page
from dashboard.routes import add_routes
from dashboard.routes_inspector import add_inspector_routes
from dashboard.routes_map import add_map_routes
from dashboard.routes_place import add_place_route
from dashboard.routes_training import add_training_route
from dashboard.settings import DashboardSettings
from dashboard.warming import warm

# Mantine's dark greys, cooled to the ground colours of assets/10_base.css (from text to deepest ground).
_DARK = [
    "#e7ecef",
    "#c3ccd2",
    "#9caab3",
    "#6b7a84",
    "#2f3940",
    "#262f35",
    "#1b2126",
    "#161b1f",
    "#12171a",
    "#0f1316",
]


def create_app(settings: DashboardSettings) -> FastAPI:
    """The dashboard as an ASGI application. It holds one client of the service, closed at shutdown."""
    client = ApiClient(settings.api_url, key=settings.api_key, timeout=settings.timeout)

    @asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(warm(client))
        try:
            yield
            warming.cancel()
            with suppress(asyncio.CancelledError):
                await warming
        finally:
            await client.aclose()

    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    add_routes(server, client)
    add_map_routes(server, client)
    add_inspector_routes(server, client)
    add_place_route(server, client)
    add_training_route(server, client)
    own = add_bundle(server, Path(__file__).parent / "assets")
    app = Explorer(
        "dashboard",
        server=server,  # type: ignore[arg-type]  # Dash takes an application, its annotation forgot it
        backend="fastapi",
        title="VQScope",
        update_title="",  # the title does not flicker while a callback runs
        serve_locally=True,
        index_string=INDEX,
        assets_ignore=r".*\.(css|js)",  # they come as one file of each
        add_log_handler=False,
        suppress_callback_exceptions=True,  # of pages that nobody has opened yet
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.own = own
    # Every callback here is a plain request; without this each page would open a WebSocket it never uses.
    app.backend.websocket_capability = False
    app.layout = _layout(settings)
    _register_shell(app)
    for page in PAGES:
        _register_opening(app, page)
        page.register(app, client, settings)
    # Dash does this at the first request for "/" alone: a link to another page, opened first, had no scripts.
    app._setup_server()  # type: ignore[no-untyped-call]
    names = settings.answered_hosts
    if names is not None:
        server.add_middleware(HostGuard, names=names)
    server.add_middleware(OneLength)
    server.add_middleware(SecurityHeaders)  # the last one is the outermost: refusals carry them too
    return server


def _layout(settings: DashboardSettings) -> dmc.MantineProvider:
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Interval(id="pulse", interval=round(1000 * settings.health_interval)),
            dcc.Store(id="api"),  # {"state", "model", "index"} of the service
            *[dcc.Store(id=route.address_id) for route in ROUTES if route.query],
            *[dcc.Store(id=route.wanted_id) for route in ROUTES],
            dcc.Store(id="routes", data=[route.to_browser() for route in ROUTES]),  # for assets/shell.js
            header([(route.link_id, route.title, route.path) for route in ROUTES]),
            banner(),
            html.Div(
                [
                    *[page.frame() for page in PAGES],
                    html.Main(
                        empty("There is no such page", "All pages are linked above."),
                        id="page-missing",
                        className="page",
                        hidden=True,
                    ),
                ],
                id="content",
                tabIndex="-1",
            ),
            html.Div(
                [html.Img(id="hover-image", className="pixels", alt=""), html.Div(id="hover-text")],
                id="hover-card",
                hidden=True,
                **attributes({"aria-hidden": "true"}),
            ),
        ],
        id="mantine",
        defaultColorScheme="auto",
        theme={
            "primaryColor": "cyan",
            "fontFamily": "inherit",
            "defaultRadius": "sm",
            "colors": {"dark": _DARK},
        },
    )


def _register_opening(app: Dash, page: Page) -> None:
    """Fill a page when it is first shown: what has been there costs at each change of anything, seen or not."""

    @app.callback(
        Output(page.route.page_id, "children"),
        Input(page.route.wanted_id, "data"),
        prevent_initial_call=True,
    )
    def fill(_wanted: bool) -> list[Component]:
        return page.content()


def _register_shell(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("vqscope", "pulse"),
        Output("api", "data"),
        Input("pulse", "n_intervals"),
        State("api", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "route"),
        *[Output(route.page_id, "hidden") for route in ROUTES],
        Output("page-missing", "hidden"),
        *[Output(route.wanted_id, "data") for route in ROUTES],
        Input("url", "pathname"),
        State("routes", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "refill"),
        *[Output(route.wanted_id, "data", allow_duplicate=True) for route in ROUTES],
        Input("api", "data"),
        State("url", "pathname"),
        State("routes", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vqscope", "keepAddress"),
        *[Output(route.link_id, "href") for route in ROUTES],
        Input("url", "pathname"),
        *[Input(route.address_id, "data") for route in ROUTES if route.query],
        State("routes", "data"),
        prevent_initial_call=True,
    )
    for route in ROUTES:
        if route.query:
            app.clientside_callback(
                ClientsideFunction("vqscope", "copy"),
                Output(route.address_id, "data"),
                Input(route.query, "data"),
                prevent_initial_call=True,
            )
    app.clientside_callback(
        ClientsideFunction("vqscope", "switchScheme"),
        Input("scheme", "n_clicks"),
        prevent_initial_call=True,
    )
