"""Table 1: same encoder, decoder, images in the same order, optimiser, steps and bits; only the quantiser differs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from lightning import seed_everything

from model.quantizers.base import Quantizer
from model.vqvae_module import VQVAEModule
from tests.benchmarks.models.adapters import (
    Isolated,
    LucidrainsQuantizer,
    MonaiQuantizer,
    NoQuantizer,
    PythaeQuantizer,
)
from tests.benchmarks.models.arms import Arm, limits_of, training_key
from tests.benchmarks.models.fitting import fit, parameters
from tests.benchmarks.models.measuring import measure_splits, of_network
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result, Store, versions

TABLE = "quantisers"
Make = Callable[[Quantizer], Quantizer]
"""Our quantiser -> the one that takes its place."""

TUNED = {"kmeans_init": True, "threshold_ema_dead_code": 2}
CANDIDATES: Mapping[str, Mapping[str, float | bool]] = {
    f"{gradient}, decay {decay:g}, commitment {weight:g}": {
        **TUNED,
        "decay": decay,
        "rotation_trick": gradient == "rotation trick",
        "commitment_weight": weight,
    }
    for gradient in ("rotation trick", "straight-through")
    for decay in (0.9, 0.99)
    for weight in (0.25, 1.0)
}
"""Of which the tuned arm takes the best on the validation split, after a third of the steps each."""


def arms(settings: BenchSettings, store: Store) -> Iterator[Arm]:
    """The rows, ours first."""
    vqp = versions("vector-quantize-pytorch")
    yield _arm(settings, "ours", "VQScope, base preset", lambda ours: ours, {})
    yield _arm(
        settings, "no-quantiser", "no quantiser (ceiling)", lambda ours: NoQuantizer(ours.code_dim), {}
    )
    yield _arm(settings, "vqp-default", "vector-quantize-pytorch, defaults", _lucidrains({}), vqp)
    yield _tuned(settings, store, vqp)
    yield _arm(
        settings,
        "monai-quantiser",
        "MONAI EMAQuantizer, defaults",
        lambda ours: MonaiQuantizer(ours.codebook_size, ours.code_dim),
        versions("monai"),
    )
    yield _arm(
        settings,
        "pythae-quantiser",
        "pythae QuantizerEMA, defaults",
        lambda ours: PythaeQuantizer(ours.codebook_size, ours.code_dim),
        versions("pythae"),
    )


def build(settings: BenchSettings, make: Make) -> VQVAEModule:
    """Our network with another quantiser; encoder and decoder start from the same weights whatever it is."""
    run = settings.preset("base")
    seed_everything(settings.seed, workers=True, verbose=False)
    network = VQVAEModule(run.model, run.optimizer)
    network.quantizer = Isolated(make(network.quantizer))  # type: ignore[assignment]  # the interface is the same
    return network.to(memory_format=torch.channels_last)


def _lucidrains(options: Mapping[str, float | bool]) -> Make:
    return lambda ours: LucidrainsQuantizer(ours.codebook_size, ours.code_dim, options)


def _arm(
    settings: BenchSettings,
    name: str,
    title: str,
    make: Make,
    package: dict[str, str],
    *,
    steps: int | None = None,
    options: object = None,
) -> Arm:
    run = settings.preset("base")
    limits = limits_of(run, steps=steps or settings.steps, accelerator=settings.accelerator)
    key = training_key(settings, run, build(settings, make), limits, package=package, options=options)

    def compute() -> Result:
        network = build(settings, make)
        fitted = fit(network, run.data, limits, seed=settings.seed, label=name, progress=settings.progress)
        size = network.quantizer.codebook_size
        reproduce = of_network(lambda images: _reconstruct(network, images), run.model.image_size)
        return {
            **measure_splits(reproduce, settings, codebook=size),
            "codebook": size,
            "bits": run.model.bits_per_image if size else None,
            "cells": run.model.grid**2,
            "parameters": parameters(network),
            "fit": fitted.to_dict(),
        }

    return Arm(name=name, table=TABLE, title=title, key=key, compute=compute)


def _reconstruct(network: VQVAEModule, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    reconstructed, quantised = network(images)
    return reconstructed, quantised.codes


def _tuned(settings: BenchSettings, store: Store, package: dict[str, str]) -> Arm:
    """The best of the candidates on the validation split after a third of the steps, then trained in full."""
    steps = max(1, settings.steps // 3)
    title = "vector-quantize-pytorch, tuned"

    def arm(label: str, number: int | None) -> Arm:
        name = "vqp-tuned-final" if number is None else f"vqp-candidate-{number}"
        options = CANDIDATES[label]
        short = None if number is None else steps
        return _arm(settings, name, title, _lucidrains(options), package, steps=short, options=dict(options))

    def compute() -> Result:
        found: dict[str, Any] = {
            label: arm(label, i).run(store)["val"]["mean"]["psnr"] for i, label in enumerate(CANDIDATES)
        }
        best = max(found, key=lambda label: float(found[label]))
        return {**arm(best, None).run(store), "choice": best, "candidates": found}

    full = arm(next(iter(CANDIDATES)), None).key
    key = {**full, "options": {k: dict(v) for k, v in CANDIDATES.items()}, "steps_to_choose": steps}
    return Arm(name="vqp-tuned", table=TABLE, title=title, key=key, compute=compute)
