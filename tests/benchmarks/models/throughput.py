"""Table 6: images per second of the whole training step, ours and MONAI's, each run in several ways; data loading."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median

import torch
from lightning import LightningModule, seed_everything

from model.data.augmentation import AUGMENTATIONS
from model.data.datamodule import BiomedicalDataModule
from model.vqvae_module import VQVAEModule
from tests.benchmarks.models.arms import Arm, limits_of, training_key
from tests.benchmarks.models.fitting import fit, parameters
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result, sources, versions
from tests.benchmarks.models.whole_arms import monai_peer

TABLE = "throughput"
WARM_UP = 8
"""Steps before the clock runs."""


@dataclass(frozen=True)
class Variant:
    """A network and how it is run."""

    title: str
    make: Callable[[], LightningModule]
    bfloat16: bool
    channels_last: bool
    compiled: bool = False
    """By `torch.compile`, encoder and decoder."""

    def build(self, seed: int) -> LightningModule:
        """The network with weights of this seed, laid out and compiled as the variant says."""
        seed_everything(seed, workers=True, verbose=False)
        network = self.make().to(
            memory_format=torch.channels_last if self.channels_last else torch.contiguous_format
        )
        if self.compiled:
            assert isinstance(network, VQVAEModule)
            network.encoder.compile()
            network.decoder.compile()
        return network


def arms(settings: BenchSettings) -> Iterator[Arm]:
    """One arm for all variants: they are timed in turn, so that what disturbs the machine disturbs all."""
    run = settings.preset("base")
    limits = replace(limits_of(run, steps=WARM_UP + settings.timed_steps), validate=False)

    def ours() -> VQVAEModule:
        return VQVAEModule(run.model, run.optimizer)

    def theirs() -> LightningModule:
        return monai_peer(settings)

    low = limits.bfloat16
    ways = [(bf16, last) for bf16 in (False, True) for last in (False, True) if low or not bf16]
    variants = [Variant("VQScope, base preset", ours, low, True)]
    variants += [
        Variant(f"VQScope, {_way(bf16, last)}", ours, bf16, last)
        for bf16, last in ways
        if (bf16, last) != (low, True)
    ]
    if shutil.which("g++"):  # which torch.compile calls
        variants.append(Variant("VQScope, base preset, torch.compile", ours, low, True, compiled=True))
    variants += [Variant(f"MONAI VQVAE, {_way(bf16, last)}", theirs, bf16, last) for bf16, last in ways]
    peers = [i for i, variant in enumerate(variants) if variant.make is theirs]

    def compute() -> Result:
        networks = [variant.build(settings.seed) for variant in variants]
        speeds: list[list[float]] = [[] for _ in variants]
        between: list[float] = []
        for repeat in range(settings.repeats):
            for i, (variant, network) in enumerate(zip(variants, networks, strict=True)):
                fitted = fit(
                    network,
                    run.data,
                    replace(
                        limits,
                        bfloat16=variant.bfloat16,
                        average_decay=0.0 if i in peers else limits.average_decay,
                    ),
                    seed=settings.seed,
                    label=f"timing {repeat + 1} of {settings.repeats}: {variant.title}",
                    progress=settings.progress,
                    warm_up=WARM_UP,
                )
                speeds[i].append(fitted.images_per_second)
                if i == 0:
                    between.append(fitted.between_steps)
        rows = [
            {
                "title": variant.title,
                "images_per_second": median(found),
                "range": [min(found), max(found)],
                "parameters": parameters(network),
            }
            for variant, network, found in zip(variants, networks, speeds, strict=True)
        ]
        step = run.data.batch_size / median(speeds[0])
        return {
            "rows": rows,
            "ratio": median(speeds[0]) / max(median(speeds[i]) for i in peers),
            "ratio_as_shipped": median(speeds[0]) / median(speeds[peers[0]]),
            "between_steps": median(between),
            "data_loading": _seconds_a_batch(settings) / step,
        }

    key = training_key(
        settings,
        run,
        ours(),
        limits,
        repeats=settings.repeats,
        peer={**versions("monai"), "code": sources([arms, monai_peer])},
        variants=[variant.title for variant in variants],
        machine_threads=torch.get_num_threads(),
    )
    yield Arm(name="throughput", table=TABLE, title="training throughput", key=key, compute=compute)


def _way(bf16: bool, channels_last: bool) -> str:
    return f"{'bf16' if bf16 else 'fp32'}{', channels_last' if channels_last else ''}"


def _seconds_a_batch(settings: BenchSettings) -> float:
    """Of fetching, assembling and flipping a batch of the base preset, with nothing else going on."""
    data = settings.preset("base").data
    batches = iter(BiomedicalDataModule(data).train_dataloader())
    next(batches)
    began, count = time.monotonic(), 0
    for images, _ in islice(batches, settings.timed_steps):
        AUGMENTATIONS[data.augment](images)
        count += 1
    return (time.monotonic() - began) / max(count, 1)
