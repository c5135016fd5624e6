"""Small images at integer zoom, and the scale of the error map."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.components.words import NO_PICTURES
from dashboard.state import Point

TITLES: Mapping[str, str] = {"image": "Original", "reconstruction": "Reconstruction", "error": "Error"}
ERROR_RANGE = 0.25
"""Absolute error, as a fraction of full range, at the upper end of the service's colour scale."""


def picture_url(point: Point, view: str, version: str) -> str:
    """Address of a picture at the dashboard itself; the index version lets browsers keep it for good."""
    path = f"/pictures/{quote(point.dataset, safe='')}/{point.split}/{point.position}/{view}"
    return f"{path}?{urlencode({'v': version})}"


def zoomed(size: int, target: int) -> int:
    """Shown edge in CSS pixels: the largest whole multiple of `size` up to `target`, or a whole fraction.

    >>> zoomed(28, 112), zoomed(64, 120), zoomed(224, 112)
    (112, 64, 112)
    """
    return size * (target // size) if size <= target else size // -(-size // target)


def trio(
    point: Point,
    version: str,
    size: int,
    *,
    target: int,
    wide_target: int,
    description: str,
    after: Sequence[Component] = (),
    over: Sequence[Component] = (),
) -> html.Div:
    """Original with what lies `over` it, reconstruction, error map, and what comes `after`; larger on wide screens."""
    style = {"--edge": f"{zoomed(size, target)}px", "--edge-wide": f"{zoomed(size, wide_target)}px"}
    return html.Div(
        [
            html.Figure(
                [
                    html.Div(
                        [
                            html.Img(
                                src=picture_url(point, view, version),
                                className="pixels" if size <= target else "pixels shrunk",
                                alt=f"{title} of {description}",
                                **attributes({"data-view": view}),
                            ),
                            *(over if view == "image" else ()),
                        ],
                        className="picture-body",
                    ),
                    html.Figcaption(title),
                ],
                className=f"picture picture-{view}",
            )
            for view, title in TITLES.items()
        ]
        + list(after),
        className="trio",
        style=style,
    )


def no_pictures() -> html.Div:
    """What stands in the place of the pictures that the service does not have."""
    return html.Div(
        [html.Div("Pictures not available", className="no-pictures-title"), html.Div(NO_PICTURES)],
        className="no-pictures",
    )


def error_scale() -> html.Div:
    """Legend of the error map's colours."""
    return html.Div(
        [
            html.Div(className="scale-bar", **attributes({"aria-hidden": "true"})),
            html.Div(
                [
                    html.Span("0"),
                    html.Span("absolute error, of full range", className="scale-unit"),
                    html.Span(f"≥ {ERROR_RANGE:g}"),
                ],
                className="scale-ends",
            ),
        ],
        className="error-scale",
    )
