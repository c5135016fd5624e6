"""Trainings as processes of their own, and how to compare what they leave behind."""

import csv
import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from model.data.settings import DataSettings
from model.networks.decoder import DecoderSettings
from model.networks.encoder import EncoderSettings
from model.optimization import OptimizerSettings
from model.quantizers.ema import EMASettings
from model.run_folder import status
from model.training import TrainerSettings, TrainSettings, resume, train
from model.vqvae import VQVAESettings

TIMINGS = {"seconds", "images_per_second", "data_wait"}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """As the processes that are started have: sums depend on it, and libraries that other tests loaded change it."""
    torch.set_num_threads(1)


@pytest.fixture
def short_run(whole_run: TrainSettings, tmp_path: Path) -> TrainSettings:
    """The run of `whole_run`, in a folder of the test's own."""
    return replace(whole_run, run_dir=tmp_path / "run")


RECIPES = {
    "plateau": (OptimizerSettings(name="adamw", schedule="plateau", patience=0), 0.9),
    "presets": (OptimizerSettings(), 0.0),  # Muon under a cosine, no averaging
}


@pytest.fixture(scope="session", params=RECIPES)
def whole_run(
    request: pytest.FixtureRequest, sample_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainSettings:
    """A run of a few seconds; in its two forms everything that has a state takes part."""
    optimizer, average_decay = RECIPES[request.param]
    return TrainSettings(
        data=DataSettings(datasets=("sample_ct",), data_dir=sample_dir, batch_size=32),
        run_dir=tmp_path_factory.mktemp("runs") / "undisturbed",
        model=VQVAESettings(
            encoder=EncoderSettings(stages=1, refine_blocks=0),
            quantizer=EMASettings(codebook_size=32, restart_below=0.5),
            decoder=DecoderSettings(width=16, min_width=16, blocks=0, blocks_per_scale=0),
        ),
        optimizer=optimizer,
        trainer=TrainerSettings(
            max_epochs=5, patience=3, average_decay=average_decay, accelerator="cpu", progress=False
        ),
    )


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Processes that find torch imported already: they start in a moment, and are killed like any other."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["model.training"])
    return context


@pytest.fixture(scope="session")
def start(processes: ForkServerContext) -> Callable[[TrainSettings], BaseProcess]:
    """Start a run, or go on with it, as whoever finds it cut would."""

    def start_or_resume(settings: TrainSettings) -> BaseProcess:
        if status(settings.run_dir) == "none":
            process = processes.Process(target=train, args=(settings,))
        else:
            process = processes.Process(target=resume, args=(settings.run_dir,))
        process.start()
        return process

    return start_or_resume


@pytest.fixture(scope="session")
def undisturbed(
    whole_run: TrainSettings, start: Callable[[TrainSettings], BaseProcess]
) -> tuple[TrainSettings, float]:
    """The run made without any fault, and the seconds that it took."""
    began = time.monotonic()
    process = start(whole_run)
    process.join()
    assert process.exitcode == 0
    return whole_run, time.monotonic() - began


@pytest.fixture
def outcome() -> Callable[[Path], object]:
    """Card (with the weights' SHA-256) and curves of a finished run, but for what says only when and how fast."""

    def read(run_dir: Path) -> object:
        assert status(run_dir) == "finished"
        card = json.loads((run_dir / "card.json").read_text())
        training = {k: v for k, v in card["training"].items() if k not in TIMINGS}
        card = {k: v for k, v in card.items() if k != "created"} | {"training": training}
        with (run_dir / "metrics.csv").open() as file:
            rows = [{k: v for k, v in row.items() if k not in TIMINGS} for row in csv.DictReader(file)]
        return card, rows

    return read
