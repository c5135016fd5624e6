"""Which data an explorer takes: the user's, else downloaded ones, else the offline sample."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from model import paths
from model.data.catalogue import DatasetInfo, find_dataset, list_datasets, require_folder
from model.data.official import download_command
from model.errors import VQScopeError
from model.once import locked

PAPER_SETS = ("dermamnist", "pneumoniamnist", "retinamnist", "breastmnist", "bloodmnist")
MAX_IMAGES = 60_000
"""Images that are taken without being asked for by name: enough for the paper's five sets, and indexed in
minutes. All twelve sets would be 700,000 images."""

Say = Callable[[str], None]


def choose_data(
    data_dir: Path | None, datasets: Sequence[str], *, or_sample: bool, say: Say
) -> tuple[Path, list[DatasetInfo]]:
    """Folder and data sets to explore.

    The folder is the one that the user named (``data_dir``, ``VQSCOPE_DATA``), else MedMNIST's own. What it
    lacks is downloaded into it; where that cannot be had and no set was asked for by name, the offline sample
    is taken.

    Args:
        data_dir: The folder that the user named.
        datasets: Names; empty: the paper's five first, then others while they fit into `MAX_IMAGES`.
        or_sample: Take the offline sample where the folder holds no set, without trying to download.
        say: Is told what is done, one line at a time.

    Raises:
        VQScopeError: The named folder does not exist, none of its files can be read, or a data set that was
            asked for by name cannot be had.
    """
    named = data_dir or os.environ.get("VQSCOPE_DATA")
    folder = paths.data_dir(data_dir).absolute()
    if named and not or_sample:
        require_folder(folder)
    found = _choose_sets(folder, datasets, say)
    if found:
        return folder, found
    if or_sample:
        say(f"no data set in {folder}: taking the offline sample")
        return _sample(datasets, say)
    if named and not datasets:
        _refuse_broken(folder)
    wanted = datasets or PAPER_SETS
    missing = [name for name in wanted if not (folder / f"{name}.npz").exists()]
    say(f"{', '.join(missing)} not in {folder}: trying to download")
    from model.data.download import ensure_available  # httpx, which a start with data need not wait for

    try:
        ensure_available(wanted, folder)
    except VQScopeError as error:
        if datasets:
            raise  # asked for by name: nothing else will do
        say(f"no download ({error})")
    found = _choose_sets(folder, datasets, say)
    if found:
        return folder, found
    say(
        "taking the offline sample: patches of a few pictures that come with installed packages, not MedMNIST"
    )
    return _sample((), say)


def _choose_sets(folder: Path, wanted: Sequence[str], say: Say) -> list[DatasetInfo]:
    """Named sets if all are there; without names those of the paper first, then others while they fit.

    Raises:
        VQScopeError: A set that was named is damaged, or there is none of that name.
    """
    if not folder.is_dir():
        return []
    if wanted:
        infos = [find_dataset(name, folder) for name in wanted]
        for info in infos:
            if info.path and not info.available:
                raise VQScopeError(f"{info.path}: {'; '.join(info.warnings)}")
        return infos if all(info.available for info in infos) else []
    taken: list[DatasetInfo] = []
    left = []
    for info in sorted(_one_of_each([i for i in list_datasets(folder) if i.available], say), key=_rank):
        if not taken or sum(map(count_images, [*taken, info])) <= MAX_IMAGES:
            taken.append(info)
        else:
            left.append(info.name)
    if left:
        say(f"left out to start soon: {', '.join(left)} (choose with --datasets)")
    return taken


def count_images(info: DatasetInfo) -> int:
    """Images of a data set in all its splits."""
    return sum(info.n_samples.values())


def _one_of_each(infos: Sequence[DatasetInfo], say: Say) -> list[DatasetInfo]:
    """Of files with the same pictures one: their splits differ, so together they would leak test images.

    That is MedMNIST's own before a stand-in, the official file before another, and of several sizes
    (`breastmnist`, `breastmnist_64`) the smallest.
    """
    best: dict[str, DatasetInfo] = {}
    for info in sorted(infos, key=lambda i: (i.source != "medmnist", not i.official, i.image_size, i.name)):
        taken = best.setdefault(_pictures(info), info)
        if _base(info.name) != _base(taken.name):
            say(
                f"left out: {info.name}, the pictures of {taken.name} split another way (choose with --datasets)"
            )
    return list(best.values())


def _pictures(info: DatasetInfo) -> str:
    """Name of the set whose pictures a file holds, whatever their size."""
    return _base(info.stands_for or info.name)


def _base(name: str) -> str:
    return re.sub(r"_(64|128|224)$", "", name)


def _rank(info: DatasetInfo) -> tuple[int, str]:
    """The paper's order first, where a stand-in takes the place of its set."""
    name = _pictures(info)
    return (PAPER_SETS.index(name) if name in PAPER_SETS else len(PAPER_SETS), info.name)


def _refuse_broken(folder: Path) -> None:
    """Raise VQScopeError where a folder without a usable set holds files: the user means those."""
    for info in list_datasets(folder):
        if info.path:
            raise VQScopeError(
                f"no data set in {folder} can be read ({info.name}: {'; '.join(info.warnings)}):"
                f" put npz files there or run: {download_command(folder)}"
            )


def _sample(wanted: Sequence[str], say: Say) -> tuple[Path, list[DatasetInfo]]:
    from model.data.sample import write_sample

    folder = paths.sample_dir()
    with locked(folder, lambda: say("waiting for another vqscope that writes the sample")):
        written = write_sample(folder)
    return folder, [find_dataset(name, folder) for name in wanted or written]
