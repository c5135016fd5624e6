"""The ablations: every option exists, an arm is trained once, the table says what was found."""

from pathlib import Path

import pytest

from model.errors import VQScopeError
from tests.benchmarks.models.settings import BenchSettings
from tests.benchmarks.recipe.__main__ import RecipeSettings, main, run
from tests.benchmarks.recipe.questions import QUESTIONS


def test_every_arm_is_a_run_that_vqscope_train_takes(sample_dir: Path, sample_names: tuple[str, ...]) -> None:
    bench = BenchSettings(data_dir=sample_dir, work=sample_dir, datasets=sample_names, progress=False)
    recipe = RecipeSettings(bench=bench, epochs=1)
    for question, arms in QUESTIONS.items():
        runs = [recipe.train_settings(options) for options in arms.values()]
        assert len(set(map(repr, runs))) == len(arms) > 1, f"{question}: two arms are the same"


def test_an_unknown_question_is_refused() -> None:
    with pytest.raises(VQScopeError, match="no question 'colour'; there are code dimension"):
        main(["--questions", "colour"])


@pytest.mark.integration
def test_a_question_to_a_table(sample_dir: Path, tmp_path: Path) -> None:
    bench = BenchSettings(
        data_dir=sample_dir, work=tmp_path, datasets=("sample_cell",), limit=4, progress=False
    )
    small = ("--preset", "quick", "--data.batch_size", "50")
    questions = {"decay": {"0.8": (*small, "--model.quantizer.decay", "0.8"), "recipe": small}}
    out = tmp_path / "tables" / "recipe.md"
    run(RecipeSettings(bench=bench, epochs=1, questions=questions), out)
    stored = {path: path.stat().st_mtime_ns for path in tmp_path.glob("arm-*.json")}
    assert len(stored) == 2
    table = out.read_text()
    assert table.startswith("### decay\n")
    assert "| 0.8 | " in table
    assert table.count("**") == 2
    assert " of 256 |" in table
    again = {"all of it": questions["decay"]}
    run(RecipeSettings(bench=bench, epochs=1, questions=again), out)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("arm-*.json")} == stored
