"""Which data sets there are: MedMNIST's twelve 2-D sets and any npz of their layout in the data folder."""

import dataclasses
import difflib
import functools
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model.data.card import Card, read_card
from model.data.fingerprint import fingerprint
from model.data.npz import SPLITS, DatasetDamaged, read_layout
from model.data.official import OfficialSet, official_names, official_sets
from model.errors import VQScopeError

Source = Literal["medmnist", "card", "bare", "sample"]
SAMPLE_PREFIX = "sample_"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # fit for a URL, a folder and a file name


class DatasetNotFound(VQScopeError):
    """A name that neither MedMNIST nor the data folder knows."""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What is known of a data set: from MedMNIST's table, its card and, where there is one, its file."""

    name: str  # stem of the npz: breastmnist, breastmnist_64, ham10000
    title: str
    modality: str
    task: str  # MedMNIST's words: multi-class, binary-class, ordinal-regression, "multi-label, binary-class"
    multi_label: (
        bool  # an image has several yes/no labels (ChestMNIST) rather than one class; the file decides
    )
    labels: dict[int, str]  # what each label value means; with several labels, what each column means
    licence: str
    official: bool  # the file's MD5 is MedMNIST's; for other names what the card says
    note: str
    n_channels: int  # 1 or 3
    image_size: int  # pixels a side (the height, where images are not square)
    n_samples: dict[str, int]  # by split: train, val, test
    class_counts: (
        dict[str, dict[int, int]] | None
    )  # by split; several labels: positives. None without the file
    md5_expected: str | None
    md5: str | None  # of the file that lies there
    path: Path | None
    available: bool  # there is a file and it is sound
    source: Source
    stands_for: str | None  # the MedMNIST set whose pictures these are, where a card says so
    warnings: tuple[str, ...]  # each one line, for the user's eyes

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON knows them: path as text, label values as text keys, tuples as lists."""
        fields = dataclasses.asdict(self)
        counts = self.class_counts
        fields["path"] = None if self.path is None else str(self.path)
        fields["labels"] = {str(value): name for value, name in self.labels.items()}
        fields["class_counts"] = (
            None if counts is None else {s: {str(v): n for v, n in c.items()} for s, c in counts.items()}
        )
        fields["warnings"] = list(self.warnings)
        return fields


def list_datasets(data_dir: Path, *, cache: Path | None = None) -> list[DatasetInfo]:
    """All data sets: MedMNIST's twelve (there or not), then every other ``*.npz`` of the folder by name.

    Official files of 64, 128 and 224 pixels are listed where they lie in the folder. A broken file is listed
    as unavailable, with a warning; a folder that does not exist counts as empty. MD5 and class counts come
    from the cache (``cache``, else ``VQSCOPE_CACHE``) while a file is unchanged. Subfolders are not searched.
    """
    names = official_names()
    present = sorted(path.stem for path in data_dir.glob("*.npz") if path.is_file())
    names += [name for name in present if name not in names]
    return [_describe(name, data_dir, cache) for name in names]


def find_dataset(name: str, data_dir: Path, *, cache: Path | None = None) -> DatasetInfo:
    """One data set by name; an official one may be unavailable (see ``available``).

    Raises DatasetNotFound, naming close matches and what is there.
    """
    if _NAME.fullmatch(name) and (name in official_sets() or (data_dir / f"{name}.npz").is_file()):
        return _describe(name, data_dir, cache)
    present = sorted(path.stem for path in data_dir.glob("*.npz"))
    close = difflib.get_close_matches(name, [*present, *official_names()], n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    there = f"available: {', '.join(present)}" if present else "the folder holds no npz file"
    raise DatasetNotFound(f"no data set {name!r} in {data_dir}; {hint}{there}")


def require_folder(data_dir: Path) -> None:
    """Raise VQScopeError where the data folder does not exist."""
    if not data_dir.is_dir():
        raise VQScopeError(
            f"the data folder {data_dir} does not exist: choose another with --data-dir or VQSCOPE_DATA"
        )


def report_warnings(infos: Iterable[DatasetInfo]) -> None:
    """Print the warnings of the data sets about to be used to stderr, one line each, once in a process.

    A process may choose data, train on them and index them: the same file is remarked upon the first time.
    """
    for info in infos:
        for warning in info.warnings:
            _report_once(info.path, f"vqscope: warning: {info.name}: {warning}")


@functools.cache
def _report_once(path: Path | None, line: str) -> None:
    del path  # of files of the same name in two folders each is told
    print(line, file=sys.stderr)


def _describe(name: str, data_dir: Path, cache: Path | None) -> DatasetInfo:
    """Join what the table, the card and the file say; the file has the last word on sizes and counts."""
    path = data_dir / f"{name}.npz"
    official = official_sets().get(name)
    card, warnings = read_card(path.with_suffix(".json"))
    info = _announced(name, official, card)
    if not path.is_file():
        return dataclasses.replace(info, available=False, warnings=())
    info = dataclasses.replace(info, path=path)
    try:
        if not _NAME.fullmatch(name):
            raise DatasetDamaged(
                "the name has characters other than letters, digits, dot, dash; rename the file"
            )
        layout = read_layout(path)
        found = fingerprint(path, cache=cache)
    except (VQScopeError, OSError) as error:
        reason = str(error) if isinstance(error, VQScopeError) else f"cannot be read: {error.strerror}"
        return dataclasses.replace(info, available=False, warnings=(*warnings, reason))
    values = {value for counts in found.class_counts.values() for value in counts}
    # Without names, a label value is its own name; a class that no image has is counted as 0.
    labels = info.labels or {value: str(value) for value in sorted(values)}
    class_counts: dict[str, dict[int, int]] = {
        s: {v: found.class_counts[s].get(v, 0) for v in sorted({*labels, *values})} for s in SPLITS
    }
    if values - set(labels):
        warnings.append(f"label values without a name: {', '.join(map(str, sorted(values - set(labels))))}")
    if info.n_samples and info.n_samples != layout.n_samples:
        warnings.append(
            f"the file holds {_sizes(layout.n_samples)} images, announced were {_sizes(info.n_samples)}"
        )
    if layout.image_size[0] != layout.image_size[1]:
        warnings.append(f"images of {layout.image_size[0]}×{layout.image_size[1]} pixels are not square")
    warnings += _identity_warnings(official, card, found.md5)
    return dataclasses.replace(
        info,
        task=info.task or _task(layout.n_labels, len(labels)),
        multi_label=layout.n_labels > 1,
        labels=labels,
        official=found.md5 == official.md5 if official else bool(card and card.official),
        n_channels=layout.n_channels,
        image_size=layout.image_size[0],
        n_samples=layout.n_samples,
        class_counts=class_counts,
        md5=found.md5,
        available=True,
        warnings=tuple(warnings),
    )


def _announced(name: str, official: OfficialSet | None, card: Card | None) -> DatasetInfo:
    """What table and card say of a data set before its file is opened; the card's words win."""
    said = card or Card()
    source: Source = "card" if card else "bare"
    if official:
        source = "medmnist"
    elif card and name.startswith(SAMPLE_PREFIX):
        source = "sample"
    task = said.task or (official.task if official else "")
    return DatasetInfo(
        name=name,
        title=said.title or (official.title if official else name),
        modality=said.modality or (official.modality if official else "unknown"),
        task=task,
        multi_label=task.startswith("multi-label"),
        labels=said.labels or (official.labels if official else {}),
        licence=said.licence or (official.licence if official else "unknown"),
        official=False,
        note=said.note,
        n_channels=official.n_channels if official else 1,
        image_size=official.size if official else 28,
        n_samples=dict(official.n_samples) if official else said.n_samples,
        class_counts=None,
        md5_expected=official.md5 if official else said.md5,
        md5=None,
        path=None,
        available=False,
        source=source,
        stands_for=said.stands_for,
        warnings=(),
    )


def _identity_warnings(official: OfficialSet | None, card: Card | None, md5: str) -> list[str]:
    warnings = []
    if official and md5 != official.md5:
        warnings.append(
            f"this is not the official {official.title} file (MD5 {md5[:8]}…, official {official.md5[:8]}…): "
            "compare its scores with published ones only if its card says so"
        )
    if card and card.md5 and md5 != card.md5:
        warnings.append(f"this is not the file its card describes (MD5 {md5[:8]}…, card {card.md5[:8]}…)")
    return warnings


def _task(n_labels: int, n_classes: int) -> str:
    if n_labels > 1:
        return "multi-label, binary-class"
    return "binary-class" if n_classes == 2 else "multi-class"


def _sizes(n_samples: dict[str, int]) -> str:
    return "/".join(str(n_samples.get(split, 0)) for split in SPLITS)
