"""A field for a number that speaks only when its reader does."""

from typing import Any

import dash_mantine_components as dmc


def number_field(id_: str, label: str, **settings: Any) -> dmc.NumberInput:  # noqa: ANN401 - of dmc.NumberInput
    """A number field whose ``value`` follows what is typed or stepped, after a moment's pause.

    The library's own pause (``debounce`` in milliseconds) also gives back what a callback wrote, late: a value written
    over meanwhile came back as if typed. Here the field waits for Enter, which assets/number_field.js presses.
    """
    return dmc.NumberInput(
        id=id_, label=label, size="xs", debounce=True, className="number-field", **settings
    )
