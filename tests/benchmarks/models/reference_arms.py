"""Tables 4 and 5: references at as many bits, codecs at their smallest file; the models that come with the package."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.data.datamodule import BiomedicalDataModule
from model.data.sampler import BalancedSampler
from model.data.settings import DataSettings
from model.inference import InferenceModel, Pictures, load_model
from model.shipped import shipped_models
from tests.benchmarks.models import codecs, pca, residual
from tests.benchmarks.models.arms import Arm
from tests.benchmarks.models.measuring import Reproduce, Reproduced, measure, measure_splits, of_network
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.models.store import Result, sources, versions

REFERENCES, CODECS, SHIPPED = "references", "codecs", "shipped"
COMPONENTS = 400
"""Principal components in which k-means works: what is left out is far below its error, and it is six times faster."""


def references(settings: BenchSettings) -> Iterator[Arm]:
    """PCA in two quantisations and two samplings of the training images, the Gaussian bound, residual k-means."""
    data = settings.preset("base").data
    bits = settings.preset("base").model.bits_per_image
    key = {
        "data": settings.data(data),
        "bits": bits,
        "measured": settings.limit,
        "code": sources([pca.Principal, residual.ResidualKMeans, measure, references]),
        "versions": versions("numpy", "scikit-learn"),
    }
    for name, balance, words in (("", 0.0, "pooled images"), ("-balanced", data.balance, "sampled as ours")):
        yield Arm(
            name=f"pca-entropy{name}",
            table=REFERENCES,
            title=f"PCA, entropy-coded, {words}",
            key={**key, "balance": balance},
            compute=lambda balance=balance: _entropy_coded(settings, data, balance, bits),  # type: ignore[misc]
        )
        yield Arm(
            name=f"pca-fixed{name}",
            table=REFERENCES,
            title=f"PCA, fixed rate, {words}",
            key={**key, "balance": balance},
            compute=lambda balance=balance: _fixed_rate(settings, data, balance, bits),  # type: ignore[misc]
        )
    yield Arm(
        name="residual-kmeans",
        table=REFERENCES,
        title=f"residual k-means, {settings.stages} stages",
        key={**key, "stages": settings.stages, "seed": settings.seed},
        compute=lambda: _residual(settings, data),
    )


def coded(settings: BenchSettings) -> Iterator[Arm]:
    """The codecs that this machine has."""
    for name, reproduce in codecs.available().items():
        yield Arm(
            name=f"codec-{name.lower().replace(' ', '-')}",
            table=CODECS,
            title=name,
            key={
                "md5": settings.data(settings.preset("base").data)["md5"],
                "measured": settings.codec_limit,
                "code": sources([codecs.available, measure]),
                "versions": versions("pillow"),
            },
            compute=lambda reproduce=reproduce: measure_splits(  # type: ignore[misc]
                reproduce, settings, limit=settings.codec_limit
            ),
        )


def shipped(settings: BenchSettings) -> Iterator[Arm]:
    """The models of the zoo, as `load_model` gives them."""
    for name in shipped_models():
        model = load_model(name, "cpu")
        yield Arm(
            name=f"shipped-{name}",
            table=SHIPPED,
            title=name,
            note=model.version,
            key={
                "model": model.version,
                "md5": settings.data(settings.preset("base").data)["md5"],
                "measured": settings.limit,
                "code": sources([model, measure]),
            },
            compute=lambda model=model: _shipped(settings, model),  # type: ignore[misc]
        )


def of_model(model: InferenceModel) -> Reproduce:
    """A trained model as `load_model` gives it."""

    def reproduce(pictures: Pictures) -> Reproduced:
        codes = model.encode(pictures).codes
        return Reproduced(model.decode_like(codes, pictures), codes)

    return reproduce


def _shipped(settings: BenchSettings, model: InferenceModel) -> Result:
    return {
        **measure_splits(of_model(model), settings, codebook=model.codebook_size),
        "codebook": model.codebook_size,
        "bits": model.bits_per_image,
        "cells": model.code_grid[0] * model.code_grid[1],
        "parameters": model.card.get("parameters"),
    }


def training_images(data: DataSettings, balance: float) -> NDArray[np.float32]:
    """An epoch of training images as vectors, N x (3 S S), in [-1, 1]; balance 0: every image once."""
    split = BiomedicalDataModule(data).split("train")
    order = BalancedSampler(split.counts.tolist(), balance=balance, seed=data.seed).order(0)
    images, _ = split.__getitems__(order.tolist())
    vectors: NDArray[np.float32] = images.flatten(1).numpy()
    return vectors


def _entropy_coded(settings: BenchSettings, data: DataSettings, balance: float, bits: float) -> Result:
    images = training_images(data, balance)
    principal = pca.Principal.fit(images)
    quantiser = pca.EntropyCoded(principal.transform(images), bits)

    def reproduce(pictures: Pictures) -> Reproduced:
        spent = 0.0

        def network(batch: torch.Tensor) -> tuple[torch.Tensor, None]:
            nonlocal spent
            coefficients, spent = quantiser(principal.transform(batch.flatten(1).numpy()))
            return torch.from_numpy(principal.inverse(coefficients)).view(batch.shape), None

        return of_network(network, data.image_size)(pictures)._replace(bits=spent)

    error = pca.gaussian_distortion(principal.variances, bits) / images.shape[1] / 4  # [-1, 1] -> [0, 1]
    return {
        **measure_splits(reproduce, settings),
        "bits": quantiser.bits,
        "components": quantiser.components,
        "gaussian_bound_psnr": -10 * float(np.log10(error)),
    }


def _fixed_rate(settings: BenchSettings, data: DataSettings, balance: float, bits: float) -> Result:
    images = training_images(data, balance)
    principal = pca.Principal.fit(images)
    quantiser = pca.FixedRate(principal.transform(images), int(bits))

    def reconstruct(vectors: NDArray[np.float32]) -> NDArray[Any]:
        return principal.inverse(quantiser(principal.transform(vectors)))

    return {
        **measure_splits(_of_vectors(reconstruct, data.image_size), settings),
        "bits": float(quantiser.allocation.sum()),
        "components": len(quantiser.levels),
    }


def _residual(settings: BenchSettings, data: DataSettings) -> Result:
    images = training_images(data, 0.0)
    principal = pca.Principal.fit(images)

    def project(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return principal.transform(vectors)[:, :COMPONENTS].astype(np.float32)

    quantiser = residual.ResidualKMeans(
        project(images), stages=settings.stages, seed=settings.seed, progress=settings.progress
    )

    def reconstruct(vectors: NDArray[np.float32]) -> NDArray[Any]:
        return principal.inverse(quantiser(project(vectors)).astype(np.float64))

    return {
        **measure_splits(_of_vectors(reconstruct, data.image_size), settings),
        "bits": 9.0 * settings.stages,
        "components": COMPONENTS,
    }


def _of_vectors(reconstruct: Callable[[NDArray[np.float32]], NDArray[Any]], size: int) -> Reproduce:
    def network(batch: torch.Tensor) -> tuple[torch.Tensor, None]:
        return torch.from_numpy(reconstruct(batch.flatten(1).numpy())).view(batch.shape), None

    return of_network(network, size)
