"""A disk that fills up, and a loss that becomes no number: one clear line, and what was good is kept."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model.checkpoints import read_model
from model.run_folder import CHECKPOINT, RunDamaged, status
from model.training import TrainingFailed, resume

pytestmark = [
    pytest.mark.integration,
    # A disk is full for either recipe alike; what they have to remember is seen to in test_kills.py.
    pytest.mark.parametrize("whole_run", ["presets"], indirect=True),
]


@pytest.fixture
def cut(short_run, start):
    """The short run, killed in its third epoch or later; the curves are written before the checkpoint."""
    process = start(short_run)
    curves = short_run.run_dir / "metrics.csv"
    while not curves.exists() or len(curves.read_text().splitlines()) < 3:
        process.join(0.05)
        assert process.is_alive()
    process.kill()
    process.join()
    return short_run


def resume_in_a_shell(run_dir: Path, before: str = "true") -> subprocess.CompletedProcess[str]:
    command = f'{before}; exec "$0" -m model.cli train --resume "$1"'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, str(run_dir)], capture_output=True, text=True
    )


def has_one_clear_line(done: subprocess.CompletedProcess[str]) -> bool:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line.startswith("vqscope: error: cannot write") and "free some space" in line


def test_a_file_that_cannot_grow_ends_the_run_which_then_goes_on(cut, undisturbed, outcome):
    """Files may be as large as the model, not as the checkpoint: what a full disk does, without being root."""
    good = (cut.run_dir / CHECKPOINT).read_bytes()
    kib = len(good) // 2 // 1024
    assert has_one_clear_line(resume_in_a_shell(cut.run_dir, f"ulimit -f {kib}"))
    assert (cut.run_dir / CHECKPOINT).read_bytes() == good
    assert not list(cut.run_dir.glob(".*"))
    resume(cut.run_dir)
    assert outcome(cut.run_dir) == outcome(undisturbed[0].run_dir)


def test_a_disk_that_fills_up_within_a_run(cut, undisturbed, outcome, start):
    """The limit falls on a process at work: its next checkpoint does not fit, the best model so far still does."""
    process = start(cut)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    process.join()
    assert process.exitcode == 1
    assert status(cut.run_dir) == "unfinished"
    assert read_model(cut.run_dir).card["validation"]["ssim"] > 0
    resume(cut.run_dir)
    assert outcome(cut.run_dir) == outcome(undisturbed[0].run_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_really_full_disk(cut, undisturbed, outcome, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = (cut.run_dir / CHECKPOINT).stat().st_size * 3 // 2 // 1024
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        run_dir = disk / "run"
        shutil.copytree(cut.run_dir, run_dir, ignore=shutil.ignore_patterns(".*"))  # what was half written
        assert has_one_clear_line(resume_in_a_shell(run_dir))
        assert read_model(run_dir).card["validation"]["ssim"] > 0
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        resume(run_dir)
        assert outcome(run_dir) == outcome(undisturbed[0].run_dir)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_loss_that_becomes_no_number_leaves_the_best_model(cut):
    state = torch.load(cut.run_dir / CHECKPOINT, weights_only=True)
    best = state["callbacks"]["BestState"]["figures"]["ssim"]
    # Where weights are averaged, `state_dict` holds the average, and what is trained lies beside it.
    next(iter(state.get("current_model_state", state["state_dict"]).values())).fill_(float("nan"))
    torch.save(state, cut.run_dir / CHECKPOINT)
    with pytest.raises(TrainingFailed, match="no longer a number") as caught:
        resume(cut.run_dir)
    assert "\n" not in str(caught.value)
    assert read_model(cut.run_dir).card["validation"]["ssim"] == pytest.approx(best, abs=1e-5)


def test_a_damaged_checkpoint_is_one_clear_line(cut):
    checkpoint = cut.run_dir / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(RunDamaged, match=r"last\.ckpt is damaged"):
        resume(cut.run_dir)


class Harmful:
    """What a pickle may hold: code that runs when it is opened."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("harm",)


def test_a_checkpoint_with_anything_but_tensors_is_never_opened(cut, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Harmful()}, cut.run_dir / CHECKPOINT)
    with pytest.raises(RunDamaged):
        resume(cut.run_dir)
    assert not (tmp_path / "harm").exists()
