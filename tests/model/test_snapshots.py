import numpy as np
import pytest

from model import snapshots
from model.latent.evolving import Frame
from model.snapshots import ShownDataset, ShownImages, SnapshotDamaged, SnapshotNotFound


def shown(n=6, pictures=2):
    return ShownImages(
        datasets=(ShownDataset(name="a", labels={"0": "yes"}, multi_label=False, grey=True),),
        dataset=np.zeros(n, np.int32),
        position=np.arange(n, dtype=np.int32),
        label=np.zeros(n, np.int32),
        pictured=np.arange(pictures, dtype=np.int32),
        originals=np.full((pictures, 4, 4, 3), 7, np.uint8),
    )


def write(run_dir, epoch, value=1.0, n=6):
    frame = Frame(np.full((n, 2), value, np.float32), (0.5, 0.25))
    snapshots.write_epoch(run_dir, epoch, frame, np.full((2, 4, 4, 3), epoch % 256, np.uint8))


def test_what_is_written_is_read_back(tmp_path):
    snapshots.write_images(tmp_path, shown())
    found = snapshots.read_images(tmp_path)
    assert found.datasets == shown().datasets
    np.testing.assert_array_equal(found.position, shown().position)
    np.testing.assert_array_equal(found.originals, shown().originals)
    write(tmp_path, 3, -2.5)
    epoch = snapshots.read_epoch(tmp_path, 3)
    np.testing.assert_array_equal(epoch.points, np.full((6, 2), -2.5))
    np.testing.assert_array_equal(epoch.reconstructions, np.full((2, 4, 4, 3), 3))
    about = snapshots.describe_epoch(tmp_path, 3)
    assert (about.epoch, about.explained_variance_ratio, about.extent) == (3, (0.5, 0.25), 2.5)


def test_an_epoch_that_is_done_again_takes_the_place_of_the_first_try(tmp_path):
    write(tmp_path, 1, 1.0)
    write(tmp_path, 1, 9.0)
    assert snapshots.epochs_in(tmp_path) == [1]
    assert snapshots.read_epoch(tmp_path, 1).points.max() == 9
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["epoch-00001.safetensors"]


def test_many_epochs_are_thinned_out_evenly():
    present: list[int] = []
    for epoch in range(1, 1001):
        present = snapshots.kept_epochs([*present, epoch], epoch, most=20)
        assert len(present) <= 20
        assert present[0] == 1
        assert present[-1] == epoch
        gaps = np.diff(present[:-1])
        assert len(set(gaps.tolist())) <= 1
    assert len(present) > 10


def test_nothing_is_thinned_out_before_there_are_many():
    assert snapshots.kept_epochs(list(range(1, 200)), 199) == list(range(1, 200))
    assert len(snapshots.kept_epochs(list(range(1, 202)), 201)) <= snapshots.MAX_SNAPSHOTS


def test_what_is_too_much_is_removed_from_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "kept_epochs", lambda present, newest: [1, newest])
    for epoch in (1, 2, 3):
        write(tmp_path, epoch)
    assert snapshots.epochs_in(tmp_path) == [1, 3]


def test_what_is_not_there_is_told(tmp_path):
    assert snapshots.epochs_in(tmp_path) == []
    with pytest.raises(SnapshotNotFound, match="images"):
        snapshots.read_images(tmp_path)
    with pytest.raises(SnapshotNotFound, match="epoch-00004"):
        snapshots.read_epoch(tmp_path, 4)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 64])
def test_damage_is_told_in_one_line(tmp_path, content):
    write(tmp_path, 1)
    snapshots.epoch_path(tmp_path, 1).write_bytes(content)
    for read in (snapshots.read_epoch, snapshots.describe_epoch):
        with pytest.raises(SnapshotDamaged, match="cannot be read") as told:
            read(tmp_path, 1)
        assert "\n" not in str(told.value)


def test_arrays_that_do_not_fit_together_are_damage(tmp_path):
    from dataclasses import replace

    snapshots.write_images(tmp_path, replace(shown(), dataset=np.ones(6, np.int32)))
    with pytest.raises(SnapshotDamaged):
        snapshots.read_images(tmp_path)
    snapshots.write_images(tmp_path, replace(shown(), position=np.zeros(3, np.int32)))
    with pytest.raises(SnapshotDamaged):
        snapshots.read_images(tmp_path)


def test_a_file_that_is_no_snapshot_by_its_size_is_not_read(tmp_path, monkeypatch):
    write(tmp_path, 1)
    monkeypatch.setattr(snapshots, "_MAX_BYTES", 10)
    with pytest.raises(SnapshotDamaged, match="larger than"):
        snapshots.read_epoch(tmp_path, 1)
