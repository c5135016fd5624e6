"""Run folder <-> `model.safetensors` + `config.json` + `card.json`. Nothing here unpickles."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from model.errors import VQScopeError
from model.shipped import find_model
from model.versions import EMBEDDING_VERSION, FORMAT
from model.vqvae import VQVAE, VQVAESettings

MAX_WEIGHT_BYTES = 2 << 30

# Needed to go on training, not to use the model.
_TRAINING_ONLY = ("quantizer.ema_count", "quantizer.ema_sum", "quantizer.started")

T = TypeVar("T")


class ModelDamaged(VQScopeError):
    """The files of a run folder cannot be read or do not fit together."""


@dataclass(frozen=True)
class StoredModel:
    """What a run folder holds."""

    folder: Path
    network: VQVAE
    card: dict[str, Any]
    sha256: str
    """Of `model.safetensors`, hexadecimal."""


def save_model(folder: Path, network: VQVAE, card: dict[str, Any]) -> str:
    """Write the three files, each atomically, weights last: a folder with weights is complete.

    Weights of more than one dimension are stored in half precision, all else in full: the codebook, biases and
    statistics are a hundredth of the size, and codes hang on them.

    Returns:
        SHA-256 of the weights, which the card carries too.

    Raises:
        VQScopeError: a weight is no finite number (in half precision); the disk is full.
    """
    tensors = {
        name: _stored(name, tensor)
        for name, tensor in _weights(network).items()
        if name not in _TRAINING_ONLY
    }
    weights = dump_tensors(tensors, metadata={"format": "pt"})
    sha256 = hashlib.sha256(weights).hexdigest()
    config = {"format": FORMAT, "architecture": "vqvae", "model": asdict(network.settings)}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "config.json", _json(config))
    write_atomically(folder / "card.json", _json({**card, "sha256": sha256}))
    write_atomically(folder / "model.safetensors", weights)
    return sha256


def read_model(folder: Path) -> StoredModel:
    """Read a run folder back.

    Raises:
        ModelNotFound: the folder holds no weights.
        ModelDamaged: a file is missing, unreadable or does not fit the others.
    """
    folder = find_model(folder)
    config = _read_json(folder / "config.json")
    if config.get("format") != FORMAT or config.get("architecture") != "vqvae":
        raise ModelDamaged(f"{folder / 'config.json'} is of an unknown format: train anew or update vqscope")
    try:
        settings = from_dict(VQVAESettings, config["model"])
        # The weights are in the folder: torchvision must not fetch (and unpickle) those that training began with.
        network = VQVAE(replace(settings, encoder=replace(settings.encoder, pretrained=False)))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelDamaged(f"{folder / 'config.json'} does not describe a model ({error})") from error
    card = _read_json(folder / "card.json")
    embedding = card.get("embedding", {}).get("version", EMBEDDING_VERSION)
    if embedding != EMBEDDING_VERSION:
        raise ModelDamaged(
            f"{folder} was trained by another version of vqscope (embedding {embedding!r}, this one has"
            f" {EMBEDDING_VERSION!r}): train it anew"
        )
    file = folder / "model.safetensors"
    if file.stat().st_size > MAX_WEIGHT_BYTES:
        raise ModelDamaged(f"{file} is larger than {MAX_WEIGHT_BYTES >> 30} GiB: not a model of this program")
    data = file.read_bytes()
    try:
        tensors = load_tensors(data)
        _load_weights(network, tensors)
    except (SafetensorError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ModelDamaged(f"{file} is damaged or of another configuration ({reason})") from error
    return StoredModel(folder, network, card, hashlib.sha256(data).hexdigest())


def _stored(name: str, tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.is_floating_point():
        half = tensor.ndim > 1 and not name.startswith("quantizer.")
        tensor = tensor.to(torch.float16 if half else torch.float32)
        if not bool(tensor.isfinite().all()):
            raise VQScopeError(
                f"{name} holds values that are no finite numbers: train anew with a lower learning rate"
            )
    return tensor


def _weights(network: VQVAE) -> dict[str, Tensor]:
    """The network's own tensors; metrics and the like belong to training."""
    parts = ("encoder.", "quantizer.", "decoder.", "embedding.")
    return {k: v for k, v in network.state_dict().items() if k.startswith(parts)}


def _load_weights(network: VQVAE, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into the network, which is in full precision whatever they are stored in."""
    expected = set(_weights(network)) - set(_TRAINING_ONLY)
    if set(tensors) != expected:
        odd = sorted(set(tensors) ^ expected)[0]
        raise KeyError(f"tensor {odd} is missing or unexpected")
    network.load_state_dict(tensors, strict=False)
    network.quantizer.started.fill_(True)


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Nested settings dataclass from its JSON form.

    Raises:
        TypeError: an unknown or missing field.
        ValueError: a value that the dataclass refuses.
    """
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type]  # T is a dataclass wherever this is called
    if unknown := set(values) - known:
        raise TypeError(f"unknown setting {sorted(unknown)[0]!r}")
    return cls(
        **{
            name: from_dict(hints[name], value) if is_dataclass(hints[name]) else value
            for name, value in values.items()
        }
    )


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old or the new one whole.

    Raises:
        VQScopeError: the disk is full or the folder cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise VQScopeError(
            f"cannot write {path} ({error.strerror}): free some space or choose another folder"
        ) from error


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ModelDamaged(f"{path} is missing: copy the whole run folder") from error
    except (OSError, ValueError) as error:
        raise ModelDamaged(f"{path} cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise ModelDamaged(f"{path} is not a JSON object")
    return value
