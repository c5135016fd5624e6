"""Page: a training run, also while it is written: curves, map of each epoch, reconstructions (layout and parts)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.client_training import Epoch, MapOfEpoch, Pictured, Run, RunList
from dashboard.components.attributes import attributes
from dashboard.components.pictures import zoomed
from dashboard.components.states import empty
from dashboard.components.words import count, per_cent
from dashboard.figures.training_figures import curve_legend
from dashboard.palette import Mark, mark
from dashboard.state_training import TrainingView

POLL_SECONDS = 2.0
PLAY_SECONDS = 0.7
_EDGE = 64
"""CSS pixels that a picture may take."""
_HONEST = (
    "Each epoch has a PCA of its own, turned or mirrored to agree with the epoch before: distances are that epoch's "
    "own, and no epoch is seen through the axes of a later one."
)
_STATES = {"training": "training now", "finished": "finished", "interrupted": "interrupted"}


@dataclass(frozen=True)
class Group:
    """Points of one colour."""

    key: str
    text: str
    look: Mark


def layout() -> html.Main:
    """The page; its data arrive by the callbacks of training_callbacks.py."""
    return html.Main(
        [
            html.Section(
                _controls(),
                className="panel training-controls",
                **attributes({"aria-label": "Run and epoch"}),
            ),
            html.Div(
                empty("Loading …", "The runs are being fetched."),
                id="training-message",
                className="panel training-message",
            ),
            html.Div(
                [_curves(), _map(), _gallery()],
                id="training-body",
                className="training-body",
                hidden=True,
            ),
            dcc.Interval(id="training-tick", interval=round(1000 * POLL_SECONDS), disabled=True),
            dcc.Interval(id="training-play-tick", interval=round(1000 * PLAY_SECONDS), disabled=True),
            dcc.Store(id="training-view"),  # TrainingView, and by which control it was changed
            dcc.Store(id="training-known"),  # the run as the service last told it
            dcc.Store(id="training-query"),  # the query that reproduces this view
        ],
        id="page-training",
        className="page training-page",
        hidden=True,
        **attributes({"aria-label": "Training"}),
    )


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
    return f"{count(n)} validation images; the plane holds {per_cent(sum(epoch.explained))} of this epoch's variance"


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


def _controls() -> list[html.Div | dmc.Select]:
    return [
        dmc.Select(
            id="training-run",
            label="Run",
            size="xs",
            data=[],
            allowDeselect=False,
            comboboxProps={"withinPortal": True},
            w=210,
        ),
        html.Div(id="training-state", className="training-state", role="status"),
        html.Div(
            [
                html.Button(
                    "▶ Play",
                    id="training-play",
                    type="button",
                    className="plain training-play",
                    title="Replay the epochs",
                ),
                dmc.Slider(
                    id="training-slider",
                    min=0,
                    max=1,
                    step=1,
                    value=0,
                    label=None,
                    thumbLabel="Epoch",
                    updatemode="drag",
                    size="sm",
                    disabled=True,
                    className="training-slider",
                ),
                html.Span(
                    "Epoch –",
                    id="training-epoch",
                    className="training-epoch",
                    **attributes({"aria-live": "polite"}),
                ),
            ],
            className="training-replay",
        ),
        dmc.Switch(id="training-follow", label="Follow the newest", size="xs", checked=True),
        dmc.Select(
            id="training-colour",
            label="Colour by",
            size="xs",
            data=[{"value": "dataset", "label": "Data set"}, {"value": "label", "label": "Label"}],
            value=TrainingView.colour,
            allowDeselect=False,
            comboboxProps={"withinPortal": True},
            w=110,
        ),
    ]


def _curves() -> html.Section:
    lines = [
        html.Span(
            [
                html.Span(
                    className="training-line", style={"--line-colour": colour, "--line-dash": _CSS[dash]}
                ),
                words,
            ],
            className="training-key",
        )
        for words, colour, dash in curve_legend()
    ]
    return html.Section(
        [
            html.Div(
                [html.H2("Curves"), html.Div(lines, className="training-legend total")],
                className="panel-head",
            ),
            dcc.Graph(
                id="training-curves",
                className="training-graph",
                config={"displayModeBar": False, "responsive": True},
                figure={"layout": {"template": None}},
            ),
        ],
        className="panel training-column",
        **attributes({"aria-label": "Curves"}),
    )


_CSS = {"dot": "dotted", "solid": "solid"}


def _map() -> html.Section:
    return html.Section(
        [
            html.Div(
                [html.H2("Map of the epoch"), html.Span(id="training-note", className="muted training-note")],
                className="panel-head",
            ),
            html.Div(id="training-none"),
            html.Div(
                dcc.Graph(
                    id="training-map",
                    className="training-graph",
                    config={"displayModeBar": False, "responsive": True, "scrollZoom": True},
                    figure={"layout": {"template": None}},
                ),
                id="training-map-box",
                className="training-box",
            ),
            html.Div(id="training-groups", className="training-legend"),
            html.Div(_HONEST, className="note"),
        ],
        className="panel training-column",
        **attributes({"aria-label": "Map of the epoch"}),
    )


def _gallery() -> html.Section:
    return html.Section(
        [
            html.Div([html.H2("Original, reconstruction")], className="panel-head"),
            html.Div(id="training-pictures", className="training-pictures"),
        ],
        className="panel training-column training-gallery",
        tabIndex="0",
        **attributes({"aria-label": "Validation images and their reconstructions"}),
    )
