"""Page: a training run, also while it is written: curves, map of each epoch, reconstructions (layout and parts)."""

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.components.states import empty
from dashboard.figures.training_figures import curve_legend
from dashboard.state_training import TrainingView

POLL_SECONDS = 2.0
PLAY_SECONDS = 0.7
_HONEST = (
    "Each epoch has a PCA of its own, turned or mirrored to agree with the epoch before: distances are that epoch's "
    "own, and no epoch is seen through the axes of a later one."
)

_AXIS = {"visible": False}
BLANK = {
    "layout": {
        "template": None,
        "autosize": True,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
}
"""Nothing, until there is something: Plotly would draw axes, on white."""


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
                figure=BLANK,
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
                [html.H2("Map"), html.Span(id="training-note", className="muted training-note")],
                className="panel-head",
            ),
            html.Div(id="training-none"),
            html.Div(
                dcc.Graph(
                    id="training-map",
                    className="training-graph",
                    config={"displayModeBar": False, "responsive": True, "scrollZoom": True},
                    figure=BLANK,
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
