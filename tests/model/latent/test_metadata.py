"""Metadata of images: typed, joined by split and index, and never trusted."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from model import open_index
from model.latent.errors import IndexDamaged
from model.latent.index import build_index
from model.latent.metadata import MetadataDamaged, common_schema, read_metadata

SIZES = {"train": 5, "val": 2, "test": 2}


def read(folder: Path, text: str | bytes, sizes=SIZES):
    path = folder / "set.metadata.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_metadata(path, sizes, ("psnr",))


def test_columns_are_typed_and_what_is_missing_stays_missing(tmp_path):
    lines = [
        "split,index,age,grade,sex,id,odd",
        "test,1,45.5,3,male,9007199254740993,inf",
        "train,4,,1,,2,1",
        "train,0,NA,2, female ,3,2.5",
    ]
    found = read(tmp_path, "\ufeff" + "\n".join(lines) + "\n")
    assert found.types() == {
        "age": "double",
        "grade": "int64",
        "sex": "string",
        "id": "string",
        "odd": "double",
    }
    columns = dict(zip(found.table.column_names, found.of("train", found.table.schema), strict=True))
    assert columns["grade"].to_pylist() == [2, None, None, None, 1]
    assert columns["age"].to_pylist() == [None] * 5
    assert columns["sex"].to_pylist() == ["female", None, None, None, None]
    assert found.of("test", found.table.schema)[0].to_pylist() == [None, 45.5]
    assert found.of("test", found.table.schema)[4].to_pylist() == [None, None]  # infinite is no number
    np.testing.assert_array_equal(found.rows["val"], [-1, -1])


def test_no_file_is_no_metadata(tmp_path):
    assert read_metadata(tmp_path / "set.metadata.csv", SIZES) is None


def test_types_that_differ_between_data_sets_meet(tmp_path):
    one = read(tmp_path, "split,index,age,stage\ntrain,0,4,1\n")
    two = read(tmp_path, "split,index,age,stage,site\ntrain,0,4.5,late,arm\n")
    schema = common_schema([one, two])
    assert schema == pa.schema([("age", pa.float64()), ("stage", pa.string()), ("site", pa.string())])
    assert [c.to_pylist()[0] for c in one.of("train", schema)] == [4.0, "1", None]
    assert common_schema([two, one]).field("age").type == pa.float64()


SECRET = "Jane-Doe"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "header"),
        (b"\xff\xfe,split\n", "header"),
        ("split,age\ntrain,1\n", "needs the columns"),
        ("split,index,age,age\ntrain,0,1,1\n", "a column twice"),
        ("split,index,label\ntrain,0,1\n", "rename it"),
        ("split,index,psnr\ntrain,0,1\n", "rename it"),
        ("split,index,a b\ntrain,0,1\n", "letters, digits"),
        ("split,index," + ",".join(f"c{i}" for i in range(33)) + "\n", "33 columns"),
        (f"split,index,id\n{SECRET},0,1\n", "line \\(2\\)"),
        (f"split,index,id\ntrain,{SECRET},1\n", "no whole number"),
        ("split,index,id\ntrain,,1\n", "no whole number"),
        ("split,index,id\ntrain,-1,1\n", "no whole number"),
        ("split,index,id\ntrain,99999999999999999999,1\n", "no whole number"),
        ("split,index,id\ntrain,5,1\n", "does not have"),
        ("split,index,id\ntrain,0,1\ntrain,0,2\n", "twice"),
        (f"split,index,id\ntrain,0,{SECRET},1,2\n", "no CSV"),
        (b"split,index,id\ntrain,0,Jane-Doe\xff\n", "no CSV"),
        ("split,index,id\ntrain,0," + "x" * 257 + "\n", "257 characters"),
        ("split,index,id\ntrain,0," + "x" * (1 << 21) + "\n", "larger than"),
    ],
)
def test_a_hostile_file_is_one_clear_line_that_quotes_no_value(tmp_path, text, what):
    with pytest.raises(MetadataDamaged, match=what) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.integration
def test_metadata_become_columns_of_the_index(model, sample_dir, sample_names, tmp_path):
    data = Path(shutil.copytree(sample_dir, tmp_path / "data"))
    one, two = sample_names[:2]
    (data / f"{one}.metadata.csv").write_text("split,index,age,sex\nval,1,45.0,male\nval,0,,female\n")
    out = build_index(
        model, data_dir=data, datasets=[one, two], splits=["val"], out=tmp_path / "i", progress=False
    )
    index = open_index(out, model)
    assert index.metadata_columns == ("age", "sex")
    first = index.row(one, "val", 0)
    assert index.images["age"].to_pylist()[first : first + 3] == [None, 45.0, None]
    assert index.images["sex"].to_pylist()[first : first + 3] == ["female", "male", None]
    other = index.row(two, "val", 0)
    assert set(index.images["age"].to_pylist()[other:]) == {None}
    assert index.datasets[0]["metadata"]["columns"] == {"age": "double", "sex": "string"}
    assert "metadata" not in index.datasets[1]

    # A flipped bit in the table is found when it is opened.
    table = bytearray((out / "images.parquet").read_bytes())
    where = table.index(b"female") + 1
    table[where] ^= 4
    (out / "images.parquet").write_bytes(table)
    with pytest.raises(IndexDamaged, match=r"images\.parquet"):
        open_index(out)


def test_the_metadata_of_ham10000(real_data_dir):
    path = real_data_dir / "ham10000.metadata.csv"
    if not path.is_file():
        pytest.skip("no metadata of HAM10000 here")
    found = read_metadata(path, {"train": 7017, "val": 1000, "test": 1998})
    assert {"age": "double", "sex": "string", "site": "string"}.items() <= found.types().items()
    assert all((rows >= 0).all() for rows in found.rows.values())
    ages = found.table["age"].to_numpy()
    assert np.nanmin(ages) >= 0
    assert np.nanmax(ages) < 120
