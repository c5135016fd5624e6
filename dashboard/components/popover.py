"""A button that opens something small beside it: the browser's own popover, set up in assets/popover.js.

Not Mantine's. In the dash-renderer a Mantine dropdown looks through the whole page at each change of anything on it;
nine of them, and one for each warning, were half of what a click on the map took.
"""

from dash import html


def popover(
    opener: html.Button, content: html.Div, *, width: int | None = None, end: bool = False
) -> html.Span:
    """The button, and below it what it opens; a click elsewhere, Escape and the button close it again.

    The focus goes into ``content`` when it is opened, and back to the button when it is closed.

    Args:
        opener: what opens it.
        content: what is opened, with a role and a name.
        width: of what is opened, in pixels; default: as its content needs.
        end: align it with the button's right edge, not the left one.
    """
    side = " popover-end" if end else ""
    style = {} if width is None else {"width": f"min({width}px, 100vw - 16px)"}
    return html.Span(
        [opener, html.Div(content, className=f"popover{side}", style=style)], className="popover-anchor"
    )
