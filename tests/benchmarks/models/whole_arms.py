"""Tables 2 and 3: whole models at equal wall time; the paper's own model and our preset of its setting."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from lightning import LightningModule, seed_everything

from model.optimization import OptimizerSettings
from model.training_settings import TrainSettings
from model.vqvae_module import VQVAEModule
from tests.benchmarks.models.arms import Arm, limits_of, training_key
from tests.benchmarks.models.fitting import Limits, fit, parameters
from tests.benchmarks.models.measuring import measure_splits, of_network
from tests.benchmarks.models.paper_model import BATCH_SIZE, OPTIMIZER, PaperModel
from tests.benchmarks.models.peers import Peer, PythaeVQVAE, monai_of_size
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result, versions

WHOLE, PAPER = "whole models", "paper"
PEER_OPTIMIZER = OptimizerSettings(name="adamw", learning_rate=1e-3, schedule="cosine")
"""Ten times the rate of either library's examples, with a schedule that they lack: in so short a time both gain."""


def whole(settings: BenchSettings) -> Iterator[Arm]:
    """Ours and the peers' models for the same time, on the same images."""
    run = settings.preset("base")
    seconds = 60 * settings.minutes
    peers = replace(run, optimizer=PEER_OPTIMIZER)
    plain = replace(limits_of(run, seconds=seconds), average_decay=0.0)
    yield _arm(
        settings,
        "whole-ours",
        WHOLE,
        "VQScope, base preset",
        run,
        limits_of(run, seconds=seconds),
        lambda: VQVAEModule(run.model, run.optimizer),
    )
    yield _arm(
        settings,
        "whole-monai",
        WHOLE,
        "MONAI VQVAE",
        peers,
        plain,
        lambda: monai_peer(settings),
        package=versions("monai"),
        note="two levels, as many parameters as ours; AdamW 1e-3, cosine",
    )
    yield _arm(
        settings,
        "whole-pythae",
        WHOLE,
        "pythae VQVAE",
        peers,
        plain,
        lambda: Peer(PythaeVQVAE(), PEER_OPTIMIZER),
        package=versions("pythae"),
        note="its ResNet for CIFAR; AdamW 1e-3, cosine",
    )


def monai_peer(settings: BenchSettings) -> Peer:
    """MONAI's VQVAE with as many trained parameters as our base preset."""
    run = settings.preset("base")
    return Peer(monai_of_size(parameters(VQVAEModule(run.model))), PEER_OPTIMIZER)


def paper(settings: BenchSettings) -> Iterator[Arm]:
    """The paper's model and our preset of its setting, after the same number of images."""
    run = settings.preset("paper")
    theirs = replace(
        run,
        optimizer=OPTIMIZER,
        data=replace(
            run.data, image_size=PaperModel.image_size, batch_size=BATCH_SIZE, balance=0.0, augment="none"
        ),
    )
    yield _arm(
        settings,
        "paper-ours",
        PAPER,
        "VQScope, paper preset",
        run,
        limits_of(run, steps=_steps(settings, run)),
        lambda: VQVAEModule(run.model, run.optimizer),
    )
    yield _arm(
        settings,
        "paper-own",
        PAPER,
        "the paper's model",
        theirs,
        replace(limits_of(theirs, steps=_steps(settings, theirs)), average_decay=0.0),
        lambda: Peer(PaperModel(), OPTIMIZER),
        note="SGD with Nesterov momentum, batches of 16; without ImageNet weights",
    )


def _steps(settings: BenchSettings, run: TrainSettings) -> int:
    return max(1, settings.paper_images // run.data.batch_size)


def _arm(
    settings: BenchSettings,
    name: str,
    table: str,
    title: str,
    run: TrainSettings,
    limits: Limits,
    make: Callable[[], VQVAEModule | Peer],
    *,
    package: dict[str, str] | None = None,
    note: str = "",
) -> Arm:
    def build() -> VQVAEModule | Peer:
        seed_everything(settings.seed, workers=True, verbose=False)
        return make().to(memory_format=torch.channels_last)

    def compute() -> Result:
        network = build()
        fitted = fit(network, run.data, limits, seed=settings.seed, label=name, progress=settings.progress)
        size, bits, grid = _codes(network)
        reproduce = of_network(lambda images: _reconstruct(network, images), run.data.image_size)
        return {
            **measure_splits(reproduce, settings, codebook=size),
            "codebook": size,
            "bits": bits,
            "cells": grid**2,
            "parameters": parameters(network),
            "fit": fitted.to_dict(),
        }

    key = training_key(settings, run, build(), limits, package=package)
    return Arm(name=name, table=table, title=title, note=note, key=key, compute=compute)


def _codes(network: VQVAEModule | Peer) -> tuple[int, float, int]:
    """Codebook size, bits an image, side of the code grid."""
    if isinstance(network, VQVAEModule):
        model = network.settings
        return network.quantizer.codebook_size, model.bits_per_image, model.grid
    body = network.body
    assert isinstance(body.codebook_size, int)
    assert isinstance(body.code_grid, int)
    return body.codebook_size, network.bits_per_image, body.code_grid


def _reconstruct(network: LightningModule, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(network, VQVAEModule):
        reconstructed, quantised = network(images)
        return reconstructed, quantised.codes
    output = network(images)
    return output.images, output.codes
