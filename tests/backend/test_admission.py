"""How many requests are computed at once, how many wait, and what becomes of clients that leave."""

import asyncio
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.admission import Admission, is_admitted
from backend.problems import Problem
from backend.questions import SHORT_BYTES
from tests.backend.measured import figure

WAIT = 60.0
ASKED = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}
START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"yes"}


class Client:
    """One whose messages come when a test says so."""

    def __init__(self, name, *messages):
        self.name = name
        self.to_say = asyncio.Queue()
        self.told = []
        for message in messages or (ASKED,):
            self.to_say.put_nowait(message)

    async def receive(self):
        said = await self.to_say.get()
        if isinstance(said, Exception):
            raise said
        return said

    async def send(self, message):
        self.told.append(message)

    @property
    def status(self):
        return self.told[0]["status"] if self.told else None

    def ask(self, admission, path="/v1/maps", method="GET", headers=()):
        scope = {"type": "http", "method": method, "path": path, "name": self.name, "headers": list(headers)}
        return asyncio.ensure_future(admission(scope, self.receive, self.send))


class App:
    """Computes until it is told to answer."""

    def __init__(self):
        self.begun = []
        self.heard = []
        self.finish = asyncio.Event()
        self.read_out = asyncio.Event()
        self.read_out.set()

    async def __call__(self, scope, receive, send):
        self.begun.append(scope["name"])
        await self.finish.wait()
        self.heard.append(await receive())
        await send(START)
        await self.read_out.wait()
        await send(END)


async def settled():
    """Let all tasks go as far as they can."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
async def app():
    return App()


async def ended(*requests):
    await asyncio.wait_for(asyncio.gather(*requests), WAIT)


async def test_they_come_in_order_and_too_many_are_429(app):
    admission = Admission(app, most=3, seconds=WAIT, at_once=1)
    clients = [Client(name) for name in "abcd"]
    requests = []
    for client in clients:
        requests.append(client.ask(admission))
        await settled()
    assert app.begun == ["a"]
    assert clients[3].status == 429
    assert (b"retry-after", b"1") in clients[3].told[0]["headers"]
    app.finish.set()
    await ended(*requests)
    assert app.begun == ["a", "b", "c"]
    assert [client.told for client in clients[:3]] == [[START, END]] * 3
    assert admission.held == 0


async def test_who_leaves_while_waiting_is_not_computed(app):
    admission = Admission(app, most=2, seconds=WAIT, at_once=1)
    first, second, third = (Client(name) for name in "abc")
    working = first.ask(admission)
    await settled()
    waiting = second.ask(admission)
    await settled()
    second.to_say.put_nowait(GONE)
    await ended(waiting)
    assert (second.told, admission.held) == ([], 1)
    last = third.ask(admission)
    app.finish.set()
    await ended(working, last)
    assert app.begun == ["a", "c"]


async def test_who_reads_slowly_keeps_nobody_waiting(app):
    """The turn ends where the answer begins."""
    admission = Admission(app, most=1, seconds=WAIT, at_once=1)
    app.finish.set()
    app.read_out.clear()
    first, second = (Client(name) for name in "ab")
    requests = [first.ask(admission)]
    await settled()
    assert first.told == [START]
    requests.append(second.ask(admission))
    await settled()
    assert second.told == [START]
    app.read_out.set()
    await ended(*requests)


async def test_who_writes_slowly_keeps_nobody_waiting(app):
    """The turn begins where the question is there: it was 16 slow clients that stopped the service."""
    admission = Admission(app, most=1, seconds=WAIT, at_once=1)
    app.finish.set()
    begun = {"type": "http.request", "body": b"{", "more_body": True}
    slow, leaving, other = Client("slow", begun), Client("leaving", begun), Client("other")
    requests = [client.ask(admission, "/v1/selections", "POST") for client in (slow, leaving)]
    await settled()
    assert admission.held == 0
    await ended(other.ask(admission))
    assert other.told == [START, END]
    slow.to_say.put_nowait(ASKED | {"body": b"}"})
    await ended(requests[0])
    assert slow.told == [START, END]
    assert app.begun == ["other", "slow"]
    assert app.heard[1] == begun
    leaving.to_say.put_nowait(GONE)  # the application is told, as nobody else counts it
    await ended(requests[1])
    assert app.begun == ["other", "slow", "leaving"]


async def test_a_long_body_is_left_to_the_application(app):
    admission = Admission(app, most=1, seconds=WAIT, at_once=1)
    app.finish.set()
    long = {"type": "http.request", "body": b"x" * (SHORT_BYTES + 1), "more_body": True}
    client = Client("long", long)
    await ended(client.ask(admission, "/v1/selections", "POST"))
    assert client.told == [START, END]


async def test_a_body_that_is_announced_as_long_is_not_waited_for(app):
    admission = Admission(app, most=1, seconds=WAIT, at_once=1)
    client = Client("long", {"type": "http.request", "body": b"", "more_body": True})
    headers = [(b"content-length", str(SHORT_BYTES + 1).encode())]
    asked = client.ask(admission, "/v1/selections", "POST", headers)
    await settled()
    assert app.begun == ["long"]
    app.finish.set()
    await ended(asked)


async def test_nobody_waits_for_ever(app):
    admission = Admission(app, most=2, seconds=0.05, at_once=1)
    first, second = (Client(name) for name in "ab")
    working = first.ask(admission)
    await settled()
    await ended(second.ask(admission))
    assert second.status == 503
    assert app.begun == ["a"]
    app.finish.set()
    await ended(working)


async def test_what_takes_too_long_is_told_so_and_keeps_its_turn_until_it_ends(app, monkeypatch):
    monkeypatch.setattr("backend.admission._MARGIN", 0.0)
    admission = Admission(app, most=2, seconds=0.05, at_once=1)
    first, second = (Client(name) for name in "ab")
    working = first.ask(admission)
    async with asyncio.timeout(WAIT):
        while first.status is None:
            await asyncio.wait((working,), timeout=0.01)
    assert first.status == 503
    assert b"not computed within 0.05 s" in first.told[1]["body"]
    assert (admission.held, working.done()) == (1, False)
    await ended(second.ask(admission))
    assert (second.status, app.begun) == (503, ["a"])
    told = len(first.told)
    app.finish.set()
    await ended(working)
    assert (len(first.told), admission.held) == (told, 0)


async def test_a_fault_after_the_answer_is_told_to_the_log_alone(app, monkeypatch, caplog):
    """Raised it would cut the connection, on which the client's next question is by now."""
    monkeypatch.setattr("backend.admission._MARGIN", 0.0)

    async def broken(scope, receive, send):
        await app.finish.wait()
        raise ValueError("too late")

    admission = Admission(broken, most=1, seconds=0.05)
    client = Client("a")
    asked = client.ask(admission)
    async with asyncio.timeout(WAIT):
        while client.status is None:
            await asyncio.wait((asked,), timeout=0.01)
    app.finish.set()
    await ended(asked)
    assert (client.status, admission.held) == (503, 0)
    assert "ValueError: too late" in caplog.text


async def test_a_request_that_is_ended_keeps_its_turn_until_its_work_has(monkeypatch):
    stopping, stopped = asyncio.Event(), asyncio.Event()

    async def slow_to_end(scope, receive, send):
        try:
            await asyncio.Event().wait()
        finally:
            stopping.set()
            await stopped.wait()

    admission = Admission(slow_to_end, most=1, seconds=WAIT)
    asked = Client("a").ask(admission)
    await settled()
    asked.cancel()
    await asyncio.wait_for(stopping.wait(), WAIT)
    await settled()
    assert admission.held == 1
    stopped.set()
    await asyncio.gather(asked, return_exceptions=True)
    assert admission.held == 0


async def test_a_long_answer_is_not_cut_for_its_length(app, monkeypatch):
    """Only its beginning has a time."""
    monkeypatch.setattr("backend.admission._MARGIN", 0.0)
    admission = Admission(app, most=2, seconds=0.05, at_once=1)
    app.finish.set()
    app.read_out.clear()
    reading = Client("a")
    asked = reading.ask(admission)
    await asyncio.wait((asked,), timeout=0.2)
    assert reading.told == [START]
    app.read_out.set()
    await ended(asked)
    assert reading.told == [START, END]


async def test_what_was_read_ahead_is_not_lost(app):
    admission = Admission(app, most=9, seconds=WAIT, at_once=1)
    refusal = Problem(413, "body-too-large", "too large")
    first, second, third = Client("a"), Client("b", ASKED | {"body": b"question"}), Client("c", refusal)
    requests = [client.ask(admission) for client in (first, second, third)]
    await settled()
    assert second.to_say.empty()
    app.finish.set()
    found = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), WAIT)
    assert app.heard[1]["body"] == b"question"
    assert found == [None, None, refusal]
    assert admission.held == 0


async def test_a_request_that_is_ended_gives_its_turn_back(app):
    """As all are when the service ends; in work, and while it waits."""
    admission = Admission(app, most=9, seconds=WAIT, at_once=1)
    working, waiting = (Client(name).ask(admission) for name in "ab")
    await settled()
    waiting.cancel()
    await settled()
    working.cancel()
    await asyncio.gather(working, waiting, return_exceptions=True)
    assert admission.held == 0
    app.finish.set()
    await ended(Client("c").ask(admission))
    assert app.begun == ["a", "c"]


def test_a_full_service_still_takes_uploads_and_is_watched(run_service, make_settings, problem, png, grey):
    entered, proceed = threading.Semaphore(0), threading.Event()

    with run_service(make_settings(requests=2)) as service, ThreadPoolExecutor(2) as pool:

        @service.app.get("/v1/long")
        def long() -> str:
            entered.release()
            assert proceed.wait(WAIT)
            return "done"

        try:
            working = [pool.submit(service.client.get, "/v1/long") for _ in range(2)]
            assert all(entered.acquire(timeout=WAIT) for _ in working)
            refused = service.client.get("/v1/samples")
            problem(refused, 429, "too-many-requests")
            labels = {"method": "GET", "route": "/v1/samples", "status": "429"}
            assert figure(service.client, "vqscope_requests_total", **labels) == 1
            loaded = service.service.loaded()
            assert refused.headers["X-VQScope-Model"] == loaded.model.version
            assert refused.headers["X-VQScope-Index"] == loaded.index.version
            for path in ("/metrics", "/health/ready", "/"):
                assert service.client.get(path).status_code == 200, path
            answer = service.client.post("/v1/encode", files={"file": ("a.png", png(grey[0]))})
            assert answer.status_code == 200
        finally:
            proceed.set()
        assert [one.result().status_code for one in working] == [200, 200]
        assert service.client.get("/v1/samples").status_code == 200


@pytest.mark.parametrize(("path", "slow"), [("project", "nearest"), ("outliers", "judge")])
def test_images_that_are_placed_or_judged_still_count(
    run_service, make_settings, problem, png, grey, monkeypatch, path, slow
):
    entered, proceed = threading.Semaphore(0), threading.Event()
    module = importlib.import_module(f"backend.routes.{path}")
    work = getattr(module, slow)

    def slowly(*args, **given):
        entered.release()
        assert proceed.wait(WAIT)
        return work(*args, **given)

    monkeypatch.setattr(module, slow, slowly)

    def ask():
        return service.client.post(f"/v1/{path}", files={"file": ("a.png", png(grey[0]))})

    few = make_settings(queue_length=4, images_per_request=4)
    with run_service(few) as service, ThreadPoolExecutor(4) as pool:
        try:
            asking = [pool.submit(ask) for _ in range(4)]
            assert all(entered.acquire(timeout=WAIT) for _ in asking)
            problem(ask(), 429, "queue-full")
            assert service.client.get("/v1/samples").status_code == 200
        finally:
            proceed.set()
        assert [one.result().status_code for one in asking] == [200] * 4
        assert ask().status_code == 200


def test_the_document_says_who_may_be_refused(client):
    """All under /v1: by this or by the queue of the model."""
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            assert ("429" in operation["responses"]) == (path.startswith("/v1/") and path != "/v1/reload"), (
                path
            )
        assert is_admitted(path) == (
            path.startswith("/v1/")
            and "application/json" not in _model_body(operations)
            and path != "/v1/reload"
        )


def _model_body(operations):
    """Content of a body that goes to the model."""
    operation = operations.get("post", {})
    goes = {"uploads", "decode"} & set(operation.get("tags", []))
    return operation.get("requestBody", {}).get("content", {}) if goes else {}
