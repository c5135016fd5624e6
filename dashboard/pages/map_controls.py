"""The inputs of the map page that hold a part of its view."""

from typing import Any

from dash import ctx, no_update

from dashboard.state_map import MapView

CONTROLS = ("second", "group", "kind", "level", "sigma", "colour", "code", "tab")
"""Fields of the view with an input of that name."""


def controls_of(view: MapView) -> dict[str, Any]:
    """What the inputs show of a view; the number of a code stays where no code is asked for."""
    shown = {name: getattr(view, name) for name in CONTROLS}
    return shown | {"second": view.second or "", "code": no_update if view.code is None else view.code}


def away(api: dict[str, Any] | None) -> bool:
    """Whether the callback that asks was called because the service went away: what is shown stays.

    When the service comes back it is called again, and what failed meanwhile is mended.
    """
    return ctx.triggered_id == "api" and (not api or api["state"] != "ready")


def only(component: str) -> bool:
    """Whether nothing but this changed; at first much does at once, of which `ctx.triggered_id` names one."""
    return set(ctx.triggered_prop_ids.values()) == {component}
