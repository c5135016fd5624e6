"""The dashboard's own route for the pictures of a training run; they pass through with the service's headers."""

import re
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response

from dashboard.client import ApiClient
from dashboard.client_training import sheet
from dashboard.passing import NO_PICTURE, picture_of, problem
from dashboard.state_training import RUN_NAME

_EPOCH = re.compile(r"[1-9][0-9]{0,8}")


def add_training_route(server: FastAPI, client: ApiClient) -> None:
    """Attach the route to the server; it must come before Dash's catch-all."""

    @server.get("/pictures/runs/{run}/{which}", include_in_schema=False)
    async def pictures(request: Request, run: str, which: str) -> Response:
        """`which`: 'originals', or the epoch whose reconstructions are meant."""
        if not RUN_NAME.fullmatch(run) or not (which == "originals" or _EPOCH.fullmatch(which)):
            return problem(404, NO_PICTURE, "there is no such picture")
        return await picture_of(
            request, partial(sheet, client, run, None if which == "originals" else int(which))
        )
