"""The page on training in a real browser, over a run folder to which the epochs of a real run are written."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from model import run_folder, snapshots

pytestmark = pytest.mark.browser
UNFINISHED = shutil.ignore_patterns("model.safetensors", "metrics.csv", "epoch-*")


def write_epoch(run: Path, source: Path, epoch: int) -> None:
    """As a training does: the snapshot, then the curves, each whole at once."""
    part = run / ".part"
    shutil.copy(snapshots.epoch_path(source, epoch), part)
    part.rename(snapshots.epoch_path(run, epoch))
    lines = (source / "metrics.csv").read_text().splitlines(keepends=True)
    part.write_text("".join(lines[: 1 + epoch]))
    part.rename(run / "metrics.csv")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """The folder that the service watches; empty at first."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def pair(runs, start_pair, tiny_model_dir, tiny_index_dir, sample_dir) -> Iterator[tuple[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQSCOPE_RUNS", str(runs))
        arguments = ("--model", tiny_model_dir, "--index", tiny_index_dir, "--data-dir", sample_dir)
        with start_pair(*map(str, arguments)) as urls:
            yield urls


@pytest.fixture
def training(browser: Browser, open_page, pair, watched) -> Iterator[Page]:
    page = open_page(browser)
    yield page
    page.context.close()
    watched.check()


def points_of(page: Page) -> int:
    return page.evaluate(
        "document.querySelector('#training-map .js-plotly-plot').data.flatMap((t) => [...t.x]).length"
    )


def test_a_run_that_is_written_is_followed_without_a_reload(training, pair, runs, tiny_model_dir):
    page, (api, dashboard) = training, pair
    page.goto(f"{dashboard}/training")
    expect(page.locator("#training-message")).to_contain_text("vqscope train --datasets")
    page.evaluate("window.stayed = true")

    run = runs / "live"
    shutil.copytree(tiny_model_dir, run, ignore=UNFINISHED)
    with run_folder.being_written(run):
        expect(page.locator("#training-state")).to_contain_text("training now")
        expect(page.locator("#training-none")).to_contain_text("No epoch is finished yet")
        expect(page.locator("#training-curves .annotation")).to_have_count(0)  # no charts of nothing
        for epoch in (1, 2):
            write_epoch(run, tiny_model_dir, epoch)
            expect(page.locator("#training-epoch")).to_have_text(f"Epoch {epoch}")
            expect(page.locator("#training-state")).to_contain_text(f"{epoch} of at most 2 epochs")
            told = httpx.get(f"{api}/v1/runs/live/epochs/{epoch}/points", trust_env=False).json()
            page.wait_for_function(
                "x => document.querySelector('#training-map .js-plotly-plot')?.data[0]?.x[0] === x",
                arg=told["x"][0],
            )
            assert points_of(page) == told["n"]
    shutil.copy(tiny_model_dir / "model.safetensors", run)
    expect(page.locator("#training-state")).to_contain_text("finished")
    page.wait_for_function("dash_component_api.getLayout('training-tick').props.disabled")
    told = httpx.get(f"{api}/v1/runs/live", trust_env=False).json()
    drawn = page.evaluate(
        "Object.fromEntries(document.querySelector('#training-curves .js-plotly-plot')"
        ".data.map((t) => [t.meta.column, [...t.y]]))"
    )
    assert len(drawn) == 10
    assert drawn == {column: told["curves"][column] for column in drawn}
    images = page.locator(".training-window img")
    expect(images).to_have_count(2 * len(told["pictured"]))
    assert page.evaluate(
        "[...document.querySelectorAll('.training-window img')].every((i) => i.naturalWidth > 0)"
    )
    assert page.evaluate("window.stayed")


def test_epochs_are_replayed_and_a_link_keeps_the_one_that_is_shown(training, pair, runs, tiny_model_dir):
    page, (_, dashboard) = training, pair
    if not (runs / "done").exists():
        shutil.copytree(tiny_model_dir, runs / "done")
    page.goto(f"{dashboard}/training?run=done")
    expect(page.locator("#training-epoch")).to_have_text("Epoch 2")
    page.get_by_role("slider", name="Epoch").press("Home")
    expect(page.locator("#training-epoch")).to_have_text("Epoch 1")
    page.wait_for_url(re.compile(r"\?run=done&epoch=1$"))
    expect(page.locator("#training-follow")).not_to_be_checked()
    page.reload()
    expect(page.locator("#training-epoch")).to_have_text("Epoch 1")
    page.locator("#training-play").click()
    expect(page.locator("#training-epoch")).to_have_text("Epoch 2")
    expect(page.locator("#training-play")).to_contain_text("Play")
    page.wait_for_url(re.compile(r"\?run=done$"))
    page.locator("#training-colour").click()
    page.get_by_role("option", name="Label").click()
    page.wait_for_url(re.compile(r"\?run=done&colour=label$"))
    page.wait_for_function(
        "document.querySelector('#training-map .js-plotly-plot').data.every((t) => t.meta.group.includes('/'))"
    )
