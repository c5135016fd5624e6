"""Training on two processes: through the command, interrupted, gone on with, and the same as undisturbed."""

import os
import runpy
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest
import torch

from model.codebook_usage import CodebookUsage
from model.data.datamodule import BiomedicalDataModule
from model.metrics import image_figures
from model.run_folder import CHECKPOINT, begin, status
from model.vqvae_module import VQVAEModule

pytestmark = pytest.mark.integration
COMMAND = [sys.executable, "-m", "model.cli", "train", "--resume"]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.fixture
def on_two(short_run):
    settings = replace(short_run, trainer=replace(short_run.trainer, devices=2, max_epochs=3, progress=True))
    settings.run_dir.mkdir()
    begin(settings)
    return settings


@pytest.fixture
def start_two(processes):
    """Go on with a run in two warmed-up processes, rank 0 first."""

    def start(run_dir: Path) -> list[BaseProcess]:
        script, port = Path(__file__).with_name("one_rank.py"), free_port()
        ranks = [
            processes.Process(
                target=runpy.run_path,
                args=(str(script), {"run_dir": run_dir, "rank": rank, "port": port}),
            )
            for rank in range(2)
        ]
        for process in ranks:
            process.start()
        return ranks

    return start


def finish(ranks: list[BaseProcess], run_dir: Path) -> list[dict[str, torch.Tensor]]:
    """Let both processes end; the state that each of them ends with."""
    for process in ranks:
        process.join()
    assert [process.exitcode for process in ranks] == [0, 0]
    return [torch.load(run_dir.with_name(f"rank{rank}.pt"), weights_only=True) for rank in range(2)]


def run_undisturbed(settings, start_two, folder: Path) -> Path:
    """The same training, never cut."""
    run_dir = folder / "undisturbed"
    run_dir.mkdir()
    begin(replace(settings, run_dir=run_dir))
    finish(start_two(run_dir), run_dir)
    return run_dir


@torch.no_grad()
def evaluate(settings, weights):
    """Validation figures in this one process, of the whole split."""
    network = VQVAEModule(settings.model).eval()
    network.load_state_dict(weights)
    usage, psnr, ssim = CodebookUsage(settings.model.quantizer.codebook_size), [], []
    bfloat16 = settings.trainer.bfloat16
    for images, _ in BiomedicalDataModule(settings.data).val_dataloader():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            reconstructions, quantised = network(images.contiguous(memory_format=torch.channels_last))
        usage.update(quantised.codes)
        figures = image_figures(reconstructions.float().clamp(-1, 1) / 2 + 0.5, images / 2 + 0.5)
        psnr.append(figures.psnr)
        ssim.append(figures.ssim)
    share = {f"codebook_{name}": value.item() for name, value in usage.compute().items()}
    return {"psnr": torch.cat(psnr).mean().item(), "ssim": torch.cat(ssim).mean().item(), **share}


def test_two_processes_train_one_model(on_two, start_two, outcome, tmp_path):
    process = subprocess.Popen([*COMMAND, str(on_two.run_dir)], stderr=subprocess.PIPE)
    assert process.stderr is not None
    seen = b""
    while b"epoch 1" not in seen:
        piece = os.read(process.stderr.fileno(), 4096)
        assert piece, seen
        seen += piece
    others = psutil.Process(process.pid).children()
    assert len(others) == 1
    process.send_signal(signal.SIGINT)  # to the first alone: it takes the other with it
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert b"Traceback" not in seen + err
    assert b"--resume" in err
    assert psutil.wait_procs(others, timeout=60)[1] == []

    best = torch.load(on_two.run_dir / CHECKPOINT, weights_only=True)["callbacks"]["BestState"]
    alone = evaluate(on_two, best["weights"])
    assert alone == pytest.approx({name: best["figures"][name] for name in alone}, rel=1e-5)

    first, second = finish(start_two(on_two.run_dir), on_two.run_dir)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name

    assert outcome(on_two.run_dir) == outcome(run_undisturbed(on_two, start_two, tmp_path))


def test_when_one_process_dies_the_other_ends_with_a_clear_line(on_two, start_two, outcome, tmp_path):
    first, second = start_two(on_two.run_dir)
    while not (on_two.run_dir / "metrics.csv").exists():
        first.join(0.05)
        assert first.is_alive()
    second.kill()
    first.join()
    assert first.exitcode == 2
    assert status(on_two.run_dir) == "unfinished"

    written = (on_two.run_dir / "metrics.csv").stat().st_mtime_ns
    first, second = start_two(on_two.run_dir)
    while (on_two.run_dir / "metrics.csv").stat().st_mtime_ns == written:  # its second epoch of three
        first.join(0.01)
        assert first.is_alive()
    first.kill()  # both, as a machine that goes down takes them
    second.kill()
    for process in (first, second):
        process.join()
    assert status(on_two.run_dir) == "unfinished"

    ours, theirs = finish(start_two(on_two.run_dir), on_two.run_dir)
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name
    assert outcome(on_two.run_dir) == outcome(run_undisturbed(on_two, start_two, tmp_path))
