"""What Prometheus is told, each application with a registry of its own."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from backend.service import Service

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_IMAGES = tuple(2**power for power in range(11))
Stage = Literal["decode", "queue", "model"]
UNKNOWN = "(unknown)"
"""Stands for all paths that are no route, and all methods that are none."""


class Metrics:
    """The counters of one application. All labels take few values, whatever clients send."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "vqscope_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "vqscope_request_seconds",
            "From a request's head to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._stages = Histogram(
            "vqscope_stage_seconds",
            "decode: of what a decoder is given at once; queue: an image's wait for the model; model: of one batch.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._problems = Counter(
            "vqscope_problems", "Problems answered, by kind.", ["kind"], registry=registry
        )
        self._in_work = Gauge(
            "vqscope_requests_in_work", "Requests that are being answered.", registry=registry
        )
        self._images = Counter("vqscope_images", "Images that the model was given.", registry=registry)
        self._batches = Histogram(
            "vqscope_batch_images", "Images in a batch of the model.", buckets=_IMAGES, registry=registry
        )
        ProcessCollector(registry=registry)

    def watch(self, service: "Service") -> None:
        """Tell of a service too: whether it is ready, what it serves, how long its queue is."""
        self._registry.register(_State(service))

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)

    def in_work(self) -> AbstractContextManager[Any]:
        """Count a request as one that is being answered."""
        return self._in_work.track_inprogress()

    def answered(self, method: str, route: str, status: int, seconds: float, problem: str | None) -> None:
        """Count an answer."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)
        if problem is not None:
            self._problems.labels(problem).inc()

    def refused(self, status: int, kind: str) -> None:
        """Count the refusal of what is no request."""
        self._requests.labels(UNKNOWN, UNKNOWN, status).inc()
        self._problems.labels(kind).inc()

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Time a stage of a request."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(stage).observe(time.perf_counter() - begun)

    def waited(self, seconds: float) -> None:
        """Count an image's wait in the queue of the model."""
        self._stages.labels("queue").observe(seconds)

    def computed(self, images: int, seconds: float) -> None:
        """Count a batch of the model."""
        self._images.inc(images)
        self._batches.observe(images)
        self._stages.labels("model").observe(seconds)


class _State(Collector):
    """What is true at the moment of the question."""

    def __init__(self, service: "Service") -> None:
        self._service = service

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        loaded = self._service.served
        alive = loaded is not None and loaded.batcher.alive
        yield GaugeMetricFamily(
            "vqscope_model_alive", "Whether there is a model that can be asked.", value=float(alive)
        )
        waiting = 0 if loaded is None else loaded.batcher.occupied
        yield GaugeMetricFamily(
            "vqscope_queue_images", "Images that are being read, wait or are in work.", value=waiting
        )
        yield GaugeMetricFamily(
            "vqscope_queue_limit_images",
            "Most of them; more: 429.",
            value=self._service.settings.limits.queue_length,
        )
        if loaded is not None:
            versions = {"model": loaded.model.version, "index": loaded.index.version}
            yield InfoMetricFamily("vqscope_served", "Model and index that are served.", value=versions)
