"""`vqscope train` as a user types it: a process, its exit code, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys

import pytest

from model.commands.train import main, parse
from model.errors import VQScopeError

SMALL = [
    "--model.decoder.width", "16", "--model.decoder.min_width", "16", "--model.decoder.blocks", "0",
    "--model.quantizer.codebook_size", "32",
]  # fmt: skip


def command(*argv):
    return [sys.executable, "-m", "model.cli", "train", *map(str, argv)]


def test_a_wrong_option_need_not_wait_for_lightning(tmp_path):
    source = (
        "import sys; from model.cli import main\n"
        f"try: main(['train', '--datasets', 'a', '--run-dir', {str(tmp_path)!r}, '--trainer.max_epochs', 'x'])\n"
        "except SystemExit as leaving: assert leaving.code == 2\n"
        "heavy = {'lightning', 'torchmetrics', 'torchvision'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_preset_then_options(tmp_path):
    settings = parse(
        [
            "--datasets",
            "a,b",
            "--run-dir",
            str(tmp_path),
            "--preset=paper",
            "--optimizer.learning_rate",
            "0.1",
        ]
    )
    assert settings.data.datasets == ("a", "b")
    assert settings.data.image_size == settings.model.image_size == 64
    assert settings.model.grid == 4
    assert settings.model.quantizer.code_dim == 2
    assert settings.optimizer.learning_rate == 0.1


def test_short_options(tmp_path):
    settings = parse(
        [
            "--datasets",
            "a",
            "--run-dir",
            str(tmp_path),
            "--max-epochs",
            "3",
            "--max-time",
            "01:02:03",
            "--seed",
            "7",
        ]
    )
    assert settings.trainer.max_epochs == 3
    assert settings.trainer.max_time is not None
    assert settings.trainer.max_time.total_seconds() == 3723
    assert settings.trainer.seed == settings.data.seed == 7


def test_help_keeps_examples_as_they_are_written_and_types_and_defaults(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert "  vqscope train --resume runs/two" in lines
    assert "  vqscope train --datasets pneumoniamnist --run-dir runs/paper --preset paper" in lines
    assert lines[-2].startswith("Ctrl-C ends a training cleanly")
    assert "(type: int | null," in " ".join(" ".join(lines).split())  # what jsonargparse's own formatter adds


@pytest.mark.parametrize(
    ("extra", "match"),
    [
        (["--preset", "huge"], "no preset 'huge'"),
        (["--max-time", "10"], "HH:MM:SS"),
        (["--max-time", "00:00:00"], "more than"),
        (["--model.image_size", "30"], "multiple"),
        (["--optimizer.learning_rate", "-1"], "positive"),
        (["--optimizer.weight_decay", "-1"], "weight_decay"),
        (["--optimizer.name", "sgd"], r"weight_decay 0\.1 is too much for sgd"),  # the preset's own
        (["--trainer.patience", "-1"], "patience"),
        (["--trainer.devices", "0"], "devices"),
        (["--trainer.average_decay", "1"], "average_decay"),
        (["--seed", "99999999999"], "seed"),
    ],
)
def test_impossible_values_are_one_clear_line(tmp_path, extra, match):
    with pytest.raises(VQScopeError, match=match) as caught:
        parse(["--datasets", "a", "--run-dir", str(tmp_path), *extra])
    assert "\n" not in str(caught.value)


@pytest.mark.integration
@pytest.mark.parametrize(
    "argv",
    [
        ["--run-dir", "r"],
        ["--datasets", "nothing_of_that_name", "--run-dir", "r"],
        ["--datasets", "sample_ct", "--run-dir", "r", "--model.image_size", "big"],
        ["--datasets", "sample_ct", "--run-dir", "r", "--colour"],
    ],
)
def test_wrong_options_end_with_one_line_and_code_2(argv, sample_dir, tmp_path):
    done = subprocess.run(
        command(*argv, "--data-dir", sample_dir), capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "error" in done.stderr


@pytest.mark.parametrize(
    "argv",
    [["--resume"], ["--resume="], ["--resume", "r", "--max-epochs", "3"], ["--seed", "1", "--resume=r"]],
)
def test_resume_takes_a_run_folder_and_nothing_else(argv, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(argv)
    assert capsys.readouterr().err.count("\n") == 1


def test_what_cannot_be_resumed_is_told(tmp_path):
    with pytest.raises(VQScopeError, match=r"holds no train\.yaml"):
        main([f"--resume={tmp_path}"])


def read_until(words, process):
    """What a process says on stderr, up to and with some words; it must not end before."""
    seen = ""
    while words not in seen:
        piece = os.read(process.stderr.fileno(), 4096).decode()
        assert piece, f"it ended before it said {words!r}: {seen}"
        seen += piece
    return seen


@pytest.mark.integration
def test_ctrl_c_ends_cleanly_with_the_best_state_saved(sample_dir, tmp_path):
    run_dir = tmp_path / "run"
    argv = command(
        "--datasets", "sample_ct", "--data-dir", sample_dir, "--run-dir", run_dir, "--max-epochs", 100_000
    )
    process = subprocess.Popen(
        [*argv, *SMALL, "--trainer.patience", "100000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # The progress bar names an epoch once it is validated: only then is there a state worth saving.
    read_until("epoch", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "saved" in out
    assert f"vqscope train --resume {run_dir}" in err
    assert list(run_dir.glob(".*")) == []
    assert json.loads((run_dir / "card.json").read_text())["sha256"]
    assert (run_dir / "model.safetensors").is_file()


@pytest.mark.integration
def test_the_second_ctrl_c_ends_at_once(sample_dir, tmp_path):
    argv = command("--datasets", "sample_ct", "--data-dir", sample_dir, "--run-dir", tmp_path / "run")
    process = subprocess.Popen([*argv, "--max-epochs", "100000"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    seen = read_until("training", process)
    process.send_signal(signal.SIGINT)
    seen += read_until("again to end at once", process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, seen + err
    assert "Traceback" not in seen + err
    assert not (tmp_path / "run" / "model.safetensors").exists()
