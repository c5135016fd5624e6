"""The queue before the model: batches under load, refusal when full, clients that leave, a thread that dies."""

import logging
import math
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from backend.batching import Batcher
from backend.jobs import ENCODE
from backend.problems import Problem
from model.checkpoints import read_model
from model.inference import InferenceModel

WAIT = 60.0


class GatedModel(InferenceModel):
    """The real model, which waits at a gate, or fails as it is told to."""

    def __init__(self, folder):
        super().__init__(read_model(folder), "tiny", torch.device("cpu"))
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failure = None
        self.batches = []

    def encode(self, images):
        self.entered.set()
        assert self.gate.wait(WAIT)
        if self.failure is not None:
            raise self.failure
        self.batches.append(len(images))
        return super().encode(images)

    def shut(self):
        self.gate.clear()
        self.entered.clear()
        self.batches.clear()


@pytest.fixture
def gated(tiny_model_dir):
    return GatedModel(tiny_model_dir)


@pytest.fixture
def start(run_service, make_settings, gated):
    def run(**limits):
        return run_service(make_settings(**limits), load=lambda _path: gated)

    return run


@pytest.fixture
def pool():
    with ThreadPoolExecutor(64) as executor:
        yield executor


@pytest.fixture
def send(pool, grey, png):
    """Send single images in threads of their own."""
    files = [png(image) for image in grey]

    def submit(service, n, count=1):
        parts = [("file", ("a.png", files[n % len(files)]))] * count
        return pool.submit(service.client.post, "/v1/encode", files=parts)

    return submit


def wait_for_queue(batcher, n):
    with batcher._changed:
        assert batcher._changed.wait_for(lambda: len(batcher._entries) >= n, WAIT)


def test_concurrent_requests_share_batches(start, gated, send, grey, model):
    with start(batch_size=16) as service:
        gated.shut()
        answers = [send(service, 0)]
        assert gated.entered.wait(WAIT)
        answers += [send(service, n) for n in range(1, 64)]
        wait_for_queue(service.batcher, 63)
        gated.gate.set()
        items = [answer.result(WAIT).json()["items"] for answer in answers]
    assert gated.batches == [1, 16, 16, 16, 15]
    expected = model.encode(grey)
    for n, (item,) in enumerate(items):
        assert item["codes"] == expected.codes[n % len(grey)].tolist()
        got, wanted = np.float32(item["embedding"]), expected.embeddings[n % len(grey)]
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_64_clients_without_a_gate_get_right_answers_in_fewer_batches(running, pool, send, grey, model):
    before = running.batcher.batches
    answers = [send(running, n) for n in range(64)]
    codes = [answer.result(WAIT).json()["items"][0]["codes"] for answer in answers]
    expected = model.encode(grey).codes.tolist()
    assert codes == [expected[n % len(grey)] for n in range(64)]
    assert running.batcher.batches - before < 64


def test_kinds_and_shapes_do_not_mix(start, gated, pool, grey, colour, png):
    with start() as service:
        gated.shut()
        files = [("file", ("a", png(image))) for image in (grey[0], colour[0], grey[1])]
        first = pool.submit(service.client.post, "/v1/encode", files=files)
        assert gated.entered.wait(WAIT)
        second = pool.submit(service.client.post, "/v1/reconstruct", files=files)
        wait_for_queue(service.batcher, 3)
        gated.gate.set()
        alone = InferenceModel.encode(gated, grey[:2]).codes.tolist()
        codes = [item["codes"] for item in first.result(WAIT).json()["items"]]
        assert [codes[0], codes[2]] == alone
        assert len(second.result(WAIT).json()["items"]) == 3


def test_full_queue_is_429_and_empties_again(start, gated, send, problem):
    with start(queue_length=4, images_per_request=2) as service:
        gated.shut()
        accepted = [send(service, 0)]
        assert gated.entered.wait(WAIT)
        accepted.append(send(service, 1, count=2))
        wait_for_queue(service.batcher, 2)
        # One slot is left: not enough for two images, enough for one.
        refused = [send(service, 2, count=2).result(WAIT)]
        accepted.append(send(service, 3))
        wait_for_queue(service.batcher, 3)
        refused.append(send(service, 4).result(WAIT))
        for answer in refused:
            problem(answer, 429, "queue-full")
            assert int(answer.headers["retry-after"]) >= 1
        # What needs no model is still answered.
        assert service.client.get("/v1/maps/pca/points").status_code == 200
        assert service.client.get("/health/ready").status_code == 200
        gated.gate.set()
        assert [answer.result(WAIT).status_code for answer in accepted] == [200] * 3
        assert send(service, 5, count=2).result(WAIT).status_code == 200


def test_full_queue_refuses_pictures_too(start, gated, send, index, problem):
    block = index.blocks[0]
    path = f"/v1/samples/{block.dataset}/{block.split}/0"
    with start(queue_length=1, images_per_request=1) as service:
        gated.shut()
        first = send(service, 0)
        assert gated.entered.wait(WAIT)
        problem(service.client.get(f"{path}/reconstruction"), 429, "queue-full")
        assert service.client.get(f"{path}/image").status_code == 200
        gated.gate.set()
        assert first.result(WAIT).status_code == 200
        assert service.client.get(f"{path}/reconstruction").status_code == 200


def test_a_client_that_leaves_is_not_computed_for(start, gated, send, grey, png):
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        + png(grey[1])
        + b"\r\n--b--\r\n"
    )
    head = (
        "POST /v1/encode HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with start() as service:
        gated.shut()
        first = send(service, 0)
        assert gated.entered.wait(WAIT)
        left = threading.Event()
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head.encode() + body)
            wait_for_queue(service.batcher, 1)
            service.batcher._entries[0].future.add_done_callback(lambda _future: left.set())
        assert left.wait(WAIT)
        last = send(service, 2)
        wait_for_queue(service.batcher, 2)
        gated.gate.set()
        assert first.result(WAIT).status_code == last.result(WAIT).status_code == 200
        assert gated.batches == [1, 1]
        assert service.batcher._occupied == 0


def test_no_result_in_time_is_503(start, gated, send, problem):
    with start(request_seconds=3) as service:  # in which bodies arrive on a busy machine, too
        send(service, 0).result(WAIT)  # starts the decoder, which takes some of it
        gated.shut()
        waiting = [send(service, 0)]
        assert gated.entered.wait(WAIT)
        waiting.append(send(service, 1))
        for answer in waiting:
            problem(answer.result(WAIT), 503, "timeout")
            assert answer.result().headers["retry-after"] == "1"
        gated.gate.set()
        assert send(service, 2).result(WAIT).status_code == 200
        assert gated.batches == [1, 1]  # the one that waited too long was dropped


def test_a_failing_batch_is_500_and_the_next_succeeds(start, gated, send, problem, caplog):
    with start() as service:
        gated.failure = RuntimeError("a secret of the inside")
        detail = problem(send(service, 0).result(WAIT), 500, "server-fault")
        assert "secret" not in detail
        assert "a secret of the inside" in caplog.text
        gated.failure = None
        assert send(service, 0).result(WAIT).status_code == 200
        assert service.client.get("/health/ready").status_code == 200


def test_death_of_the_model_thread_makes_ready_false(start, gated, send, index, problem, caplog):
    with start() as service:
        gated.shut()
        waiting = [send(service, 0)]
        assert gated.entered.wait(WAIT)
        waiting.append(send(service, 1))
        wait_for_queue(service.batcher, 1)
        gated.failure = SystemExit("the device is lost")
        gated.gate.set()
        for answer in waiting:
            problem(answer.result(WAIT), 503, "model-gone")
        service.batcher._thread.join(WAIT)
        assert not service.batcher.alive
        problem(service.client.get("/health/ready"), 503, "model-gone")
        problem(send(service, 2).result(WAIT), 503, "model-gone")
        block = index.blocks[0]
        path = f"/v1/samples/{block.dataset}/{block.split}/0"
        problem(service.client.get(f"{path}/reconstruction"), 503, "model-gone")
        # What needs no model lives on.
        for alive in ("/health/live", f"{path}/image", "/v1/maps/pca/points", "/v1/models"):
            assert service.client.get(alive).status_code == 200
    assert [r.message for r in caplog.records if r.levelno == logging.CRITICAL] == ["the model thread died"]


def test_closing_fails_what_waits(gated, grey):
    batcher = Batcher(gated, queue_length=8, batch_size=1)
    batcher.start()
    gated.shut()
    first, second = batcher.submit(ENCODE, [grey[0], grey[1]])
    assert gated.entered.wait(WAIT)
    assert batcher.alive
    assert not batcher.close(timeout=0)  # a batch is in work
    gated.gate.set()
    assert batcher.close(WAIT)
    assert first.result().codes.shape == gated.code_grid
    with pytest.raises(Problem) as caught:
        second.result()
    assert caught.value.status == 503
    for late in (lambda: batcher.submit(ENCODE, [grey[0]]), lambda: batcher.occupy(1)):
        with pytest.raises(Problem):
            late()
    assert not batcher.alive


def test_retry_after_is_an_estimate(gated, grey):
    batcher = Batcher(gated, queue_length=10, batch_size=4)
    batcher._seconds_per_image = 0.7
    with batcher.slots(10), pytest.raises(Problem) as caught, batcher.slots():
        pass
    assert caught.value.headers == {"Retry-After": str(math.ceil(7.0))}
    with batcher.slots(10):
        pass
