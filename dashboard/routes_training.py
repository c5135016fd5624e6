"""The dashboard's own route for the pictures of a training run; they pass through with the service's headers."""

import re
from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response

from dashboard.client import ApiClient, ApiError, ApiRefused
from dashboard.client_training import sheet
from dashboard.passing import etag_of, problem
from dashboard.state_training import RUN_NAME

_TITLE = "Picture not available"
_VERSION = re.compile(r"[0-9a-f]{1,64}")
_EPOCH = re.compile(r"[1-9][0-9]{0,8}")


def add_training_route(server: FastAPI, client: ApiClient) -> None:
    """Attach the route to the server; it must come before Dash's catch-all."""

    @server.get("/pictures/runs/{run}/{which}", include_in_schema=False)
    async def pictures(request: Request, run: str, which: str) -> Response:
        """`which`: 'originals', or the epoch whose reconstructions are meant."""
        if not RUN_NAME.fullmatch(run) or not (which == "originals" or _EPOCH.fullmatch(which)):
            return problem(404, _TITLE, "there is no such picture")
        version = request.query_params.get("v")
        if version is not None and not _VERSION.fullmatch(version):
            return problem(422, _TITLE, "v is not the version of a run")
        ask = partial(sheet, client, run, None if which == "originals" else int(which))
        try:
            found = await ask(version=version, etag=etag_of(request))
        except ApiRefused as error:
            return problem(error.status, _TITLE, str(error))
        except ApiError as error:
            return problem(503, _TITLE, str(error))
        return Response(found.content, found.status, headers=found.headers)
