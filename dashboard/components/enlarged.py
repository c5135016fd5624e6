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
                    _button("−", "Zoom out", "-", {"data-zoom": "out", "aria-disabled": "true"}),
                    html.Output("1×", id="enlarged-zoom", className="enlarged-zoom"),
                    _button(
                        "+",
                        "Zoom in",
                        "+, wheel or double click; Shift and arrows move",
                        {"data-zoom": "in", "aria-disabled": "false"},
                    ),
                    _button("Fit", "Whole image", "0", {"data-zoom": "whole", "aria-disabled": "true"}),
                    _button("‹", "Previous image", "←", {"data-enlarged": "previous"}),
                    _button("›", "Next image", "→", {"data-enlarged": "next"}),
                    _button("Close", "Close", "Escape", {"data-enlarged": "close"}),
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


def _button(text: str, name: str, keys: str, does: dict[str, str]) -> html.Button:
    return html.Button(
        text,
        type="button",
        className="plain",
        title=f"{name} ({keys})",
        **attributes({"aria-label": name} | does),
    )
