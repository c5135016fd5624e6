import threading

import pytest
import yaml

from model import run_folder, runs, snapshots
from model.curves import COLUMNS
from model.run_folder import RunDamaged
from model.runs import RunNotFound

from .test_snapshots import shown, write


@pytest.fixture
def run(tmp_path):
    """A run of two epochs that was cut."""
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "train.yaml").write_text(yaml.safe_dump({"trainer": {"max_epochs": 30}}))
    (folder / "last.ckpt").write_bytes(b"")
    lines = [",".join(COLUMNS), *(",".join([str(e), *["0.5"] * (len(COLUMNS) - 1)]) for e in (0, 1))]
    (folder / "metrics.csv").write_text("\n".join(lines))
    snapshots.write_images(folder, shown())
    write(folder, 1)
    return folder


def test_the_state_follows_the_process_that_trains(run):
    (found,) = runs.runs_in(run.parent)
    assert (found.name, found.state) == ("one", "interrupted")
    with run_folder.being_written(run):
        assert runs.find_run(run.parent, "one").state == "training"
    (run / "last.ckpt").unlink()
    (run / "model.safetensors").write_bytes(b"")
    assert runs.find_run(run.parent, "one").state == "finished"


def test_who_looks_keeps_nobody_from_training(run):
    """The lock of a looker is waited for, not stumbled over."""
    with (run / "train.yaml").open("rb") as looker:
        import fcntl

        fcntl.flock(looker, fcntl.LOCK_SH)
        begun = threading.Event()

        def train():
            with run_folder.held(run), run_folder.being_written(run):
                begun.set()

        thread = threading.Thread(target=train)
        thread.start()
        assert not begun.wait(0.05)
        fcntl.flock(looker, fcntl.LOCK_UN)
        assert begun.wait(60)
        thread.join()


def test_curves_count_epochs_from_one_and_leave_out_what_is_no_number(run):
    curves = runs.curves_of(run)
    assert curves.columns["epoch"] == [1, 2]
    assert (curves.epochs, curves.max_epochs) == (2, 30)
    (run / "metrics.csv").write_text((run / "metrics.csv").read_text().replace("0.5", "nan", 1))
    assert runs.curves_of(run).columns[COLUMNS[1]] == [None, 0.5]
    (run / "metrics.csv").unlink()
    assert runs.curves_of(run).epochs == 0


@pytest.mark.parametrize("content", [b"epoch\n1", b"\xff\xfe", b"a" * 100])
def test_curves_that_are_none_are_told(run, content):
    (run / "metrics.csv").write_bytes(content + b"\nx,y\n")
    with pytest.raises(RunDamaged):
        runs.curves_of(run)


def test_a_record_that_is_none_only_costs_the_number_of_epochs(run):
    (run / "train.yaml").write_text("- [")
    assert runs.curves_of(run).max_epochs is None


@pytest.mark.parametrize("name", ["..", ".", "", "../one", "one/../one", "a\0b", ".hidden", "x" * 101, "two"])
def test_no_name_leads_out_of_the_folder(run, name):
    with pytest.raises(RunNotFound):
        runs.find_run(run.parent, name)


def test_links_are_not_followed(run, tmp_path):
    elsewhere = run.rename(tmp_path / "elsewhere")
    run.symlink_to(elsewhere)
    assert runs.runs_in(run.parent) == []
    run.unlink()
    run.mkdir()
    for name in ("train.yaml", "last.ckpt"):
        (run / name).write_bytes(b"")
    (run / "snapshots").symlink_to(elsewhere / "snapshots")
    assert runs.runs_in(run.parent) == []


def test_folders_that_are_no_runs_are_left_out(run):
    (run.parent / "notes").mkdir()
    (run.parent / "file").write_text("")
    assert [found.name for found in runs.runs_in(run.parent)] == ["one"]
    assert runs.runs_in(run.parent / "nowhere") == []


def test_a_run_started_anew_has_another_version(run):
    before = runs.version_of(run)
    write(run, 2)
    assert runs.version_of(run) == before
    (run / "train.yaml").write_text("trainer: {max_epochs: 31}")
    assert runs.version_of(run) != before
