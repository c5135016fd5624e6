"""The figures of the page on training: curves as small multiples, and the map of an epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.client_training import Epoch, Labels, MapOfEpoch, Run
from dashboard.palette import OKABE_ITO, Mark

_TRAIN, _VAL = OKABE_ITO[5], OKABE_ITO[1]
_GREY = "rgba(128,140,152,0.9)"
_GRID = "rgba(128,140,152,0.18)"
_PANELS = (
    ("Loss", "loss", ".4g"),
    ("PSNR (dB)", "psnr", ".2f"),
    ("SSIM", "ssim", ".3f"),
    ("MAE (of full range)", "mae", ".2%"),
    ("Codes in use", "codebook_used", ".1%"),
    ("Codebook perplexity", "codebook_perplexity", ".1f"),
)
"""Title, column without its split, and how a value is written."""
_LEGEND = (("train", "training", _TRAIN, "dot"), ("val", "validation", _VAL, "solid"))


def curves_figure(run: Run, epoch: int | None) -> go.Figure:
    """Two columns of small curves over the epochs, with a line at the epoch that is looked at."""
    figure = make_subplots(
        rows=3,
        cols=2,
        subplot_titles=[title for title, *_ in _PANELS],
        horizontal_spacing=0.15,
        vertical_spacing=0.12,
    )
    epochs = run.curves["epoch"]
    last = max((int(one) for one in epochs if one is not None), default=1)
    for place, (title, name, form) in enumerate(_PANELS):
        row, column = place // 2 + 1, place % 2 + 1
        for split, words, colour, dash in _LEGEND:
            values = run.curves.get(f"{split}_{name}")
            if values is None:
                continue
            figure.add_trace(
                go.Scatter(
                    x=epochs,
                    y=values,
                    name=words,
                    meta={"role": "curve", "column": f"{split}_{name}"},
                    mode="lines+markers" if len(epochs) < 40 else "lines",
                    marker={"size": 4},
                    line={"color": colour, "width": 1.8, "dash": dash},
                    hovertemplate=f"epoch %{{x}}: %{{y:{form}}}<extra>{title}, {words}</extra>",
                ),
                row=row,
                col=column,
            )
        figure.update_yaxes(tickformat=".1~%" if "%" in form else None, row=row, col=column)
        if epoch is not None:
            figure.add_vline(x=epoch, row=row, col=column, line={"color": _GREY, "width": 1, "dash": "dash"})
    figure.update_annotations(font={"size": 12, "color": _GREY}, yshift=-2)
    axis: dict[str, Any] = {"zeroline": False, "showline": False, "ticks": "", "gridcolor": _GRID}
    whole = {"tick0": 1, "dtick": 1} if last <= 6 else {"nticks": 6}  # no ticks between epochs
    figure.update_xaxes(axis, range=[0.5, last + 0.5], tickformat="d", **whole)
    figure.update_yaxes(axis, nticks=5)
    figure.update_layout(_layout({"l": 44, "r": 8, "t": 22, "b": 22}), uirevision=run.name)
    return figure


def map_figure(
    found: MapOfEpoch,
    groups: Sequence[str],
    looks: Mapping[str, Mark],
    labels: Mapping[str, Labels],
    epochs: Sequence[Epoch],
) -> go.Figure:
    """Where the images lie, one trace a group, on axes that are the same for all epochs.

    `groups`: that of each image, a key of `looks`.
    """
    reach = 1.04 * max((one.extent for one in epochs), default=1.0) or 1.0
    names = [labels[one].name(value) for one, value in zip(found.dataset, found.label, strict=True)]
    figure = go.Figure(layout=_layout({"l": 8, "r": 8, "t": 8, "b": 8}))
    for group, look in looks.items():
        rows = [row for row, one in enumerate(groups) if one == group]
        figure.add_trace(
            go.Scatter(
                x=[found.x[row] for row in rows],
                y=[found.y[row] for row in rows],
                name=group,
                meta={"role": "points", "group": group},
                mode="markers",
                marker={"color": look.colour, "symbol": look.symbol, "size": 5.5, "line": {"width": 0}},
                opacity=0.75,
                text=[
                    f"{names[row]}<br>{found.dataset[row]} validation {found.position[row]}" for row in rows
                ],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    axis: dict[str, Any] = {
        "zeroline": True,
        "zerolinecolor": _GRID,
        "showgrid": False,
        "ticks": "",
        "showticklabels": False,
        "range": [-reach, reach],
    }
    figure.update_xaxes(axis)
    # One unit is equally long on both axes: a turn changes no distance.
    figure.update_yaxes(axis, scaleanchor="x", scaleratio=1)
    figure.update_layout(dragmode="pan", uirevision="map")
    return figure


def curve_legend() -> tuple[tuple[str, str, str], ...]:
    """Words, colour and dash of both kinds of curve."""
    return tuple((words, colour, dash) for _, words, colour, dash in _LEGEND)


def _layout(margin: dict[str, int]) -> dict[str, Any]:
    return {
        "template": None,
        "showlegend": False,
        "hovermode": "closest",
        "margin": margin,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 11, "color": _GREY},
    }
