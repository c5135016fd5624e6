"""Decoding of uploads, in processes that can be killed: stopped, they are the slow file that any file may be."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from backend import decoding
from backend.decoder_worker import ANSWER, MOST_SAID, Verdict

WAIT = 60.0
PATH = "/v1/encode"


class Asked:
    """Counts how often workers are asked, of one or several small files; all of it is real."""

    def __init__(self, monkeypatch):
        self.entered = threading.Semaphore(0)
        self.count = 0
        real = decoding._Worker._ask

        def ask(worker, *given):
            self.count += 1
            self.entered.release()
            return real(worker, *given)

        monkeypatch.setattr(decoding._Worker, "_ask", ask)


@pytest.fixture
def asked(monkeypatch):
    return Asked(monkeypatch)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(64) as executor:
        yield executor


def workers(service):
    return service.app.state.decoders._workers


def process_of(service):
    """The one worker's process; it is started by the first upload at the latest."""
    (worker,) = workers(service)
    return worker._process


@contextmanager
def stopped(process):
    """A worker that gets no further."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)


@pytest.fixture
def serving(run_service, make_settings, grey, png):
    """A service with one worker, which has decoded a file."""

    @contextmanager
    def serve(**limits):
        with run_service(make_settings(decoders=1, **limits)) as service:
            # Where time is short, the first upload may be over before the decoder has started.
            wait_until(lambda: service.client.post(PATH, files=parts(png(grey[0]), 1)).is_success, service)
            yield service

    return serve


def wait_until(condition, service):
    """The service answers all the while."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert service.client.get("/health/live").status_code == 200
        assert time.monotonic() < deadline


def parts(data, count):
    return [("file", ("a.png", data))] * count


def test_waiting_uploads_do_not_stall_other_routes(serving, pool, grey, png):
    """More uploads than the shared pool has threads (40), none of which can go on."""
    with serving(decode_seconds=WAIT) as service:
        with stopped(process_of(service)):
            uploads = [
                pool.submit(service.client.post, PATH, files=parts(png(grey[0]), 2)) for _ in range(48)
            ]
            wait_until(lambda: service.batcher._occupied == 96, service)
            assert service.client.get("/v1/samples").status_code == 200  # runs in the shared pool
            assert not any(upload.done() for upload in uploads)
        assert {upload.result(WAIT).status_code for upload in uploads} == {200}


def test_time_is_out_while_decoding(serving, pool, grey, png, problem):
    """Those that only waited for their turn are told in time, too."""
    with serving(request_seconds=0.5, decode_seconds=WAIT) as service:

        def answer_to(data, count):
            """On a busy machine half a second may not do for the body to arrive (408): it is sent again."""
            while (answer := service.client.post(PATH, files=parts(data, count))).status_code == 408:
                assert "arrive" in problem(answer, 408, "request-timeout")
            return answer

        with stopped(process_of(service)):
            answers = [pool.submit(answer_to, png(grey[0]), count) for count in (3, 1)]
            for answer in answers:
                assert "0.5 s" in problem(answer.result(WAIT), 503, "timeout")
        wait_until(
            lambda: service.client.post(PATH, files=parts(png(grey[1]), 1)).status_code == 200, service
        )
        assert service.batcher._occupied == 0


def test_nothing_more_is_decoded_for_a_client_that_left(serving, asked, grey, png):
    part = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + png(grey[0])
        + b"\r\n"
    )
    body = part * 3 + b"--b--\r\n"
    head = (
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with serving(decode_seconds=WAIT) as service:
        assert asked.entered.acquire(timeout=WAIT)
        asked.count = 0
        with stopped(process_of(service)):
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(head.encode() + body)
                assert asked.entered.acquire(timeout=WAIT)
            wait_until(lambda: service.batcher._occupied == 0, service)
        assert service.client.post(PATH, files=parts(png(grey[1]), 1)).status_code == 200
        assert asked.count == 2


def test_a_file_that_takes_too_long_is_422_and_its_decoder_replaced(serving, grey, png, problem):
    with serving(decode_seconds=0.5) as service:
        process = process_of(service)
        with stopped(process):
            answer = service.client.post(PATH, files=parts(png(grey[0]), 2))
        assert "file 1: decoding it takes more than 0.5 s" in problem(answer, 422, "image-too-slow")
        assert process.poll() == -signal.SIGKILL
        assert service.batcher._occupied == 0
        # On a busy machine half a second may not do for a sound file either.
        wait_until(
            lambda: service.client.post(PATH, files=parts(png(grey[1]), 1)).status_code == 200, service
        )
        assert process_of(service).pid != process.pid


def test_after_a_slow_file_the_rest_of_its_request_is_not_decoded(serving, asked, grey, png):
    """Else each file of a request could take its full time, while others wait."""
    with serving(decode_seconds=0.5) as service:
        asked.count = 0
        with stopped(process_of(service)):
            answer = service.client.post(PATH, files=parts(png(grey[0]), 20), params={"partial": True})
        problems = [item["problem"] for item in answer.json()["items"]]
        assert len(problems) == 20
        assert {problem["type"] for problem in problems} == {"urn:vqscope:problem:image-too-slow"}
        assert "takes more than 0.5 s" in problems[0]["detail"]
        assert all("not decoded" in problem["detail"] for problem in problems[1:])
        assert asked.count == 1


def test_all_files_of_a_request_have_one_budget(serving, monkeypatch, grey, png):
    monkeypatch.setattr(decoding, "_BUDGET", 0)  # spent with the first turn
    with serving() as service:
        answer = service.client.post(PATH, files=parts(png(grey[0]), 20), params={"partial": True})
    refused = ["problem" in item for item in answer.json()["items"]]
    assert refused == [False] * 16 + [True] * 4


def test_a_turn_of_slow_files_ends_in_time(make_settings, monkeypatch):
    """What is left waits for the next turn, so that others come in between."""
    worker = decoding._Worker(make_settings(decode_seconds=5).limits)
    now = [0.0]

    def ask(_connection, files, _size):
        for _ in files:
            now[0] += 3
            yield None

    monkeypatch.setattr(decoding, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(decoding, "_BYTES_AT_ONCE", 1)
    monkeypatch.setattr(worker, "start", lambda: None)
    monkeypatch.setattr(worker, "_ask", ask)
    assert len(worker.decode([b"file"] * 16, decoding._Wanted(28, go_on=True))) == 2


def test_a_decoder_killed_from_outside_costs_nothing(serving, asked, pool, grey, png):
    """As a machine out of memory does."""
    with serving(decode_seconds=WAIT) as service:
        assert asked.entered.acquire(timeout=WAIT)
        process = process_of(service)
        with stopped(process):
            answer = pool.submit(service.client.post, PATH, files=parts(png(grey[0]), 1))
            assert asked.entered.acquire(timeout=WAIT)
            process.kill()
        assert answer.result(WAIT).status_code == 200


def test_a_file_that_kills_its_decoder_is_422(serving, monkeypatch, grey, png, problem):
    real = decoding._Worker._ask

    def deadly(worker, *given):
        worker._process.kill()
        worker._process.wait()
        return real(worker, *given)

    with serving() as service:
        with monkeypatch.context() as patch:
            patch.setattr(decoding._Worker, "_ask", deadly)
            answer = service.client.post(PATH, files=parts(png(grey[0]), 1))
            assert "broke off" in problem(answer, 422, "unreadable-image")
        assert service.client.post(PATH, files=parts(png(grey[0]), 1)).status_code == 200


@pytest.mark.parametrize(
    "lie",
    [
        ANSWER.pack(9, 4, 0) + b"what",
        ANSWER.pack(Verdict.GOOD, 2**32 - 1, 1),
        ANSWER.pack(Verdict.GOOD, 5, 0) + b"short",
        ANSWER.pack(Verdict.UNREADABLE, MOST_SAID + 1, 0),
    ],
)
def test_a_decoder_that_was_taken_over_is_not_believed(make_settings, lie):
    worker = decoding._Worker(make_settings().limits)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(lie)
        with pytest.raises(ConnectionError, match="cannot"):
            list(worker._ask(ours, [b"file"], 28))


def test_only_the_deadly_file_of_a_batch_is_refused(serving, monkeypatch, grey, png):
    """The others are decoded by the decoders that follow, and each result is in its place."""
    deadly = png(grey[3]) + b"deadly"
    real = decoding._Worker._ask

    def ask(worker, connection, files, size):
        for answer, data in zip(real(worker, connection, files, size), files, strict=True):
            if data == deadly:
                worker._process.kill()
                raise EOFError
            yield answer

    with serving() as service:
        monkeypatch.setattr(decoding._Worker, "_ask", ask)
        files = [("file", (str(i), deadly if i in (1, 3) else png(grey[i]))) for i in range(5)]
        items = service.client.post(PATH, files=files, params={"partial": True}).json()["items"]
        assert [item["filename"] for item in items] == list("01234")
        assert ["problem" in item for item in items] == [False, True, False, True, False]
        monkeypatch.setattr(decoding._Worker, "_ask", real)
        whole = service.client.post(PATH, files=files).json()["items"]
        assert [items[i]["codes"] for i in (0, 2, 4)] == [whole[i]["codes"] for i in (0, 2, 4)]


def test_files_go_together_as_far_as_a_buffer_holds_them():
    sizes = [30_000, 30_000, 30_000, 200_000, 1]
    files = [bytes(size) for size in sizes]
    groups = []
    while files:
        group = decoding._at_once(files)
        groups.append([len(data) for data in group])
        files = files[len(group) :]
    assert groups == [[30_000, 30_000], [30_000], [200_000], [1]]


def test_no_decoder_no_upload(run_service, make_settings, monkeypatch, grey, png, problem):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with run_service(make_settings()) as service:
        problem(service.client.post(PATH, files=parts(png(grey[0]), 1)), 503, "no-decoder")
        assert service.client.get("/v1/samples").status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_decoder_is_confined(serving, monkeypatch):
    monkeypatch.setenv("VQSCOPE_SECRET", "a key")
    with serving() as service:
        process = process_of(service)
        assert b"VQSCOPE_" not in Path(f"/proc/{process.pid}/environ").read_bytes()
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        for name in ("Max core file size", "Max file size"):
            assert [line.split()[-3] for line in limits.splitlines() if line.startswith(name)] == ["0"]
        for name in ("Max address space", "Max cpu time"):
            assert [
                line for line in limits.splitlines() if line.startswith(name) and "unlimited" not in line[:40]
            ]
        assert psutil.Process(process.pid).memory_info().rss < 120 * 1024**2


def test_decoders_end_with_the_service(serving):
    with serving() as service:
        process = process_of(service)
    assert process.returncode is not None


def test_a_decoder_imports_no_torch():
    code = (
        "import sys, backend.decoder_worker, backend.pictures, model.data.reading; "
        "print([name for name in ('torch', 'fastapi', 'pyarrow') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == ("[]\n", "")
