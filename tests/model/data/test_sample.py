import dataclasses
from pathlib import Path

import numpy as np
import pytest

from model.data.arrays import open_split
from model.data.catalogue import list_datasets
from model.data.npz import SPLITS
from model.data.sample import SAMPLE_SETS, blocks, load_picture, write_sample
from model.errors import VQScopeError


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_sample(folder)
    return folder


def test_there_are_enough_images_of_enough_modalities(written: Path, tmp_path: Path) -> None:
    infos = [info for info in list_datasets(written, cache=tmp_path) if info.source == "sample"]
    assert [info.name for info in infos] == sorted(wanted.name for wanted in SAMPLE_SETS)
    assert len({info.modality for info in infos}) >= 4
    assert sum(sum(info.n_samples.values()) for info in infos) >= 1500
    for info in infos:
        assert info.available
        assert info.warnings == ()
        assert not info.official
        assert "not MedMNIST" in info.title
        assert info.licence != "unknown"
        assert info.image_size == 28
        assert info.class_counts is not None
        for split in SPLITS:
            assert all(n > 0 for n in info.class_counts[split].values()), (info.name, split)


def test_patches_show_structure(written: Path, tmp_path: Path) -> None:
    for wanted in SAMPLE_SETS:
        for split in SPLITS:
            opened = open_split(wanted.name, split, data_dir=written, cache=tmp_path)
            images = opened.images.reshape(len(opened), 28 * 28, -1).mean(axis=2)
            assert images.std(axis=1).min() > 4, (wanted.name, split)
            assert (images < 12).mean(axis=1).max() <= 0.6
            distinct = len(np.unique(opened.images.reshape(len(opened), -1), axis=0))
            assert distinct > 0.95 * len(opened)


def test_splits_share_no_pixel_of_a_picture() -> None:
    for wanted in SAMPLE_SETS:
        for picture in wanted.pictures:
            frame = load_picture(picture, grey=wanted.grey)[0]
            # Number the pixels: blocks of the numbers show which pixels each split gets.
            numbers = np.arange(frame.shape[0] * frame.shape[1]).reshape(frame.shape[:2])
            owned: dict[str, set[int]] = {split: set() for split in SPLITS}
            for split, block in blocks(numbers, picture.block):
                assert block.shape == (picture.block, picture.block)
                owned[split] |= set(block.ravel().tolist())
            assert all(owned.values()), (wanted.name, picture.file)
            assert not owned["train"] & owned["val"]
            assert not owned["train"] & owned["test"]
            assert not owned["val"] & owned["test"]


def test_no_patch_is_in_two_splits(written: Path, tmp_path: Path) -> None:
    for wanted in SAMPLE_SETS:
        seen = [
            {
                image.tobytes()
                for image in open_split(wanted.name, split, data_dir=written, cache=tmp_path).images
            }
            for split in SPLITS
        ]
        assert not seen[0] & seen[1]
        assert not seen[0] & seen[2]
        assert not seen[1] & seen[2]


def test_it_is_the_same_every_time_and_left_alone_when_whole(written: Path, tmp_path: Path) -> None:
    names = write_sample(tmp_path / "again")
    for name in names:
        for suffix in (".npz", ".json"):
            assert (tmp_path / "again" / (name + suffix)).read_bytes() == (
                written / (name + suffix)
            ).read_bytes()
    before = {path.name: path.stat().st_mtime_ns for path in written.iterdir()}
    assert write_sample(written) == names
    assert {path.name: path.stat().st_mtime_ns for path in written.iterdir()} == before


def test_a_damaged_set_is_written_anew(tmp_path: Path) -> None:
    name = write_sample(tmp_path)[0]
    whole = (tmp_path / f"{name}.npz").read_bytes()
    (tmp_path / f"{name}.npz").write_bytes(whole[:1000])
    write_sample(tmp_path)
    assert (tmp_path / f"{name}.npz").read_bytes() == whole
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VQScopeError, match="cannot write the offline sample"):
        write_sample(tmp_path / "file")


def test_a_missing_picture_is_told() -> None:
    for package in ("skimage", "pydicom"):
        picture = dataclasses.replace(SAMPLE_SETS[0].pictures[0], package=package, file="nothing.png")
        with pytest.raises(VQScopeError, match=rf"{package} is installed without its picture nothing\.png"):
            load_picture(picture, grey=True)
