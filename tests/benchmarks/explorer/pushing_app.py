"""A page that shows a file's content as it changes, told of it in one of two ways; for pushing.py.

``python -m tests.benchmarks.explorer.pushing_app WAY FILE PORT`` with the way ``interval`` (the browser asks, as the
training page does) or ``websocket`` (a persistent callback of Dash's watches the file and pushes).
"""

import asyncio
import sys
from pathlib import Path

import uvicorn
from dash import Dash, Input, Output, ctx, dcc, html, no_update, set_props
from fastapi import FastAPI

from dashboard.pages.training import POLL_SECONDS

LOOK_SECONDS = 0.1
"""Between looks at the file of what pushes."""


def app(way: str, file: Path) -> FastAPI:
    """The page's server."""
    server = FastAPI()
    page = Dash(
        "pushing",
        server=server,  # type: ignore[arg-type]  # as in dashboard/app.py
        backend="fastapi",
        websocket_callbacks=way == "websocket",
    )
    tick = dcc.Interval(id="tick", interval=round(1000 * POLL_SECONDS))
    page.layout = html.Div([html.Div(id="shown"), *([tick] if way == "interval" else [])])
    if way == "interval":

        @page.callback(Output("shown", "children"), Input("tick", "n_intervals"))
        async def ask(_n: int | None) -> str:
            return file.read_text()

    else:

        @page.callback(websocket=True, persistent=True)
        async def push() -> object:
            before = ""
            while not (ctx.websocket and ctx.websocket.is_shutdown):
                now = file.read_text()
                if now != before:
                    set_props("shown", {"children": now})
                    before = now
                await asyncio.sleep(LOOK_SECONDS)
            return no_update

    page._setup_server()  # type: ignore[no-untyped-call]
    return server


if __name__ == "__main__":
    way, file, port = sys.argv[1:]
    uvicorn.run(app(way, Path(file)), port=int(port), log_level="warning")
