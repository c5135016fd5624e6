"""The inputs of the map page that hold a part of its view."""

from typing import Any

from dash import no_update

from dashboard.state import MapView

CONTROLS = ("group", "kind", "level", "sigma", "colour", "code")
"""Fields of the view with an input of that name."""


def controls_of(view: MapView) -> dict[str, Any]:
    """What the inputs show of a view; the number of a code stays where no code is asked for."""
    shown = {name: getattr(view, name) for name in CONTROLS}
    return shown | {"code": no_update if view.code is None else view.code}
