"""One image large, with its reconstruction and error, over the page.

assets/recon_enlarge.js fills it, assets/recon_zoom.js shows a part of it larger.
"""

from dash import html

from dashboard.components.attributes import attributes
from dashboard.components.histograms import histograms
from dashboard.components.pictures import TITLES, error_scale


def enlarged() -> html.Dialog:
    """The dialog, closed; the browser's own, so that Escape closes it and the focus stays inside until then."""
    return html.Dialog(
        [
            html.Div(
                [
                    html.H2(id="enlarged-title"),
                    html.Span(id="enlarged-place", className="muted"),
                    html.Span(className="spring"),
                    _zoom("−", "Zoom out", "out", "-"),
                    html.Output("1×", id="enlarged-zoom", className="enlarged-zoom"),
                    _zoom("+", "Zoom in", "in", "+, wheel or double click; Shift and arrows move"),
                    _zoom("Fit", "Whole image", "whole", "0"),
                    _button("‹", "Previous image", "previous", "←"),
                    _button("›", "Next image", "next", "→"),
                    _button("Close", "Close", "close", "Escape"),
                ],
                className="enlarged-head",
            ),
            html.Div(
                [
                    html.Figure(
                        [
                            html.Div(
                                html.Img(className="pixels", alt=title, **attributes({"data-view": view})),
                                className="zoom-view",
                            ),
                            html.Figcaption(title),
                        ],
                        className="picture",
                    )
                    for view, title in TITLES.items()
                ],
                className="enlarged-pictures",
            ),
            html.Div(error_scale(), className="enlarged-scale"),
            html.Div(histograms(), className="enlarged-figures"),
        ],
        id="enlarged",
        className="enlarged",
        **attributes({"aria-labelledby": "enlarged-title", "data-zoom": "1"}),
    )


def _zoom(text: str, name: str, does: str, keys: str) -> html.Button:
    return html.Button(
        text,
        type="button",
        className="plain",
        title=f"{name} ({keys})",
        **attributes({"aria-label": name, "data-zoom": does, "aria-disabled": str(does != "in").lower()}),
    )


def _button(text: str, name: str, does: str, keys: str) -> html.Button:
    return html.Button(
        text,
        type="button",
        className="plain",
        title=f"{name} ({keys})",
        **attributes({"aria-label": name, "data-enlarged": does}),
    )
