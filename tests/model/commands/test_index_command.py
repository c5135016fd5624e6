import os
import re
import signal
import subprocess
import sys

import pytest

from model import load_model, open_index
from model.cli import main

pytestmark = pytest.mark.integration


def arguments(tiny_model_dir, sample_dir, names, out, *more):
    return [
        "index", str(tiny_model_dir), "--data-dir", str(sample_dir), "--datasets", ",".join(names),
        "--out", str(out), *more,
    ]  # fmt: skip


def test_an_index_is_built(tiny_model_dir, sample_dir, sample_names, tmp_path, capsys):
    out = tmp_path / "index"
    code = main(
        arguments(
            tiny_model_dir, sample_dir, sample_names[:2], out, "--splits", "val,test", "--device", "cpu"
        )
    )
    assert code == 0
    index = open_index(out)
    assert [d["name"] for d in index.datasets] == list(sample_names[:2])
    assert {b.split for b in index.blocks} == {"val", "test"}
    captured = capsys.readouterr()
    assert str(out) in captured.err
    assert captured.out == ""


def test_a_lost_search_is_told(tiny_model_dir, sample_dir, sample_names, tmp_path, capsys):
    out = tmp_path / "index"
    assert main(arguments(tiny_model_dir, sample_dir, sample_names[:1], out, "--search")) == 0
    assert main(arguments(tiny_model_dir, sample_dir, sample_names[:2], out)) == 0
    assert f"  vqscope index --search --out {out}" in capsys.readouterr().err.splitlines()
    assert main(arguments(tiny_model_dir, sample_dir, sample_names[:2], out)) == 0
    assert "--search" not in capsys.readouterr().err  # what was told once is gone


def test_the_shipped_model_is_the_default(sample_dir, tmp_path):
    out = tmp_path / "index"
    options = ["--datasets", "sample_ct", "--splits", "test", "--out", str(out), "--device", "cpu"]
    assert main(["index", "--data-dir", str(sample_dir), *options]) == 0
    assert open_index(out, load_model(device="cpu")).n > 0  # which would refuse an index of another model


def test_help_has_examples(capsys):
    assert main(["index", "--help"]) == 0
    assert "vqscope index runs/two --data-dir DATA" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        {"model": "nowhere"},
        {"names": ["nosuch"]},
        {"out": "occupied"},
        {"more": ["--splits", "dev"]},
        {"more": ["--batch-size", "0"]},
        {"more": ["--batch-size", "many"]},
        {"more": ["--nosuch"]},
        {"more": ["--add"]},
    ],
)
def test_what_is_wrong_is_one_line_and_code_2(
    tiny_model_dir, sample_dir, sample_names, tmp_path, capsys, change
):
    (tmp_path / "occupied").mkdir()
    (tmp_path / "occupied" / "letter.txt").write_text("dear")
    line = arguments(
        tmp_path / change["model"] if "model" in change else tiny_model_dir,
        sample_dir,
        change.get("names", sample_names[:1]),
        tmp_path / change.get("out", "index"),
        *change.get("more", []),
    )
    assert main(line) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "error: " in error
    assert [p.name for p in tmp_path.iterdir()] == ["occupied"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_goes_on_when_asked_again(
    tiny_model_dir, sample_dir, sample_names, tmp_path, capsys, number, code
):
    out = tmp_path / "index"
    # One image at a time lasts seconds: the signal must find the build at work.
    options = ["--splits", "train", "--batch-size", "1", "--device", "cpu"]
    line = arguments(tiny_model_dir, sample_dir, sample_names[:1], out, *options)
    process = subprocess.Popen(
        [sys.executable, "-m", "model.cli", *line],
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "2"},  # two at work, as for a user
    )
    try:
        seen = b""
        while not re.search(rb" [1-9]\d*/\d+ \[", seen):  # the bar counts images once they are written
            piece = os.read(process.stderr.fileno(), 4096)
            assert piece, seen
            seen += piece
        assert (tmp_path / ".index.partial" / "embeddings.npy").exists()
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, error
    assert b"Traceback" not in error
    assert b"the same command (without --afresh) goes on there" in error
    assert not out.exists()
    assert main(line) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    shown = capsys.readouterr().err
    first = re.search(r" (\d+)/\d+ \[", shown)
    assert first is not None
    assert int(first[1]) > 0  # the bar begins where the killed build had come to
    assert main(["index", "--verify", "--out", str(out)]) == 0
    assert "as they were indexed" in capsys.readouterr().err
