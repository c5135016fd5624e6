"""A training that is killed, over and over, ends as if nothing had happened."""

import random
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess

import pytest

from model.run_folder import CHECKPOINT
from model.training import TrainSettings

Start = Callable[[TrainSettings], BaseProcess]


def finish(settings: TrainSettings, start: Start) -> None:
    process = start(settings)
    process.join()
    assert process.exitcode == 0


def kill_until_done(settings: TrainSettings, start: Start, lifetimes: list[float]) -> int:
    """Cut a run after each of the lifetimes, then let it finish; how many kills met it alive."""
    for kills, seconds in enumerate(lifetimes):
        process = start(settings)
        process.join(seconds)
        if not process.is_alive():
            return kills
        process.kill()
        process.join()
    finish(settings, start)
    return len(lifetimes)


@pytest.mark.integration
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.bench)])
def test_a_killed_run_ends_as_if_it_had_not_been(kills, short_run, start, undisturbed, outcome):
    settings, duration = undisturbed
    moments = random.Random(kills)
    done = runs = 0
    while done < kills:  # a run that was done before it was killed often enough is followed by another
        again = replace(short_run, run_dir=short_run.run_dir.with_name(f"run{runs}"))
        # Some lives are shorter than an epoch, some as long as three.
        done += kill_until_done(
            again, start, [moments.uniform(0, 0.6 * duration) for _ in range(kills - done)]
        )
        runs += 1
        assert outcome(again.run_dir) == outcome(settings.run_dir)
        assert not list(again.run_dir.glob(f"*{CHECKPOINT}*"))


@pytest.mark.integration
def test_a_kill_while_the_checkpoint_is_written(short_run, start, undisturbed, outcome):
    settings, _ = undisturbed
    process = start(short_run)
    checkpoint = short_run.run_dir / CHECKPOINT
    while not (checkpoint.exists() and any(short_run.run_dir.glob(f".{CHECKPOINT}.*.part"))):
        assert process.is_alive()
    process.kill()
    process.join()
    finish(short_run, start)
    assert outcome(short_run.run_dir) == outcome(settings.run_dir)
    assert not list(short_run.run_dir.glob(".*"))
