"""What called a callback."""

import contextvars

from dash._callback_context import context_value
from dash._utils import AttributeDict

from dashboard.pages.map_controls import away, only


def called_by(*properties, ask):
    """What `ask` says in a callback that these called, the first of which is `ctx.triggered_id`."""

    def within():
        triggered = [{"prop_id": one, "value": None} for one in properties]
        context_value.set(AttributeDict(triggered_inputs=triggered))
        return ask()

    return contextvars.copy_context().run(within)


def test_of_many_changes_at_once_none_is_the_only_one():
    assert called_by("map-second.value", ask=lambda: only("map-second"))
    assert not called_by("map-second.value", "map-loaded.data", ask=lambda: only("map-second"))
    assert not called_by("map-loaded.data", ask=lambda: only("map-second"))


def test_away_is_what_the_service_says():
    assert called_by("api.data", ask=lambda: away({"state": "away"}))
    assert not called_by("api.data", ask=lambda: away({"state": "ready"}))
    assert not called_by("map-colour.value", ask=lambda: away({"state": "away"}))
