"""What a panel shows instead of its content: nothing yet, or a failure with what to do about it."""

from dash import html

from dashboard.errors import ApiError, ApiRefused


def empty(title: str, text: str) -> html.Div:
    """Nothing to show, and how to get something."""
    return html.Div([html.Div(title, className="state-title"), html.Div(worded(text))], className="state")


def worded(text: str) -> list[str | html.Code]:
    """A text in which what stands between backticks is typed."""
    parts = text.split("`")
    return [html.Code(part) if k % 2 else part for k, part in enumerate(parts) if part]


def failed(error: ApiError | str) -> html.Div:
    """The service did not give what the panel needs; `error` is its word on it.

    What it refused it refuses again: only of what else is wrong the page can promise to try again.
    """
    text = str(error)
    refused = isinstance(error, ApiRefused)
    again = html.Div("The page tries again by itself once the service answers.", className="state-hint")
    return html.Div(
        [
            html.Div(
                "This cannot be shown" if refused else "This cannot be shown now", className="state-title"
            ),
            html.Div(text[:1].upper() + text[1:].rstrip(".") + "."),
            *([] if refused else [again]),
        ],
        className="state state-failed",
        role="alert",
    )
