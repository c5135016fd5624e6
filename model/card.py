"""The model card: what a model was trained on, how, how well it does, and what it is not for."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

from model.data.duplicates import shared_images
from model.data.npz import SPLITS
from model.latent.embedding import EMBEDDING_DEFINITION
from model.versions import EMBEDDING_VERSION

if TYPE_CHECKING:
    from lightning import Trainer

    from model.data.catalogue import DatasetInfo
    from model.data.datamodule import BiomedicalDataModule
    from model.training_settings import TrainSettings
    from model.vqvae import VQVAE

INTENDED_USE = "Research: exploring and explaining the latent space of a VQ-VAE. Not for diagnosis."
LIMITS = (
    "Learnt from small pictures of the data sets below; on other modalities, devices or sizes its codes and"
    " embeddings mean less. A reconstruction can leave out or smooth away small findings."
)


def describe_training(
    settings: "TrainSettings",
    data: "BiomedicalDataModule",
    trainer: "Trainer",
    network: "VQVAE",
    seconds: float,
    speed: dict[str, float],
    validation: dict[str, float],
) -> dict[str, Any]:
    """Card of a model that has just been trained (JSON-able).

    Args:
        settings: of the run.
        data: what it was trained on; its splits are open.
        trainer: that trained it.
        network: with the weights that are saved.
        seconds: of wall time that the training took.
        speed: `images_per_second` and `data_wait`, the share of time spent waiting for batches.
        validation: figures of the saved state on the validation split.
    """
    options, model, infos = settings.trainer, settings.model, data.split("train").infos
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "vqscope": version("vqscope"),
        "intended_use": INTENDED_USE,
        "limits": LIMITS,
        "embedding": {"version": EMBEDDING_VERSION, "definition": EMBEDDING_DEFINITION},
        "code_grid": [model.grid, model.grid],
        "codebook_size": model.quantizer.codebook_size,
        "bits_per_image": model.bits_per_image,
        "parameters": sum(p.numel() for p in network.parameters()),
        "datasets": [_dataset(info) for info in infos],
        "training": {
            "epochs": trainer.current_epoch,
            "steps": trainer.global_step,
            "seconds": round(seconds),
            **speed,
            "seed": options.seed,
            "batch_size": settings.data.batch_size,
            "devices": options.devices,
            "balance": settings.data.balance,
            "augment": settings.data.augment,
            "optimizer": asdict(settings.optimizer),
            "average_decay": options.average_decay,
            "precision": str(trainer.precision),
            "device": trainer.strategy.root_device.type,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "machine": platform.machine(),
        },
        "validation": {name: round(value, 5) for name, value in validation.items()},
        "caveats": [caveat for info in infos for caveat in _caveats(info)] + _duplicates(data),
    }


def _dataset(info: "DatasetInfo") -> dict[str, Any]:
    return {
        "name": info.name,
        "title": info.title,
        "modality": info.modality,
        "licence": info.licence,
        "official": info.official,
        "stands_for": info.stands_for,
        "note": info.note,
        "md5": info.md5,
        "n_train": info.n_samples["train"],
    }


def _caveats(info: "DatasetInfo") -> list[str]:
    """What must be known where scores are compared with others', or the weights are used for more than research."""
    caveats = []
    if info.stands_for is not None and info.stands_for != info.name:
        caveats.append(
            f"{info.name} holds the pictures of {info.stands_for} under other splits: the model may have been trained"
            f" on images of the official test split of {info.stands_for}, and scores on the two are not comparable."
        )
    if "-NC" in info.licence.upper().replace(" ", "-"):
        caveats.append(
            f"Learnt from {info.name}, whose licence ({info.licence}) is for non-commercial use: use these weights"
            " accordingly."
        )
    return caveats


def _duplicates(data: "BiomedicalDataModule") -> list[str]:
    """Which data sets have the same image in two splits."""
    opened = {split: data.split(split) for split in SPLITS}
    caveats = []
    for place, info in enumerate(opened["train"].infos):
        shared = shared_images({split: images.parts[place] for split, images in opened.items()})
        caveats += [
            f"{info.name} has {count} image{'s' * (count > 1)} of its {second} split in its {first} split too."
            for (first, second), count in shared.items()
        ]
    return caveats
