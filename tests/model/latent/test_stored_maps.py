"""A damaged map that nobody needs takes nothing else with it, and can be removed."""

import shutil

import pytest

from model import open_index
from model.cli import main
from model.latent.errors import IndexDamaged

pytestmark = pytest.mark.integration
FILES = ("map.json", "coordinates.npy", "projector.safetensors", "quality.json", "preservation.npy")


@pytest.fixture
def other(copy):
    """Folder of a second map."""
    return shutil.copytree(copy / "maps" / "pca", copy / "maps" / "other")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_map_is_left_out_with_a_warning_that_helps(copy, other, name, caplog):
    assert open_index(copy).map_names == ("pca", "other")
    assert caplog.text == ""
    (other / name).write_bytes(b"rubbish")
    assert open_index(copy).map_names == ("pca",)
    (record,) = caplog.records
    assert "the map other is left out" in record.getMessage()
    assert name in record.getMessage()
    assert record.getMessage().endswith(f"vqscope map remove {copy} other")


def test_pca_is_needed(copy, other):
    (copy / "maps" / "pca" / "map.json").write_text("{}")
    with pytest.raises(IndexDamaged, match=r"map\.json"):
        open_index(copy)


def test_the_commands_go_on_without_it(copy, other, capsys):
    (other / "map.json").unlink()
    assert main(["map", "list", str(copy)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["NAME", "pca"]
    assert main(["map", "remove", str(copy), "other"]) == 0
    assert not other.exists()
