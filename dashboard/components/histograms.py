"""Places for the histograms of figures, which assets/recon_figures.js draws and marks."""

from dash import html

from dashboard.components.attributes import attributes

FIGURES = {"psnr": "PSNR", "ssim": "SSIM", "mae": "Mean absolute error"}


def histograms() -> list[html.Figure]:
    """One for each figure: bars, ticks for the images shown, a line for the one in question."""
    return [_histogram(name, title) for name, title in FIGURES.items()]


def _histogram(name: str, title: str) -> html.Figure:
    return html.Figure(
        [
            html.Figcaption(
                [html.Span(title, className="hist-title"), html.Span(className="hist-value")],
                className="hist-head",
            ),
            html.Div(className="hist-plot", role="img", **attributes({"aria-label": title})),
            html.Div(
                [
                    html.Span(className="hist-low"),
                    html.Span(className="hist-median"),
                    html.Span(className="hist-high"),
                ],
                className="hist-ends",
            ),
        ],
        className="hist",
        **attributes({"data-figure": name}),
    )
