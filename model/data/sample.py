"""The offline sample: small real images for when there is no network and no data folder.

Patches of 28×28 pixels are cut, at run time, from pictures that ship inside scikit-image and pydicom. Each
picture is divided into blocks, each block belongs to one split, and a patch lies within one block: no pixel
is shared between splits. Within a block patches overlap. The sets are no benchmark, a picture or two each;
they are there so that everything runs on real biomedical images from the first minute.
"""

import importlib.util
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file

from model.data.fingerprint import hash_file
from model.data.npz import SPLITS
from model.data.sample_pictures import SAMPLE_SETS, Picture, SampleSet
from model.errors import VQScopeError

PATCH = 28
_BLACK = 12  # grey level
_VERSION = 1  # raised when other patches are cut: an older sample is then written anew
# Which split a block goes to, along a row; the next row begins two further on, to spread splits evenly.
_PATTERN = ("train", "val", "train", "test", "train")


def write_sample(folder: Path) -> list[str]:
    """Write the sample's npz files and cards to ``folder`` (made if missing) and give their names.

    The same packages give the same images; a set that lies there whole is left alone. Takes seconds. Raises
    VQScopeError where a picture is missing from its package or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for wanted in SAMPLE_SETS:
            if not _is_there(folder, wanted.name):
                _write(folder, wanted)
    except OSError as error:
        raise VQScopeError(f"cannot write the offline sample to {folder}: {error.strerror}") from error
    return [wanted.name for wanted in SAMPLE_SETS]


def cut(wanted: SampleSet) -> dict[str, NDArray[np.uint8]]:
    """The arrays of one data set: ``{split}_images`` (N,28,28[,3]) and ``{split}_labels`` (N,1), uint8."""
    images: dict[str, list[NDArray[np.uint8]]] = {split: [] for split in SPLITS}
    labels: dict[str, list[int]] = {split: [] for split in SPLITS}
    for label, picture in enumerate(wanted.pictures):
        for frame in load_picture(picture, grey=wanted.grey):
            for split, block in blocks(frame, picture.block):
                patches = _patches(block, picture)
                images[split].append(patches)
                labels[split] += [label] * len(patches)
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split in SPLITS:
        arrays[f"{split}_images"] = np.concatenate(images[split])
        arrays[f"{split}_labels"] = np.array(labels[split], dtype=np.uint8).reshape(-1, 1)
    return arrays


def load_picture(picture: Picture, *, grey: bool) -> list[NDArray[np.uint8]]:
    """The frames of a picture, cropped, windowed and reduced: uint8 (H,W) or (H,W,3) each."""
    stored = _stored(picture)
    frames = stored[list(picture.frames)] if len(picture.frames) > 1 else stored[None]
    done = []
    for frame in frames:
        if picture.window is not None:
            low, high = picture.window
            frame = np.rint((np.clip(frame, low, high) - low) / (high - low) * 255)
        image = Image.fromarray(frame.astype(np.uint8)).convert("L" if grey else "RGB")
        image = image.crop(picture.crop) if picture.crop else image
        # Box averages: a pixel of the result depends on its own source pixels only, so blocks stay disjoint.
        done.append(np.asarray(image.reduce(picture.reduce)))
    return done


def blocks(frame: NDArray[np.uint8], side: int) -> list[tuple[str, NDArray[np.uint8]]]:
    """Cut (H,W[,3]) into non-overlapping squares of ``side`` pixels, row by row, each with its split."""
    found = []
    for row in range(frame.shape[0] // side):
        for column in range(frame.shape[1] // side):
            block = frame[row * side : (row + 1) * side, column * side : (column + 1) * side]
            found.append((_PATTERN[(column + 2 * row) % len(_PATTERN)], block))
    return found


def _patches(block: NDArray[np.uint8], picture: Picture) -> NDArray[np.uint8]:
    """All patches of a block that are no flat background: (N,28,28) or (N,28,28,3)."""
    windows = sliding_window_view(block, (PATCH, PATCH), axis=(0, 1))[:: picture.stride, :: picture.stride]
    if block.ndim == 3:
        windows = np.moveaxis(windows, 2, -1)  # rows columns C 28 28 -> rows columns 28 28 C
    patches = windows.reshape(-1, *windows.shape[2:])
    grey = patches.astype(np.float32).reshape(len(patches), PATCH * PATCH, -1).mean(axis=2)
    kept = (grey.std(axis=1) >= picture.least_contrast) & ((grey < _BLACK).mean(axis=1) <= picture.most_black)
    return np.ascontiguousarray(patches[kept])


def _stored(picture: Picture) -> NDArray[Any]:
    """Pixels as the package stores them. No network: only what is installed is looked at."""
    if picture.package == "skimage":
        spec = importlib.util.find_spec("skimage")
        path = (
            Path(next(iter(spec.submodule_search_locations or []))) / "data" / picture.file if spec else None
        )
    else:
        found = get_testdata_file(picture.file, download=False)
        path = Path(str(found)) if found else None
    if path is None or not path.is_file():
        raise VQScopeError(
            f"{picture.package} is installed without its picture {picture.file}; reinstall it with pip"
        )
    if picture.package == "skimage":
        with Image.open(path) as image:
            return np.asarray(image)
    with warnings.catch_warnings():
        # Test files are odd on purpose, as J2K_pixelrep_mismatch says by name: pydicom corrects and warns.
        warnings.simplefilter("ignore")
        pixels: NDArray[Any] = pydicom.dcmread(path).pixel_array
        return pixels


def _write(folder: Path, wanted: SampleSet) -> None:
    arrays = cut(wanted)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".sample-") as temporary:
        npz = Path(temporary) / f"{wanted.name}.npz"
        with npz.open("wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        card = {
            "name": wanted.name,
            "title": wanted.title,
            "modality": wanted.modality,
            "labels": {str(label): picture.label for label, picture in enumerate(wanted.pictures)},
            "licence": wanted.licence,
            "official": False,
            "note": "Overlapping patches of the pictures that the labels name; splits share no pixel but share "
            "the picture. For trying things out, not for measuring.",
            "n_channels": 1 if wanted.grey else 3,
            "n_samples": {split: len(arrays[f"{split}_labels"]) for split in SPLITS},
            "md5": hash_file(npz),
            "sources": [f"{picture.package}: {picture.file}" for picture in wanted.pictures],
            "sample_version": _VERSION,
        }
        json_file = Path(temporary) / f"{wanted.name}.json"
        json_file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        npz.replace(folder / npz.name)
        json_file.replace(folder / json_file.name)


def _is_there(folder: Path, name: str) -> bool:
    """Whether this version of a set lies there whole: the card's MD5 is the file's."""
    try:
        card = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return bool(card["sample_version"] == _VERSION and card["md5"] == hash_file(folder / f"{name}.npz"))
    except (OSError, ValueError, KeyError, TypeError):
        return False  # missing or not ours: write it
