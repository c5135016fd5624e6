import _thread
import contextlib
import gc
import signal
import sys
import threading
import weakref

import pytest
import torch

from model.cores import Cores

WAIT = 20.0


def _running(name="vqscope-core-"):
    return {thread for thread in threading.enumerate() if thread.name.startswith(name)}


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_parts(count):
    assert Cores(count).map(lambda part: part * part, range(20)) == [part * part for part in range(20)]


def test_parts_are_computed_at_once():
    meeting = threading.Barrier(2, timeout=WAIT)
    met = Cores(2).map(lambda _part: meeting.wait(), range(2))
    assert sorted(met) == [0, 1]


def test_each_part_has_one_core_and_the_caller_keeps_its_own():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert Cores(2).map(lambda _part: torch.get_num_threads(), range(4)) == [1] * 4
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_failure_is_raised_once_all_parts_are_done():
    begun, done = threading.Event(), threading.Event()

    def work(part):
        if part == 0:
            assert begun.wait(WAIT)
            raise ValueError("part 0")
        begun.set()
        done.wait(0.2)
        done.set()

    cores = Cores(2)
    with pytest.raises(ValueError, match="part 0"):
        cores.map(work, range(2))
    assert done.is_set()
    assert cores.map(abs, [-1]) == [1]  # it goes on


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    "interrupt",
    [
        lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT),
        _thread.interrupt_main,  # as a signal that comes just before the waiting: nothing wakes who waits
    ],
)
def test_ctrl_c_ends_the_parts_first(interrupt, request):
    """Else the interpreter is taken down under threads that are inside torch, which aborts the program."""
    # A shell starts what it puts into the background with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    begun, in_work, computed = threading.Event(), [], []

    def work(part):
        in_work.append(part)
        if part == 0:
            interrupt()
        begun.wait(0.3)
        in_work.remove(part)
        computed.append(part)

    cores = Cores(2)
    with pytest.raises(KeyboardInterrupt):
        cores.map(work, range(100))
    assert in_work == []
    assert len(computed) < 10
    assert cores.map(abs, [-1, -2]) == [1, 2]


def test_what_keeps_a_thread_from_working_is_told(monkeypatch):
    def fails(*_given, **_named):
        raise RuntimeError("no OpenMP here")

    monkeypatch.setattr("model.cores.threadpool_limits", fails)
    with pytest.raises(RuntimeError, match="no OpenMP"):
        Cores(2)


def test_an_error_holds_no_results():
    class Large:
        pass

    made = []

    def work(part):
        if part == 1:
            raise ValueError
        made.append(weakref.ref(large := Large()))
        return large

    gc.disable()
    try:
        with contextlib.suppress(ValueError):
            Cores(2).map(work, range(2))
        assert made[0]() is None
    finally:
        gc.enable()


def test_threads_end_with_their_owner():
    before = _running()
    cores = Cores(2)
    cores.map(abs, [1])
    mine = _running() - before
    assert len(mine) == 2
    del cores
    gc.collect()
    for thread in mine:
        thread.join(WAIT)
        assert not thread.is_alive()
