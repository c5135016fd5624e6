"""What medmnist says about its twelve 2-D data sets, without importing its PyTorch half.

``import medmnist`` pulls in torch and scikit-learn (seconds); the table lies in ``medmnist/info.py`` alone.
Yang et al., "MedMNIST v2", Scientific Data 10:41 (2023), https://doi.org/10.1038/s41597-022-01721-8
"""

import functools
import importlib.util
import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from model import paths
from model.errors import VQScopeError

SIZES = (28, 64, 128, 224)

# medmnist's table has no field for the modality: these are the words of the paper's table 1.
_MODALITIES = {
    "pathmnist": "colon pathology",
    "chestmnist": "chest X-ray",
    "dermamnist": "dermatoscopy",
    "octmnist": "retinal OCT",
    "pneumoniamnist": "chest X-ray",
    "retinamnist": "fundus camera",
    "breastmnist": "breast ultrasound",
    "bloodmnist": "blood cell microscopy",
    "tissuemnist": "kidney cortex microscopy",
    "organamnist": "abdominal CT (axial)",
    "organcmnist": "abdominal CT (coronal)",
    "organsmnist": "abdominal CT (sagittal)",
}


@dataclass(frozen=True, kw_only=True)
class OfficialSet:
    """One official file: a 2-D MedMNIST data set at one ``size`` (pixels a side); ``name`` is its stem."""

    name: str
    title: str
    modality: str
    task: str
    labels: dict[int, str]
    licence: str
    n_channels: int
    n_samples: dict[str, int]
    size: int
    url: str
    md5: str


@functools.cache
def official_sets() -> Mapping[str, OfficialSet]:
    """All official 2-D files by name: ``breastmnist`` (28 px), ``breastmnist_64``, ``_128``, ``_224``, …"""
    sets = {}
    for flag, entry in _info().items():
        if flag not in _MODALITIES:
            continue
        for size in SIZES:
            suffix = "" if size == 28 else f"_{size}"
            sets[flag + suffix] = OfficialSet(
                name=flag + suffix,
                title=entry["python_class"] + (f" ({size} px)" if suffix else ""),
                modality=_MODALITIES[flag],
                task=entry["task"],
                labels={int(value): name for value, name in entry["label"].items()},
                licence=entry["license"],
                n_channels=entry["n_channels"],
                n_samples=dict(entry["n_samples"]),
                size=size,
                url=entry[f"url{suffix}"],
                md5=entry[f"MD5{suffix}"],
            )
    return MappingProxyType(sets)


def official_names(size: int = 28) -> list[str]:
    """Names of the twelve files of one size, in MedMNIST's order. Raises VQScopeError for another size."""
    if size not in SIZES:
        raise VQScopeError(f"MedMNIST has no size {size}; choose one of {', '.join(map(str, SIZES))}")
    return [name for name, entry in official_sets().items() if entry.size == size]


def download_command(data_dir: Path, names: Sequence[str] = (), *, size: int = 28) -> str:
    """What to type to fetch official files into ``data_dir``; ``names`` without their size, none: all."""
    words = ["vqscope", "data", "download"]
    if names:
        words += ["--datasets", ",".join(names)]
    if size != 28:
        words += ["--size", str(size)]
    if data_dir.absolute() != paths.data_dir().absolute():
        words += ["--data-dir", str(data_dir)]
    return shlex.join(words)


def _info() -> dict[str, dict[str, Any]]:
    package = importlib.util.find_spec("medmnist")
    if package is None or not package.submodule_search_locations:
        raise VQScopeError("the package medmnist is not installed; run: pip install medmnist")
    file = Path(package.submodule_search_locations[0]) / "info.py"
    spec = importlib.util.spec_from_file_location("vqscope_medmnist_info", file)
    if spec is None or spec.loader is None:
        raise VQScopeError(
            f"medmnist has no {file.name}; reinstall it: pip install --force-reinstall medmnist"
        )
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        # The file tries to make ~/.medmnist and warns where it cannot; our data folder is a setting.
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    info: dict[str, dict[str, Any]] = module.INFO
    return info
