"""Model and index are replaced under a running service, and no request notices but by the versions."""

import gc
import shutil
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from model.inference import load_model
from model.latent.index import build_index

KEY = "k" * 30
HEADERS = {"X-API-Key": KEY}
WAIT = 60.0


@pytest.fixture(scope="module")
def other(tiny_model_dir, sample_dir, tmp_path_factory):
    """Another model, by its name, and another index."""
    folder = tmp_path_factory.mktemp("other")
    shutil.copytree(tiny_model_dir, folder / "other")
    index = build_index(
        load_model(folder / "other", "cpu"),
        data_dir=sample_dir,
        datasets=("sample_ct",),
        splits=("test",),
        out=folder / "index",
        progress=False,
    )
    return folder / "other", index


class Places:
    """Links to what is to be served, as a deployment has them."""

    def __init__(self, folder, model, index):
        self.model, self.index = folder / "model", folder / "index"
        self.point_to(model, index)

    def point_to(self, model, index):
        for link, target in ((self.model, model), (self.index, index)):
            link.unlink(missing_ok=True)
            link.symlink_to(target)


@pytest.fixture
def places(tmp_path, tiny_model_dir, tiny_index_dir):
    return Places(tmp_path, tiny_model_dir, tiny_index_dir)


@pytest.fixture
def keyed(make_settings, places):
    settings = make_settings(model=places.model, index=places.index)
    return settings.model_copy(update={"api_keys": (SecretStr(KEY),)})


def test_requests_during_the_swap_are_all_answered(run_service, keyed, places, other, grey, png):
    image = png(grey[0])
    swapped = threading.Event()

    with run_service(keyed) as service:
        old = service.service.loaded()

        def ask(number):
            """Ask until an answer comes from the new model, and twice more."""
            seen, left = [], 3
            while left:
                if number % 2:
                    answer = service.client.get("/v1/datasets", headers=HEADERS)
                else:
                    answer = service.client.post("/v1/encode", files={"file": ("a", image)}, headers=HEADERS)
                seen.append(answer)
                left -= swapped.is_set()
            return seen

        places.point_to(*other)
        with ThreadPoolExecutor(4) as clients:
            asking = [clients.submit(ask, number) for number in range(4)]
            try:
                reloaded = service.client.post("/v1/reload", headers=HEADERS)
            finally:
                swapped.set()
            answers = [answer for one in asking for answer in one.result(WAIT)]
        new = service.service.loaded()
        assert reloaded.status_code == 200
        assert reloaded.json() == {
            "model": new.model.version,
            "index": new.index.version,
            "previous": {"model": old.model.version, "index": old.index.version},
        }
        assert new.model.version != old.model.version
        assert new.index.version != old.index.version
        assert {answer.status_code for answer in answers} == {200}
        pairs = {(a.headers["x-vqscope-model"], a.headers["x-vqscope-index"]) for a in answers}
        assert pairs <= {(old.model.version, old.index.version), (new.model.version, new.index.version)}
        assert all(answer.json()["model"] == answer.headers["x-vqscope-model"] for answer in answers)
        assert answers[-1].headers["x-vqscope-model"] == new.model.version
        assert service.client.get("/health/ready").json()["index"] == new.index.version
        old.batcher._thread.join(WAIT)
        assert not old.batcher.alive


def test_the_old_one_ends_with_its_last_request(run_service, keyed):
    with run_service(keyed) as service:
        with service.service.hold() as old, service.service.hold():
            new = service.service.reload().result(WAIT)
            assert service.service.loaded() is new
            assert old.batcher.alive
        old.batcher._thread.join(WAIT)
        assert not old.batcher.alive
        assert new.batcher.alive


def test_what_is_held_at_the_end_is_closed_too(run_service, keyed):
    with run_service(keyed) as service:
        held = service.service.hold()
        old = held.__enter__()
        service.service.reload().result(WAIT)
    assert not old.batcher.alive
    held.__exit__(None, None, None)


def test_what_cannot_be_loaded_changes_nothing(run_service, keyed, places, tiny_model_dir, tmp_path, problem):
    with run_service(keyed) as service:
        before = service.service.loaded()
        places.point_to(tiny_model_dir, tmp_path / "no-such-index")
        detail = problem(service.client.post("/v1/reload", headers=HEADERS), 409, "reload-failed")
        assert "all stays as it was" in detail
        assert "does not exist" in detail
        assert service.service.loaded() is before
        assert service.client.get("/v1/models", headers=HEADERS).status_code == 200


def test_one_at_a_time_also_while_starting(run_service, keyed, problem):
    proceed = threading.Event()

    def slow(path):
        assert proceed.wait(WAIT)
        return load_model(path, "cpu")

    with run_service(keyed, load=slow, wait=False) as service:
        problem(service.client.post("/v1/reload", headers=HEADERS), 503, "not-ready")
        proceed.set()
        assert service.settled.wait(WAIT)
        proceed.clear()
        found = service.service.reload()
        problem(service.client.post("/v1/reload", headers=HEADERS), 409, "loading")
        proceed.set()
        found.result(WAIT)
        assert service.client.post("/v1/reload", headers=HEADERS).status_code == 200


def test_clients_may_do_it_only_where_keys_are_needed(run_service, keyed, client, problem):
    """Any page of the web could post to a service without keys on this machine."""
    assert "SIGHUP" in problem(client.post("/v1/reload"), 403, "key-needed")
    with run_service(keyed) as service:
        problem(service.client.post("/v1/reload"), 401, "unauthorized")


def test_what_was_replaced_goes_though_nothing_is_collected(run_service, keyed):
    """`vqscope serve` keeps what it loaded out of garbage collection: cycles of it would stay for good."""
    gc.collect()
    gc.disable()
    try:
        with run_service(keyed) as service:
            batcher = service.service.loaded().batcher
            old, core = weakref.ref(batcher), weakref.ref(batcher._model)
            del batcher
            service.service.reload().result(WAIT)
            deadline = time.monotonic() + WAIT
            while (old() or core()) and time.monotonic() < deadline:  # its thread ends by itself
                service.client.get("/v1/models", headers=HEADERS)
            assert (old(), core()) == (None, None)
    finally:
        gc.enable()
