"""The application factory; nothing is built at import."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from backend import problems
from backend.hosts import HostGuard, answered_hosts
from backend.limits import BodyLimit
from backend.loading import Service
from backend.routes import (
    codebook,
    columns,
    datasets,
    ellipses,
    embeddings,
    health,
    inspection,
    maps,
    models,
    neighbours,
    outliers,
    root,
    samples,
    selection_rows,
    selections,
    separation,
    uploads,
)
from backend.settings import Settings
from model.inference import InferenceModel, load_model

_DESCRIPTION = """\
An explorer of the latent space that a VQ-VAE learns from medical images. Research use only, not for
diagnosis.

Every answer under `/v1` names the model and, where one is involved, the latent index that it comes from.
Every error is a problem document (RFC 9457). Any path answers 421 where the Host header is none of the names
that the service answers to: by default, on loopback, those of this machine."""
_PROBLEM_SCHEMA = problems.ProblemDocument.model_json_schema()


class Application(FastAPI):
    """FastAPI whose OpenAPI document holds the problem document."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        schema = super().openapi()  # made once, then the same one
        schema["components"]["schemas"].setdefault("ProblemDocument", _PROBLEM_SCHEMA)
        return schema


def create_app(
    settings: Settings,
    *,
    notify: Callable[[BaseException | None], None] | None = None,
    load: Callable[[str | None], InferenceModel] = load_model,
) -> FastAPI:
    """Build the service.

    Args:
        settings: what to serve, within which limits.
        notify: called once, from another thread: with None when ready, else with why loading failed.
        load: gives the model; another one only to provoke faults in tests.
    """
    service = Service(settings, notify, load)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # One decodes at a time, whoever waits: decoding must not take the threads that other routes need. An
        # executor, as anyio's limiter would let go of a thread that still works when its request is cancelled.
        app.state.decoder = decoder = ThreadPoolExecutor(1, "vqscope-decoder")
        service.start()
        yield
        decoder.shutdown(wait=False, cancel_futures=True)
        service.close()

    app = Application(
        title="VQScope",
        version=version("vqscope"),
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        # The interactive pages load their scripts from a CDN, which a hospital's network does not reach.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    limits = settings.limits
    app.add_middleware(
        BodyLimit,
        body_bytes=limits.body_bytes,
        in_flight=limits.body_bytes_in_flight,
        seconds=limits.request_seconds,
    )
    app.add_middleware(HostGuard, hosts=answered_hosts(settings.host, settings.allowed_hosts))
    problems.install(app)
    for module in (
        root,
        health,
        models,
        datasets,
        maps,
        ellipses,
        columns,
        inspection,  # before samples, whose pictures have such paths too
        samples,
        neighbours,
        uploads,
        embeddings,
        codebook,
        outliers,
        separation,
        selections,
        selection_rows,
    ):
        app.include_router(module.router)
    return app
