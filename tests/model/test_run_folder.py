from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from model.data.settings import DataSettings
from model.errors import VQScopeError
from model.run_folder import RECORD, RunDamaged, begin, held, recorded_settings, status
from model.training_settings import TrainerSettings, TrainSettings


@pytest.fixture
def settings(tmp_path):
    chosen = TrainSettings(
        data=DataSettings(datasets=("a", "b"), data_dir=tmp_path / "data", batch_size=7),
        run_dir=tmp_path / "run",
        trainer=TrainerSettings(max_time=timedelta(minutes=10, seconds=1), seed=3),
    )
    chosen.run_dir.mkdir()
    begin(chosen)
    return chosen


def test_what_is_recorded_is_read_back_whole(settings):
    assert recorded_settings(settings.run_dir) == settings
    moved = settings.run_dir.rename(settings.run_dir.with_name("moved"))
    assert recorded_settings(moved) == replace(settings, run_dir=moved)


def test_a_relative_data_folder_is_recorded_as_it_was_meant(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin(replace(settings, data=replace(settings.data, data_dir=Path("data"))))
    monkeypatch.chdir("/")
    assert recorded_settings(settings.run_dir).data.data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("batch_size: 7", "batch_size: many", "data.batch_size"),
        ("batch_size: 7", "batch_size: 0", "batch_size"),
        ("batch_size: 7", "size_of_batch: 7", "another version"),
        ("data:", "- data:", "cannot be read"),
    ],
)
def test_a_record_that_cannot_be_used_is_one_clear_line(settings, old, new, match):
    record = settings.run_dir / RECORD
    record.write_text(record.read_text().replace(old, new, 1))
    with pytest.raises(VQScopeError, match=match) as caught:
        recorded_settings(settings.run_dir)
    assert "\n" not in str(caught.value)


def test_an_empty_record_is_a_damaged_run(settings):
    (settings.run_dir / RECORD).write_text("")
    with pytest.raises(RunDamaged):
        recorded_settings(settings.run_dir)


def test_a_folder_without_a_run_is_told(tmp_path):
    assert status(tmp_path) == "none"
    with pytest.raises(VQScopeError, match=f"holds no {RECORD}"):
        recorded_settings(tmp_path)


def test_only_one_process_trains_in_a_folder(tmp_path):
    with held(tmp_path / "run"), pytest.raises(VQScopeError, match="another process"), held(tmp_path / "run"):
        pass
    with held(tmp_path / "run"):
        pass


def test_what_a_killed_process_was_writing_is_removed(settings):
    (settings.run_dir / ".last.ckpt.123.part").touch()
    with held(settings.run_dir):
        assert [path.name for path in settings.run_dir.iterdir()] == [RECORD]
