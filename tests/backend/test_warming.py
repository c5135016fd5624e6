"""What is made ahead: only while nobody asks, never twice, and never in the way of the end."""

import logging
import threading

import pytest

from backend.computed import Stepwise
from backend.problems import unavailable
from backend.warming import Warming

WAIT = 60.0


def test_threads_take_turns_at_the_steps():
    taken = []

    def start():
        for _ in range(6):
            taken.append(threading.current_thread().name)
            yield
        return len(taken)

    steps = Stepwise(start)
    for number in range(3):
        other = threading.Thread(target=steps.advance, name=f"other-{number}")
        other.start()
        other.join()
    assert steps.value() == 6
    assert taken == ["other-0", "other-1", "other-2"] + [threading.current_thread().name] * 3
    assert steps.advance()
    assert len(taken) == 6


def test_what_failed_is_begun_anew():
    failures = iter([True, False])

    def start():
        yield
        if next(failures):
            raise ValueError("once")
        return "there"

    steps = Stepwise(start)
    with pytest.raises(ValueError, match="once"):
        steps.value()
    assert steps.value() == "there"


def endless(step, taken):
    while True:
        taken.append(None)
        step.set()
        yield


def test_no_step_is_taken_while_somebody_waits():
    taken, step, looked = [], threading.Event(), threading.Event()
    idle = [0.0]

    def seconds():
        looked.set()
        return idle[0]

    warming = Warming(endless(step, taken), seconds, seconds=0.01)
    warming.start()
    for _ in range(3):
        looked.clear()
        assert looked.wait(WAIT)
    assert taken == []
    idle[0] = 1.0
    assert step.wait(WAIT)
    assert warming.close(WAIT)


def test_it_may_be_switched_off():
    warming = Warming(iter(()), lambda: 1e9, seconds=float("inf"))
    warming.start()
    assert warming._thread is None
    assert warming.close(0)


@pytest.mark.parametrize(
    ("error", "level"), [(unavailable("closing"), logging.INFO), (ValueError("a fault"), logging.ERROR)]
)
def test_what_goes_wrong_ends_it_and_is_logged(caplog, error, level):
    def fail():
        yield
        raise error

    with caplog.at_level(logging.INFO, "backend.warming"):
        warming = Warming(fail(), lambda: 1.0, seconds=0.01)
        warming.start()
        warming._thread.join(WAIT)
    assert [record.levelno for record in caplog.records] == [level]


@pytest.mark.integration
def test_the_codebook_is_there_before_it_is_asked_for(run_service, make_settings, client):
    settings = make_settings().model_copy(update={"idle_seconds": 0.01})
    with run_service(settings) as service:
        service.service._served.warming._thread.join(WAIT)
        before = service.batcher.images
        for show in ("prototype", "patch"):
            params = {"show": show}
            answer = service.client.get("/v1/codebook/atlas/0", params=params)
            assert answer.content == client.get("/v1/codebook/atlas/0", params=params).content
        assert service.client.get("/v1/codebook").json() == client.get("/v1/codebook").json()
        assert service.batcher.images == before


@pytest.mark.integration
def test_requests_make_the_service_busy(run_service, make_settings):
    with run_service(make_settings()) as service:
        with service.service.hold():
            assert service.service.idle() == 0
        assert 0 <= service.service.idle() < WAIT


@pytest.mark.integration
def test_the_service_ends_in_the_middle_of_it(run_service, make_settings):
    settings = make_settings().model_copy(update={"idle_seconds": 1e-6})
    with run_service(settings) as service:
        warming = service.service._served.warming
    assert not warming._thread.is_alive()
    assert service.service.close(WAIT)
