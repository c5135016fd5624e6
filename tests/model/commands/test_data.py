import json
import shlex
from pathlib import Path

import pytest

from model import paths
from model.commands.data import main
from model.data.choose import choose_data
from model.errors import VQScopeError


def test_list_shows_an_aligned_table(sample_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--data-dir", str(sample_dir)]) == 0
    printed = capsys.readouterr()
    table = printed.out.split("\n\n")[0].splitlines()
    head = table[0]
    assert head.split() == [
        "NAME",
        "STATUS",
        "TRAIN",
        "VAL",
        "TEST",
        "CLASSES",
        "PIXELS",
        "MODALITY",
        "LICENCE",
    ]
    rows = {line.split()[0]: line for line in table[1:]}
    assert rows["sample_fundus"].split()[1] == "sample"
    assert rows["pathmnist"].split()[1:3] == ["missing", "89,996"]
    assert {line[head.index("MODALITY") - 1] for line in table} == {" "}
    assert all(line[head.index("MODALITY")] != " " for line in table)
    assert f"available in {sample_dir}" in printed.out
    assert printed.err == ""


def test_list_as_json_is_json_alone(sample_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json", "--data-dir", str(sample_dir)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["data_dir"] == str(sample_dir)
    by_name = {entry["name"]: entry for entry in answer["datasets"]}
    assert by_name["sample_ct"]["labels"] == {"0": "trunk", "1": "head"}
    assert by_name["pathmnist"]["available"] is False


def test_a_broken_file_is_shown_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.npz").write_text("no")
    assert main(["list", "--data-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert "broken" in next(line for line in printed.out.splitlines() if line.startswith("mine"))
    assert "vqscope: warning: mine: mine.npz is not a readable npz" in printed.err


def test_the_folder_comes_from_the_environment(
    sample_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VQSCOPE_DATA", str(sample_dir))
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data_dir"] == str(sample_dir)


def test_the_sample_is_named_where_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `vqscope explore` shows then is in no list of the data folder."""
    monkeypatch.setenv("VQSCOPE_CACHE", str(tmp_path / "my cache"))
    empty = tmp_path / "data"
    empty.mkdir()
    assert main(["list", "--data-dir", str(empty)]) == 0
    paths.sample_dir().mkdir(parents=True)  # where the writing of it was cut off
    assert main(["list", "--data-dir", str(empty)]) == 0
    assert "offline sample" not in capsys.readouterr().out
    choose_data(empty, (), or_sample=True, say=lambda line: None)
    assert main(["list", "--data-dir", str(empty)]) == 0
    named = capsys.readouterr().out.splitlines()[-1]
    assert named.startswith("The offline sample is there: vqscope data list")
    assert main(shlex.split(named.split("vqscope data")[1])) == 0
    assert "6 of 18 available" in capsys.readouterr().out


def test_download_of_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VQScopeError, match="did you mean breastmnist"):
        main(["download", "--datasets", "brestmnist", "--data-dir", str(tmp_path)])


@pytest.mark.parametrize(
    "argv", [[], ["download", "--size", "32"], ["list", "--nonsense"], ["download", "--datasets", ","]]
)
def test_a_wrong_command_line_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(argv)
    assert leaving.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    assert leaving.value.code == 0
    assert "vqscope data download --datasets breastmnist" in capsys.readouterr().out


def test_a_folder_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(VQScopeError, match="there is no folder"):
        main(["list", "--data-dir", str(tmp_path / "nowhere")])
