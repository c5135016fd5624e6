"""The card of a data set: ``NAME.json`` beside ``NAME.npz``, written by people, so read with tolerance."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Card:
    """The fields of a card; what it leaves out is empty. ``n_samples`` by split, ``labels`` by value."""

    title: str = ""
    modality: str = ""
    task: str = ""
    labels: dict[int, str] = field(default_factory=dict)
    licence: str = ""
    official: bool = False
    note: str = ""
    stands_for: str | None = None
    n_samples: dict[str, int] = field(default_factory=dict)
    md5: str | None = None


def read_card(path: Path) -> tuple[Card | None, list[str]]:
    """The card at ``path`` and the warnings to show; (None, []) without one.

    Fields of a wrong type are left out.
    """
    if not path.is_file():
        return None, []
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is larger than 1 MiB")
        entry = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entry, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        return None, [f"the card {path.name} cannot be read and is left out: {' '.join(str(error).split())}"]
    return _card(entry, path.name)


def _card(entry: dict[str, Any], name: str) -> tuple[Card, list[str]]:
    wrong: list[str] = []

    def text(key: str) -> str:
        value = entry.get(key, "")
        if isinstance(value, str):
            return " ".join(value.split())
        wrong.append(key)
        return ""

    card = Card(
        title=text("title"),
        modality=text("modality"),
        task=text("task"),
        labels=_labels(entry.get("labels", {}), wrong),
        licence=text("licence"),
        official=entry.get("official") is True,
        note=text("note"),
        stands_for=text("stands_for") or None,
        n_samples=_numbers(entry.get("n_samples", {}), wrong),
        md5=text("md5").lower() or None,
    )
    warnings = (
        [f"fields of the card {name} of a wrong type are left out: {', '.join(wrong)}"] if wrong else []
    )
    return card, warnings


def _labels(value: object, wrong: list[str]) -> dict[int, str]:
    try:
        if not isinstance(value, dict):
            raise TypeError
        return {int(key): str(label) for key, label in value.items()}
    except (TypeError, ValueError):
        wrong.append("labels")
        return {}


def _numbers(value: object, wrong: list[str]) -> dict[str, int]:
    if isinstance(value, dict) and all(isinstance(n, int) for n in value.values()):
        return {str(key): n for key, n in value.items()}
    wrong.append("n_samples")
    return {}
