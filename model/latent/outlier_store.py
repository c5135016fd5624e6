"""The outlier detector's references on disk: made once for an index, whole or not at all, and nothing pickled.

They lie in our cache and not in the index, which may be read-only and has a writer of its own:
``CACHE/outliers/INDEX/`` with ``references.json``, ``references.safetensors`` and ``bank.npy`` (memory-mapped).
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as tensor_bytes

from model.latent.code_rarity import CodeRarity
from model.latent.outlier_fitting import fit_outliers
from model.latent.outliers import DatasetReference, OutlierDetector, OutlierSettings
from model.latent.storage import NpyWriter, damaged, open_npy, read_bytes, read_json, sync, write_json
from model.latent.typicality import Typicality
from model.once import is_sealed, made_once, seal
from model.paths import cache_dir

if TYPE_CHECKING:
    from model.latent.index import LatentIndex

VERSION = 2
"""Of these files and of how the measures are computed; another one is never read."""

_FILES = ("references.json", "references.safetensors", "bank.npy")


def open_outliers(
    index: "LatentIndex", *, cache: Path | None = None, progress: bool = False
) -> OutlierDetector:
    """The detector of an index, with its default settings: fitted on first use, from then on read from the cache.

    Two processes that ask at the same time fit it once; one that is killed leaves nothing that is taken for whole.

    Args:
        index: see `fit_outliers`.
        cache: the cache folder (default: ``VQSCOPE_CACHE``, else the platform's).
        progress: whether a first fit shows a bar on stderr.

    Raises:
        NoReferences: no data set of the index can be judged against.
        IndexDamaged: the cached files are sound but do not fit the index.
        OSError: the cache cannot be written.
    """
    folder = (cache or cache_dir()) / "outliers" / f"{index.version}-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with made_once(folder, lambda path: is_sealed(path, _FILES), on_wait=lambda: None) as part:
        if part is not None:
            part.mkdir()
            save_outliers(fit_outliers(index, progress=progress), part)
            seal(part, _FILES)
            sync(part)
    return load_outliers(folder, index)


def save_outliers(detector: OutlierDetector, folder: Path) -> None:
    """Write a detector into an empty folder."""
    references = detector.references
    tensors: dict[str, NDArray[Any]] = {
        "measures": detector.measures,
        "strangeness": detector.strangeness,
    }
    for i, reference in enumerate(references):
        tensors[f"{i}.counts"] = reference.rarity.counts
        tensors[f"{i}.mean"] = reference.typicality.mean
        tensors[f"{i}.covariance"] = reference.typicality.covariance
        tensors[f"{i}.measures"] = reference.measures
        tensors[f"{i}.strangeness"] = reference.strangeness
    (folder / "references.safetensors").write_bytes(
        tensor_bytes({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    )
    sync(folder / "references.safetensors")
    rows = sum(len(reference.bank) for reference in references)
    with NpyWriter(folder / "bank.npy", (rows, references[0].bank.shape[1]), np.float32) as bank:
        for reference in references:
            bank.append(reference.bank)
    write_json(
        folder / "references.json",
        {
            "version": VERSION,
            "settings": asdict(detector.settings),
            "skipped": dict(detector.skipped),
            "references": [
                {
                    "name": reference.name,
                    "title": reference.title,
                    "image_size": reference.image_size,
                    "bank": len(reference.bank),
                    "n": reference.typicality.n,
                    "floor": reference.typicality.floor,
                }
                for reference in references
            ],
        },
    )


def load_outliers(folder: Path, index: "LatentIndex") -> OutlierDetector:
    """Read what `save_outliers` wrote for an index.

    Raises:
        IndexDamaged: a file is missing, cut short, or does not fit.
    """
    described = folder / "references.json"
    content = read_json(described)
    try:
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        tensors = load_tensors(read_bytes(folder / "references.safetensors"))
        settings = OutlierSettings(**content["settings"])
        listed = content["references"]
        stops = np.cumsum([0, *(int(entry["bank"]) for entry in listed)]).tolist()
        bank = open_npy(folder / "bank.npy", (stops[-1], index.embeddings.shape[1]), np.float32)
        references = tuple(
            DatasetReference(
                name=str(entry["name"]),
                title=str(entry["title"]),
                image_size=int(entry["image_size"]),
                bank=bank[stops[i] : stops[i + 1]],
                rarity=CodeRarity(tensors[f"{i}.counts"], settings.smoothing),
                typicality=Typicality(
                    int(entry["n"]),
                    float(entry["floor"]),
                    tensors[f"{i}.mean"],
                    tensors[f"{i}.covariance"],
                ),
                measures=tensors[f"{i}.measures"],
                strangeness=tensors[f"{i}.strangeness"],
            )
            for i, entry in enumerate(listed)
        )
        return OutlierDetector(
            references=references,
            skipped=dict(content["skipped"]),
            measures=tensors["measures"],
            strangeness=tensors["strangeness"],
            settings=settings,
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise damaged(described, f"does not hold outlier references ({error})") from error
