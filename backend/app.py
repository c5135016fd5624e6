"""The application factory; nothing is built at import."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from backend import problems
from backend.admission import Admission, document_admission
from backend.decoding import Decoders
from backend.examples import document_examples
from backend.framing import Framing
from backend.heads import Heads
from backend.hosts import HostGuard, answered_hosts
from backend.keys import KeyGuard, document_keys, keys_of
from backend.limits import BodyLimit
from backend.lingering import Lingering
from backend.map_jobs import MapJobs
from backend.metrics import Metrics
from backend.observing import INDEX, MODEL, REQUEST_ID, Observing
from backend.routes import (
    codebook,
    codebook_atlas,
    columns,
    datasets,
    decode,
    distributions,
    ellipses,
    embeddings,
    health,
    inspection,
    map_jobs,
    map_quality,
    maps,
    models,
    monitoring,
    neighbours,
    outlier_column,
    outliers,
    overlap,
    project,
    reload,
    root,
    runs,
    samples,
    selection_rows,
    selections,
    separation,
    uploads,
)
from backend.sending import Sending
from backend.service import Service
from backend.settings import Settings
from model.inference import InferenceModel, load_model

_DESCRIPTION = """\
An explorer of the latent space that a VQ-VAE learns from medical images. Research use only, not for
diagnosis.

Every answer under `/v1` names the model and, where one is involved, the latent index that it comes from; the
headers `X-VQScope-Model` and `X-VQScope-Index` name both, but not to clients without a key. Every answer has an
`X-Request-ID`: the one that the client sent, if it is 1 to 64 letters, digits, dots, dashes or underscores, else a
new one. The log of the service has it too. HEAD answers wherever GET does, without the body.
Every error is a problem document (RFC 9457). Any path answers 421 where the Host header is none of the names
that the service answers to: by default, on loopback, those of this machine; 400 where a body has two lengths."""
_ASIDE = 4
"""Requests whose images are placed or judged at once, after the model."""
_ROUTED = (
    root,
    health,
    monitoring,
    models,
    datasets,
    maps,
    map_jobs,
    map_quality,
    ellipses,
    overlap,
    columns,
    inspection,  # before samples, whose pictures have such paths too
    samples,
    distributions,
    neighbours,
    uploads,
    project,
    embeddings,
    decode,
    codebook,
    codebook_atlas,
    outlier_column,
    outliers,
    separation,
    selections,
    reload,
    selection_rows,
    runs,
)
_PROBLEM_SCHEMA = problems.ProblemDocument.model_json_schema()


class Application(FastAPI):
    """FastAPI whose OpenAPI document holds examples, the problem document and, where needed, how to send a key."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            schema = super().openapi()
            self.openapi_schema = None  # not before it is whole
            schema["components"]["schemas"]["ProblemDocument"] = _PROBLEM_SCHEMA
            document_admission(schema)
            document_examples(schema)
            if self.state.needs_key:
                document_keys(schema)
            self.openapi_schema = schema
        return super().openapi()  # made once, then the same one

    def build_middleware_stack(self) -> ASGIApp:
        """Put the observer around all, the answers to surprises too, and around it what waits for clients."""
        service: Service = self.state.service
        stack = Framing(super().build_middleware_stack())
        observed = Observing(
            stack, metrics=self.state.metrics, served=lambda: service.served, routes=self.state.routes
        )
        return Sending(Lingering(observed), seconds=service.settings.limits.request_seconds)


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

    Raises:
        VQScopeError: the keys are wrong, or keys or names are missing where other machines reach the service.
    """
    keys = keys_of(settings)
    hosts = answered_hosts(settings.host, settings.allowed_hosts, keyed=bool(keys))
    metrics = Metrics()
    service = Service(settings, notify, load, metrics)
    metrics.watch(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        app.state.aside = CapacityLimiter(_ASIDE)
        app.state.decoders = decoders = Decoders(settings.limits, timed=lambda: metrics.stage("decode"))
        decoders.start()
        service.start()
        yield
        decoders.close()
        app.state.map_jobs.close()
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
    app.state.needs_key = bool(keys)
    app.state.metrics = metrics
    app.state.map_jobs = MapJobs(made=service.look_for_maps)
    # Of the routers themselves: versions of FastAPI differ in what the application makes of them.
    app.state.routes = [*app.routes, *(route for module in _ROUTED for route in module.router.routes)]
    limits = settings.limits
    app.add_middleware(Heads, routes=app.state.routes)
    app.add_middleware(Admission, most=limits.requests, seconds=limits.request_seconds)
    app.add_middleware(
        BodyLimit,
        body_bytes=limits.body_bytes,
        in_flight=limits.body_bytes_in_flight,
        seconds=limits.request_seconds,
    )
    # Each next one goes around those before it: what costs least, and refuses most, is asked first.
    app.add_middleware(KeyGuard, keys=keys)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "If-None-Match", REQUEST_ID],
            expose_headers=["ETag", "Retry-After", REQUEST_ID, MODEL, INDEX],
        )
    app.add_middleware(HostGuard, hosts=hosts)
    problems.install(app)
    for module in _ROUTED:
        app.include_router(module.router)
    return app
