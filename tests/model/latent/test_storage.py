import numpy as np
import pytest

from model.errors import VQScopeError
from model.latent.errors import IndexDamaged
from model.latent.images_table import label_column
from model.latent.storage import NpyWriter, open_npy, read_json, write_json


def test_rows_written_in_parts_are_an_ordinary_npy(tmp_path):
    whole = np.arange(60, dtype=np.float32).reshape(10, 3, 2)
    with NpyWriter(tmp_path / "a.npy", (10, 3, 2), np.float32) as writer:
        writer.append(whole[:4])
        writer.append(whole[4:].astype(np.float64))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), whole)
    np.testing.assert_array_equal(open_npy(tmp_path / "a.npy", (10, 3, 2), np.float32), whole)


def test_rows_that_do_not_fit_are_refused(tmp_path):
    def write(name, rows):
        with NpyWriter(tmp_path / name, (2, 2), np.uint8) as writer:
            writer.append(np.array(rows))

    with pytest.raises(ValueError, match="beyond uint8"):
        write("large.npy", [[1, 256], [0, 0]])
    with pytest.raises(ValueError, match="do not fit"):
        write("wide.npy", [[1, 2, 3]])
    with pytest.raises(ValueError, match="1 rows written"):
        write("short.npy", [[1, 2]])


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((4, 2), np.float64), "holds float64"),
        (np.zeros((2, 4), np.float32), "holds float32"),
        (np.asfortranarray(np.ones((4, 2), np.float32)), "Fortran"),
        (np.array([None] * 8).reshape(4, 2), "Python objects"),
    ],
)
def test_another_array_is_refused(tmp_path, array, what):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(IndexDamaged, match=what):
        open_npy(tmp_path / "a.npy", (4, 2), np.float32)


def test_bytes_too_many_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 2), np.float32))
    with (tmp_path / "a.npy").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(IndexDamaged, match="instead of"):
        open_npy(tmp_path / "a.npy", (4, 2), np.float32)


def test_json_is_written_once_and_without_nan(tmp_path):
    write_json(tmp_path / "a.json", {"grüße": [1, None]})
    assert read_json(tmp_path / "a.json") == {"grüße": [1, None]}
    with pytest.raises(FileExistsError):
        write_json(tmp_path / "a.json", {})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"x": float("nan")})


def test_labels():
    np.testing.assert_array_equal(label_column(np.array([[3], [-1]]), "x"), [3, -1])
    flags = np.array([[0] * 14, [1] + [0] * 13, [0, 1, 1] + [0] * 11])
    np.testing.assert_array_equal(label_column(flags, "chestmnist"), [0, 1, 6])
    assert label_column(np.ones((1, 31), np.int64), "x")[0] == 2**31 - 1
    assert label_column(np.empty((0, 1), np.int64), "x").shape == (0,)


@pytest.mark.parametrize("labels", [[[2**31]], [[0, 2]], [[0] * 32]])
def test_labels_that_do_not_fit(labels):
    with pytest.raises(VQScopeError, match="x has"):
        label_column(np.array(labels), "x")
