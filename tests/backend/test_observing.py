"""What is seen of every request: IDs and versions in answers, lines in the log, figures for Prometheus."""

import asyncio
import contextvars
import json
import logging
import queue
import re
import sys
from logging.handlers import QueueHandler

import httpx
import pytest
from starlette.responses import PlainTextResponse

from backend.batching import Job
from backend.logs import JsonLines, Text
from backend.metrics import Metrics
from backend.observation import begin, current
from backend.observing import Observing
from tests.backend.measured import figure, figures

SECRET = "Mrs-Example-1950"
"""Stands for a patient: as a file's name, as a query's value, in a path."""


@pytest.fixture
def lines(caplog):
    """The log's next lines for requests, as JSON has them: a line is written after its answer, so they are awaited."""
    caplog.set_level(logging.INFO, "vqscope")
    records = queue.SimpleQueue()
    handler = QueueHandler(records)
    handler.prepare = lambda record: record
    log = logging.getLogger("vqscope.requests")
    log.addHandler(handler)

    def read(count):
        return [json.loads(JsonLines().format(records.get(timeout=60))) for _ in range(count)]

    yield read
    log.removeHandler(handler)


@pytest.mark.parametrize("given", ["a", "8f14e45f-ceea.x_1", "x" * 64])
@pytest.mark.parametrize(("path", "status"), [("/health/live", 200), ("/v1/models", 200), ("/nothing", 404)])
def test_a_request_id_is_kept(client, given, path, status):
    answer = client.get(path, headers={"X-Request-ID": given})
    assert answer.status_code == status
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words", "line\tbreak", "é", "a;b", '{"a":1}'])
def test_another_is_made_where_there_is_none_that_may_be_one(client, problem, given):
    headers = {} if given is None else {"X-Request-ID": given.encode("latin-1")}
    made = {client.get("/nothing", headers=headers).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)


def test_every_answer_of_a_route_names_model_and_index(client, model, index, grey, png):
    image = {"file": ("a.png", png(grey[0]))}
    answers = [
        client.get("/v1/models"),
        client.get("/v1/runs"),
        client.get("/v1/runs/nothing"),  # 404
        client.get("/v1/jobs"),
        client.get("/v1/maps/pca/points?format=arrow"),
        client.get("/v1/maps/nothing/points"),  # 404
        client.get("/v1/samples?limit=0"),  # 422
        client.post("/v1/encode", files=image),
        client.post("/v1/encode", files={"file": ("a.png", b"x")}),  # 415
    ]
    for answer in answers:
        assert answer.headers["x-vqscope-model"] == model.version
        assert answer.headers["x-vqscope-index"] == index.version


async def test_a_name_in_any_script_can_be_told():
    """Models are called like their folders."""

    async def app(scope, receive, send):
        current().model = "模型 1%@71f9"
        await PlainTextResponse("here")(scope, receive, send)

    transport = httpx.ASGITransport(Observing(app, metrics=Metrics(), served=lambda: None))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        told = (await client.get("/")).headers["x-vqscope-model"]
    assert told == "%E6%A8%A1%E5%9E%8B%201%25@71f9"


async def test_what_happens_after_the_answer_is_not_told_of_it(lines):
    metrics = Metrics()
    going_on = 0.3

    async def app(scope, receive, send):
        current().problem = "timeout"
        await PlainTextResponse("too late", 503)(scope, receive, send)
        current().problem = "not-found"
        await asyncio.sleep(going_on)  # computes on

    transport = httpx.ASGITransport(Observing(app, metrics=metrics, served=lambda: None))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        await client.get("/")
    (line,) = lines(1)
    assert (line["status"], line["problem"]) == (503, "timeout")
    assert line["ms"] < 1000 * going_on


def test_a_surprise_is_seen_too(run_service, make_settings, problem, lines):
    with run_service(make_settings()) as service:

        @service.app.get("/broken")
        def broken():
            raise ValueError("a surprise")

        answer = service.client.get("/broken", headers={"X-Request-ID": "mine"})
        problem(answer, 500, "server-fault")
        assert answer.headers["x-request-id"] == "mine"
        labels = {"method": "GET", "route": "/broken", "status": "500"}
        assert figure(service.client, "vqscope_requests_total", **labels) == 1
        assert figure(service.client, "vqscope_problems_total", kind="server-fault") == 1
    (line,) = [line for line in lines(3) if line["route"] == "/broken"]
    assert (line["request_id"], line["status"], line["problem"]) == ("mine", 500, "server-fault")


@pytest.mark.parametrize("path", ["/v1/maps/pca/points", "/nothing"])
def test_a_body_that_is_not_sent_is_not_counted(client, lines, path):
    client.head(path)
    (line,) = lines(1)
    assert (line["method"], line["bytes"]) == ("HEAD", 0)


def test_a_line_tells_what_was_done(client, lines, model, index, grey, png):
    files = [("file", ("a.png", png(image))) for image in grey[:3]]
    answer = client.post("/v1/encode", files=files, headers={"X-Request-ID": "mine"})
    (line,) = lines(1)
    assert line["bytes"] == len(answer.content)
    assert line["ms"] > 0
    assert line["time"].endswith("+00:00")
    told = {name: line[name] for name in line.keys() - {"bytes", "ms", "time"}}
    assert told == {
        "level": "info",
        "logger": "vqscope.requests",
        "message": "POST /v1/encode 200",
        "request_id": "mine",
        "method": "POST",
        "route": "/v1/encode",
        "status": 200,
        "images": 3,
        "model": model.version,
        "index": index.version,
    }


def test_the_log_tells_nothing_of_patients(client, caplog, lines, grey, png):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpcore").setLevel(logging.WARNING)  # the test's own client
    logging.getLogger("httpx").setLevel(logging.WARNING)
    good, bad = (f"{SECRET}.png", png(grey[0])), (f"{SECRET}.png", SECRET.encode())
    for path in (
        "/v1/encode",
        "/v1/reconstruct",
        f"/v1/project?map=pca&x={SECRET}",
        f"/v1/project?map={SECRET}",
    ):
        client.post(path, files={"file": good})
        client.post(path, files={"file": bad})
    headers = {"Authorization": f"Bearer {SECRET}", "X-API-Key": SECRET, "X-Request-ID": f"{SECRET} 1"}
    for path in (f"/{SECRET}", f"/v1/samples/{SECRET}/test/1", f"/v1/samples?dataset={SECRET}&sort={SECRET}"):
        client.get(path, headers=headers)
    client.post("/v1/selections", json={"map": SECRET, SECRET: SECRET})
    client.request(SECRET, "/v1/models")
    lines(13)
    for record in caplog.records:
        for written in (JsonLines().format(record), Text().format(record)):
            assert SECRET not in written


def test_formats_carry_the_request_and_the_traceback():
    begin("mine")
    try:
        raise ValueError("a fault")
    except ValueError:
        record = logging.getLogger("any").makeRecord(
            "any", logging.ERROR, __file__, 1, "two\nlines", None, sys.exc_info()
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["request_id"], told["message"], told["level"]) == ("mine", "two\nlines", "error")
    assert "ValueError: a fault" in told["exception"]
    assert "[request mine]" in Text().format(record)


def test_outside_of_a_request_notes_go_nowhere():
    def note():
        current().images += 5
        return current().images

    assert contextvars.Context().run(note) == 0


def test_requests_are_counted_by_route_and_status(client, grey, png):
    labels = {"method": "POST", "route": "/v1/encode"}
    before = figures(client)

    def grown(name, **labels):
        key = (name, frozenset(labels.items()))
        return figures(client)[key] - before.get(key, 0)

    files = [("file", ("a.png", png(image))) for image in grey[:5]]
    client.post("/v1/encode", files=files)
    client.post("/v1/encode", files={"file": ("a.png", b"x")})
    assert grown("vqscope_requests_total", **labels, status="200") == 1
    assert grown("vqscope_requests_total", **labels, status="415") == 1
    assert grown("vqscope_problems_total", kind="unsupported-image") == 1
    assert grown("vqscope_request_seconds_count", route="/v1/encode") == 2
    assert grown("vqscope_images_total") == 5
    assert grown("vqscope_batch_images_sum") == 5
    assert grown("vqscope_stage_seconds_count", stage="queue") == 5
    assert grown("vqscope_stage_seconds_count", stage="decode") >= 2
    assert grown("vqscope_stage_seconds_count", stage="model") == grown("vqscope_batch_images_count")


def test_clients_cannot_make_labels(client):
    client.get("/metrics")
    before = {key for key, _ in figures(client).items()}
    for number in range(20):
        client.get(f"/nothing/{number}")
        client.request(f"METHOD{number}", "/v1/models")
        client.get(f"/v1/samples/set{number}/test/{number}")
        client.get("/v1/models", headers={"X-Request-ID": f"request-{number}"})
    new = {key for key in figures(client).keys() - before if key[0] == "vqscope_requests_total"}
    assert len(new) <= 4
    assert figure(client, "vqscope_requests_total", method="GET", route="(unknown)", status="404") >= 20


def test_the_state_of_the_service_is_told(run_service, make_settings, model, index):
    with run_service(make_settings(queue_length=70)) as service:
        assert figure(service.client, "vqscope_model_alive") == 1
        assert figure(service.client, "vqscope_queue_limit_images") == 70
        served = {"model": model.version, "index": index.version}
        assert figure(service.client, "vqscope_served_info", **served) == 1
        with service.batcher.slots(7):
            assert figure(service.client, "vqscope_queue_images") == 7
        assert figure(service.client, "vqscope_queue_images") == 0
        assert figure(service.client, "vqscope_requests_in_work") == 1  # this one
        die = Job("die", lambda _nothing: None, _die)
        service.batcher.submit(die, [None])[0].exception()
        service.batcher._thread.join()
        assert figure(service.client, "vqscope_model_alive") == 0


def _die(_model, _payloads):
    raise SystemExit


def test_each_application_counts_for_itself(run_service, make_settings):
    with run_service(make_settings()) as one, run_service(make_settings()) as other:
        one.client.get("/v1/models")
        asked = {"method": "GET", "route": "/v1/models", "status": "200"}
        assert figure(one.client, "vqscope_requests_total", **asked) == 1
        assert figure(other.client, "vqscope_requests_total", **asked) == 0
