"""The page on training without a browser: its address, what it reads, what it draws."""

import httpx
import pytest

from dashboard import client_training
from dashboard.app import create_app
from dashboard.client_training import Labels, MapOfEpoch, Run, RunChoice, RunList
from dashboard.components.training import (
    groups_of,
    map_note,
    no_runs,
    nothing_yet,
    pictures,
    run_options,
    state_line,
)
from dashboard.errors import ApiUnreadable
from dashboard.figures.training_figures import curves_figure, map_figure
from dashboard.pages.training_callbacks import _chosen, _place
from dashboard.settings import DashboardSettings
from dashboard.state_training import TrainingView

ANSWER = {
    "name": "two",
    "state": "training",
    "updated": "2026-01-31T12:00:00Z",
    "version": "9f86d081884c",
    "epochs": 3,
    "max_epochs": 30,
    "curves": {"epoch": [1, 2, 3], "train_loss": [0.5, None, 0.3], "val_psnr": [20, 21, 22]},
    "snapshots": [
        {"epoch": epoch, "explained_variance_ratio": [0.4, 0.1], "extent": 2.0 * epoch} for epoch in (1, 3)
    ],
    "datasets": [
        {"name": "a", "labels": {"0": "no", "1": "yes"}, "multi_label": False},
        {"name": "b", "labels": {"0": "mass", "1": "node"}, "multi_label": True},
    ],
    "pictured": [{"dataset": "a", "position": 4, "label": 1}, {"dataset": "b", "position": 0, "label": 3}],
    "picture_size": 28,
}  # fmt: skip
FOUND = MapOfEpoch(
    x=[0.0, 1.0, 2.0], y=[0.0, 1.0, 2.0], dataset=["a", "b", "a"], position=[1, 2, 3], label=[0, 3, 1]
)


@pytest.fixture
def run():
    return Run.of(ANSWER)


def text_of(component) -> str:
    children = getattr(component, "children", component)
    if isinstance(children, (list, tuple)):
        return " ".join(map(text_of, children))
    return text_of(children) if hasattr(children, "children") else str(children or "")


@pytest.mark.parametrize(
    "view", [TrainingView(), TrainingView(run="two", epoch=3), TrainingView(run="a.b-c", colour="label")]
)
def test_a_link_reproduces_the_view(view):
    assert TrainingView.from_query(view.to_query()) == view
    assert TrainingView.from_store(view.to_store()) == view


@pytest.mark.parametrize(
    "query",
    ["?run=../x", "?run=a/b", "?epoch=0", "?epoch=-1", "?epoch=two", "?colour=odd", "?run=" + "x" * 101],
)
def test_what_cannot_be_read_is_the_default(query):
    assert TrainingView.from_query(query) == TrainingView()


def test_labels_are_told_in_words(run):
    assert [one.label for one in run.pictured] == ["yes", "mass + node"]
    assert Labels({0: "a"}, multi_label=True).name(0) == "none"
    assert Labels({}, multi_label=False).name(7) == "7"


async def test_answers_that_are_none_are_told(client_of):
    answers = client_of(lambda _: httpx.Response(200, json={**ANSWER, "snapshots": [{"epoch": 1}]}))
    with pytest.raises(ApiUnreadable):
        await client_training.run_answer(answers, "two")


async def test_a_run_is_asked_for_by_its_name(client_of):
    asked = []

    def answer(request):
        asked.append(request.url.raw_path)
        return httpx.Response(200, json=ANSWER)

    await client_training.run_answer(client_of(answer), "a?b")
    assert asked == [b"/v1/runs/a%3Fb"]


def test_the_newest_epoch_is_followed_and_a_missing_one_replaced(run):
    places = [_place(run, TrainingView(epoch=epoch)) for epoch in (None, 1, 2, 3, 9)]
    assert places == [1, 0, 0, 1, 1]


def test_the_run_that_is_shown_stays_when_another_becomes_the_latest():
    names = ["new", "old"]
    assert _chosen(TrainingView(), names, None) == "new"
    assert _chosen(TrainingView(), names, {"name": "old"}) == "old"
    assert _chosen(TrainingView(run="old"), names, {"name": "new"}) == "old"
    assert _chosen(TrainingView(run="gone"), names, {"name": "new"}) is None
    assert _chosen(TrainingView(), [], None) is None


def test_curves_are_the_service_s_numbers(run):
    figure = curves_figure(run, 3)
    drawn = {trace.meta["column"]: list(trace.y) for trace in figure.data}
    assert drawn == {name: values for name, values in ANSWER["curves"].items() if name != "epoch"}
    assert all(list(trace.x) == [1, 2, 3] for trace in figure.data)


def test_the_map_has_one_scale_for_all_epochs(run):
    groups, about = groups_of(run, FOUND, TrainingView(), {"b": 0})
    looks = {one.key: one.look for one in about}
    figure = map_figure(FOUND, groups, looks, run.labels, run.snapshots)
    assert list(figure.layout.xaxis.range) == [-1.04 * 6, 1.04 * 6]
    assert figure.layout.yaxis.scaleanchor == "x"
    assert {trace.meta["group"]: len(trace.x) for trace in figure.data} == {"a": 2, "b": 1}
    assert "mass + node" in figure.data[1].text[0]


def test_a_data_set_has_its_colour_of_the_other_pages(run):
    _, groups = groups_of(run, FOUND, TrainingView(), {"b": 0, "other": 4})
    looks = {group.key: group.look.colour for group in groups}
    assert looks["b"] == "#0072B2"
    assert len(set(looks.values())) == 2


def test_labels_have_colours_of_their_own(run):
    keys, groups = groups_of(run, FOUND, TrainingView(colour="label"), {})
    assert [group.text for group in groups] == ["no (a)", "yes (a)", "mass + node (b)"]
    assert set(keys) == {group.key for group in groups}


def test_pictures_are_windows_onto_one_sheet(run):
    found = pictures(run, 3)
    images = [image for figure in found for image in figure._traverse() if type(image).__name__ == "Img"]
    assert {image.src for image in images} == {
        "/pictures/runs/two/originals?v=9f86d081884c", "/pictures/runs/two/3?v=9f86d081884c"
    }  # fmt: skip
    assert [image.style["--place"] for image in images] == ["0", "0", "1", "1"]
    assert "Reconstruction of yes, a validation 4 after epoch 3" in images[1].alt


def test_states_are_told(run):
    assert "training now" in text_of(state_line(run)[0])
    assert state_line(run)[1] == "3 of at most 30 epochs"
    assert run_options(RunList(True, (RunChoice("two", "interrupted"),)))[0]["label"] == "two (interrupted)"
    assert map_note(run.snapshots[0], 1000) == "1,000 validation images, 50.0 % of their variance"
    assert "vqscope train" in text_of(no_runs(RunList(True, ())))
    assert "VQSCOPE_RUNS" in text_of(no_runs(RunList(False, ())))
    assert "keep none" in text_of(nothing_yet(run))


@pytest.mark.parametrize(
    "path", ["../1", "two/0", "two/x", "two/-1", "%2e%2e/originals", "two/originals?v=zz"]
)
async def test_pictures_of_odd_names_are_not_asked_for(path):
    app = create_app(DashboardSettings(api_url="http://127.0.0.1:1"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
        answer = await browser.get(f"/pictures/runs/{path}")
    assert answer.status_code in {404, 422} or "html" in answer.headers["content-type"]
