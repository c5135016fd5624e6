"""What a panel shows instead of its content: nothing yet, or a failure with what to do about it."""

from dash import html


def empty(title: str, text: str) -> html.Div:
    """Nothing to show, and how to get something."""
    return html.Div([html.Div(title, className="state-title"), html.Div(text)], className="state")


def failed(text: str) -> html.Div:
    """The service did not give what the panel needs; `text` is its word on it."""
    sentence = text[:1].upper() + text[1:].rstrip(".") + "."
    return html.Div(
        [
            html.Div("This cannot be shown now", className="state-title"),
            html.Div(sentence),
            html.Div("The page tries again by itself once the service answers.", className="state-hint"),
        ],
        className="state state-failed",
        role="alert",
    )
