"""The walk between two images in the decode lab: its pictures, and the callback that asks for them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from dashboard import client_lab
from dashboard.answers import Dataset
from dashboard.client import ApiClient
from dashboard.client_lab import Walk
from dashboard.components.attributes import attributes
from dashboard.components.pictures import zoomed
from dashboard.components.states import empty, failed
from dashboard.errors import ApiError
from dashboard.state_lab import LabView

_EDGE = 112
"""CSS pixels that a picture may take."""
SYNTHETIC = "synthetic, not a patient"


def register(app: Dash, client: ApiClient) -> None:
    """Attach the callback that draws the walk."""

    @app.callback(
        Output("lab-walk", "children"),
        Input("lab-view", "data"),
        Input("api", "data"),
        running=[(Output("lab-walk", "aria-busy"), "true", "false")],
        prevent_initial_call=True,
    )
    async def walk(kept: dict[str, Any] | None, api: dict[str, Any] | None) -> object:
        view = LabView.from_store(kept)
        if not api or api["state"] != "ready":
            return no_update
        if view.point is None or view.end is None:
            return no_walk()
        try:
            catalogue, (_index, sample), found = await asyncio.gather(
                client.catalogue(),
                client.sample(view.point),
                client_lab.walk(client, view.point, view.end, steps=view.steps),
            )
        except ApiError as error:
            return failed(error)
        dataset = catalogue.get(view.point.dataset)
        return no_update if dataset is None else steps(found, sample.codes, dataset)


def no_walk() -> html.Div:
    """What stands in the place of the walk before a second image is chosen."""
    return empty(
        "No second image",
        "Choose the image to walk to: at each step cells change their code, between data sets most of them at once.",
    )


def steps(walk: Walk, codes: Sequence[Sequence[int]], dataset: Dataset) -> list[Component]:
    """The images on the walk, with the cells that flipped marked on each."""
    rows, columns = len(codes), len(codes[0])
    size = f"{zoomed(dataset.image_size, _EDGE)}px"
    shown = []
    # The codes are the first image's own until the first flip, and the second's from the last one on.
    turns = [number for number, step in enumerate(walk.steps) if step.flipped] or [0]
    for number, step in enumerate(walk.steps):
        flips = len(step.flipped)
        marks = [
            html.Span(
                className="lab-flip",
                style={
                    "left": f"{100 * column / columns:.3f}%",
                    "top": f"{100 * row / rows:.3f}%",
                    "width": f"{100 / columns:.3f}%",
                    "height": f"{100 / rows:.3f}%",
                },
            )
            for row, column in step.flipped
        ]
        words = "start" if number == 0 else f"{flips} of {walk.cells} codes flip"
        synthetic = turns[0] <= number < turns[-1]
        told = (
            f"{100 * step.weight:.0f} % of the way, {words}, {SYNTHETIC if synthetic else 'reconstruction'}"
        )
        shown.append(
            html.Figure(
                [
                    html.Div(
                        [
                            decoded_image(step.image, told, f"step-{number}"),
                            *marks,
                        ],
                        className="lab-step-picture",
                    ),
                    html.Figcaption(
                        [
                            html.B(f"{100 * step.weight:.0f} %"),
                            html.Span(words),
                            html.Span(SYNTHETIC, className="lab-badge")
                            if synthetic
                            else html.Span("reconstruction"),
                        ]
                    ),
                ],
                className="lab-step",
                **attributes({"data-flips": str(flips)}),
            )
        )
    return [
        html.Div(
            [
                html.H2("From the first image to the second"),
                html.Span(
                    "latents blended before the quantiser; frames: cells whose code flips",
                    className="muted atlas-note",
                ),
            ],
            className="panel-head",
        ),
        html.Div(shown, className="lab-steps", style={"--edge": size}),
    ]


def decoded_image(data: str, alt: str, role: str) -> html.Img:
    """A picture that the decoder made; `role` is its place on the page."""
    return html.Img(
        src=f"data:image/png;base64,{data}", className="pixels", alt=alt, **attributes({"data-lab": role})
    )
