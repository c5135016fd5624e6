"""What is shown of a training run: its state, its pictures, and what the points of its map are coloured by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dash import html

from dashboard.client_training import Epoch, MapOfEpoch, Pictured, Run, RunList
from dashboard.components.attributes import attributes
from dashboard.components.pictures import zoomed
from dashboard.components.states import empty
from dashboard.components.words import count, per_cent
from dashboard.palette import Mark, mark
from dashboard.state_training import TrainingView

_EDGE = 64
"""CSS pixels that a picture may take."""
_STATES = {"training": "training now", "finished": "finished", "interrupted": "interrupted"}


@dataclass(frozen=True)
class Group:
    """Points of one colour."""

    key: str
    text: str
    look: Mark


def no_runs(found: RunList) -> html.Div:
    """What stands in the place of a run where there is none."""
    place = (
        "Its folder of runs is empty so far."
        if found.watching
        else "Run both from the same folder, or set VQSCOPE_RUNS."
    )
    command = "vqscope train --datasets breastmnist --run-dir runs/first"
    return empty("No training to watch", f"Start one with `{command}`. {place}")


def run_options(found: RunList) -> list[dict[str, str]]:
    """Choices of the run."""
    return [
        {"value": run.name, "label": f"{run.name} ({_STATES.get(run.state, run.state)})"}
        for run in found.items
    ]


def state_line(run: Run) -> list[html.Span | str]:
    """How far the run has come."""
    of = "" if run.max_epochs is None else f" of at most {count(run.max_epochs)}"
    words = _STATES.get(run.state, run.state)
    return [
        html.Span(words, className="training-badge", **attributes({"data-state": run.state})),
        f"{count(run.epochs)}{of} epochs",
    ]


def nothing_yet(run: Run) -> html.Div:
    """What stands in the place of map and pictures of a run without snapshots."""
    if run.epochs == 0:
        return empty("No epoch is finished yet", "The first one appears here by itself.")
    return empty("No snapshots", "This run was told to keep none, or is of a version that knew none.")


def groups_of(
    run: Run, found: MapOfEpoch, view: TrainingView, places: Mapping[str, int]
) -> tuple[list[str], list[Group]]:
    """The group of each image, and the groups; `places` are those of the data sets that have a colour already."""
    names = list(run.labels)
    if view.colour == "dataset":
        later = max(places.values(), default=-1) + 1
        unknown = [name for name in names if name not in places]
        looks = {**places, **{name: later + i for i, name in enumerate(unknown)}}
        return found.dataset, [Group(name, name, mark(looks[name])) for name in names]
    present = sorted(
        {(names.index(one), value) for one, value in zip(found.dataset, found.label, strict=True)}
    )
    groups = []
    for i, (place, value) in enumerate(present):
        words = run.labels[names[place]].name(value)
        text = words if len(names) == 1 else f"{words} ({names[place]})"
        groups.append(Group(f"{names[place]}/{value}", text, mark(i)))
    return [f"{one}/{value}" for one, value in zip(found.dataset, found.label, strict=True)], groups


def legend(groups: Sequence[Group]) -> list[html.Span]:
    """Markers and names of the groups."""
    return [
        html.Span(
            [
                html.Span(
                    className="swatch",
                    style={"--swatch": group.look.colour},
                    **attributes({"data-symbol": group.look.symbol, "aria-hidden": "true"}),
                ),
                group.text,
            ],
            className="training-key",
        )
        for group in groups
    ]


def map_note(epoch: Epoch, n: int) -> str:
    """What the map shows of the epoch's variance."""
    return f"{count(n)} validation images, {per_cent(sum(epoch.explained))} of their variance"


def pictures(run: Run, epoch: int) -> list[html.Figure]:
    """Original and reconstruction of each pictured image; each is a window onto the sheet of all."""
    edge = zoomed(run.picture_size, _EDGE) if run.picture_size else _EDGE
    style = {"--edge": f"{edge}px", "--pictures": str(len(run.pictured))}
    found = []
    for place, one in enumerate(run.pictured):
        words = f"{one.label}, {one.dataset} validation {count(one.position)}"
        found.append(
            html.Figure(
                [
                    html.Div(
                        [
                            _window(run, "originals", place, f"Original of {words}"),
                            _window(run, str(epoch), place, f"Reconstruction of {words} after epoch {epoch}"),
                        ],
                        className="training-pair",
                    ),
                    html.Figcaption(one.label, title=_title(one)),
                ],
                className="training-picture",
                style=style,
            )
        )
    return found


def _window(run: Run, which: str, place: int, alt: str) -> html.Div:
    return html.Div(
        html.Img(
            src=f"/pictures/runs/{run.name}/{which}?v={run.version}",
            className="pixels",
            alt=alt,
            style={"--place": str(place)},
        ),
        className="training-window",
    )


def _title(one: Pictured) -> str:
    return f"{one.label}, {one.dataset} validation {one.position}"
