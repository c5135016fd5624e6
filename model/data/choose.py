"""Which data an explorer takes: the user's, else downloaded ones, else the offline sample."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from model import paths
from model.data.catalogue import DatasetInfo, find_dataset, list_datasets
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

    A folder that the user named (``data_dir``, ``VQSCOPE_DATA``) is used or refused, never replaced, unless
    ``or_sample`` allows it. Without one: MedMNIST's own folder if it holds a set, else a download, else the
    offline sample.

    Args:
        data_dir: The folder that the user named.
        datasets: Names; empty: the paper's five first, then others while they fit into `MAX_IMAGES`.
        or_sample: Take the offline sample where the folder holds no set, without trying to download.
        say: Is told what is done, one line at a time.

    Raises:
        VQScopeError: The named folder or data set does not exist, or no set in it can be read.
    """
    named = data_dir or os.environ.get("VQSCOPE_DATA")
    folder = paths.data_dir(data_dir).absolute()
    found = _choose_sets(folder, datasets, say)
    if found:
        return folder, found
    if or_sample:
        say(f"no data set in {folder}: taking the offline sample")
        return _sample(datasets, say)
    if named:
        raise VQScopeError(_why_none(folder, datasets))
    wanted = list(datasets or PAPER_SETS)
    say(f"no data set in {folder}: trying to download {', '.join(wanted)}")
    from model.data.download import download

    try:
        download(wanted, folder, 28)
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
    for info in sorted(_smallest([i for i in list_datasets(folder) if i.available]), key=_rank):
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


def _smallest(infos: Sequence[DatasetInfo]) -> list[DatasetInfo]:
    """Of one set at several sizes (`breastmnist`, `breastmnist_64`) the smallest."""
    best: dict[str, DatasetInfo] = {}
    for info in infos:
        base = re.sub(r"_(64|128|224)$", "", info.name)
        if base not in best or info.image_size < best[base].image_size:
            best[base] = info
    return list(best.values())


def _rank(info: DatasetInfo) -> tuple[int, str]:
    """The paper's order first, where a stand-in takes the place of its set."""
    name = info.stands_for or info.name
    return (PAPER_SETS.index(name) if name in PAPER_SETS else len(PAPER_SETS), info.name)


def _why_none(folder: Path, wanted: Sequence[str]) -> str:
    if not folder.is_dir():
        return f"the data folder {folder} does not exist: choose another with --data-dir or VQSCOPE_DATA"
    infos = list_datasets(folder)
    remedy = f"put npz files there or run `vqscope data download --data-dir {folder}`"
    if wanted:
        there = {info.name for info in infos if info.available}
        return f"{folder} does not hold {', '.join(name for name in wanted if name not in there)}: {remedy}"
    broken = [f"{info.name}: {'; '.join(info.warnings)}" for info in infos if info.path]
    if broken:
        return f"no data set in {folder} can be read ({broken[0]}): {remedy}"
    return f"{folder} holds no data set: {remedy}"


def _sample(wanted: Sequence[str], say: Say) -> tuple[Path, list[DatasetInfo]]:
    from model.data.sample import write_sample

    folder = paths.cache_dir() / "sample"
    with locked(folder, lambda: say("waiting for another vqscope that writes the sample")):
        written = write_sample(folder)
    return folder, [find_dataset(name, folder) for name in wanted or written]
