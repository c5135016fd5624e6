"""What all settings of methods share: options with an explanation, ranges, and reading them from outside."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol, cast, get_args, get_type_hints

import numpy as np

from model.latent.errors import SettingError
from model.latent.features import Rows

SEED_MAX = 2**32 - 1
STABILITY_FITS = 3
"""Fits that are compared for the stability of a map, unless another number is asked for."""
STABILITY_FITS_MAX = 10


class MapSettings(Protocol):
    """A frozen dataclass of a method's parameters, all with defaults; those out of range raise `SettingError`."""

    @property
    def dimensions(self) -> int:
        """Axes of the map."""


@dataclass(frozen=True)
class Option:
    """One parameter of a method, as a command or a form shows it."""

    name: str
    kind: type
    """int, float or str."""
    default: int | float | str
    choices: tuple[str, ...]
    """Of a str; empty where any will do."""
    help: str
    low: float | None = None
    high: float | None = None
    """Smallest and largest value; None of a str."""

    @property
    def type_name(self) -> Literal["int", "float", "str"]:
        """The kind as JSON can tell it."""
        return "int" if self.kind is int else "float" if self.kind is float else "str"


def option(
    default: Any,  # noqa: ANN401 - as `dataclasses.field`
    help: str,
    *,
    within: tuple[float, float] | None = None,
) -> Any:  # noqa: ANN401
    """A dataclass field with a default, an explanation and the range that `check_ranges` holds it to."""
    return field(default=default, metadata={"help": help, "within": within})


def options(settings: type[MapSettings]) -> tuple[Option, ...]:
    """The parameters of a method, in the order of its settings."""
    hints = get_type_hints(settings)
    return tuple(
        Option(
            name=entry.name,
            kind=hints[entry.name] if isinstance(hints[entry.name], type) else str,
            default=cast("int | float | str", entry.default),
            choices=get_args(hints[entry.name]),
            help=entry.metadata["help"],
            low=low,
            high=high,
        )
        for entry in fields(settings)  # type: ignore[arg-type]  # a Protocol cannot say that it is a dataclass
        for low, high in [entry.metadata["within"] or (None, None)]
    )


def parse_settings(settings: type[MapSettings], method: str, parameters: Mapping[str, Any]) -> MapSettings:
    """Settings of a method from names and values that came from outside.

    Raises:
        SettingError: the method has no such parameter, or a value of another type or outside its range.
    """
    known = {one.name: one for one in options(settings)}
    for name, value in parameters.items():
        if name not in known:
            raise SettingError(f"{method} has no parameter {name!r}; it has {', '.join(known)}")
        wanted = known[name]
        allowed = (int, float) if wanted.kind is float else (wanted.kind,)
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise SettingError(f"{name} must be {_NAMES[wanted.kind]}, not {value!r}")
        if wanted.choices and value not in wanted.choices:
            raise SettingError(f"{name} must be one of {', '.join(wanted.choices)}, not {value!r}")
    return settings(**parameters)


_NAMES = {int: "a whole number", float: "a number", str: "a word"}


def stored(settings: MapSettings) -> dict[str, Any]:
    """Settings as JSON knows them; undone by `parse_settings`."""
    return asdict(settings)  # type: ignore[call-overload, no-any-return]  # see `options`


def check_ranges(settings: MapSettings) -> None:
    """Refuse a value outside the range of its option, or one that is no number.

    Raises:
        SettingError: it is.
    """
    if settings.dimensions not in (2, 3):
        raise SettingError(f"dimensions must be 2 or 3, not {settings.dimensions}")
    for one in options(type(settings)):
        value = getattr(settings, one.name)
        if one.low is not None and one.high is not None and not one.low <= value <= one.high:
            raise _out_of_range(one.name, value, one.low, one.high)


def _out_of_range(name: str, value: float, low: float, high: float) -> SettingError:
    return SettingError(f"{name} must lie between {low:,} and {high:,}, not {value:,}")


def has_seed(settings: type[MapSettings]) -> bool:
    """Whether a method leaves anything to chance."""
    return any(one.name == "seed" for one in options(settings))


def fits_to_compare(settings: type[MapSettings], method: str, asked: int | None) -> int:
    """How many fits tell the stability of a map: as asked, 0 for none; ``None``: of a method with a seed the usual.

    Raises:
        SettingError: one fit, too many, or any for a method that has no seed.
    """
    if asked is None:
        return STABILITY_FITS if has_seed(settings) else 0
    if asked and not has_seed(settings):
        raise SettingError(f"{method} has no seed that its stability could be measured over")
    if asked and not 2 <= asked <= STABILITY_FITS_MAX:
        raise _out_of_range("stability", asked, 2, STABILITY_FITS_MAX)
    return asked


def drawn(rows: Rows, at_most: int, seed: int) -> Rows:
    """All rows, or where they are too many a uniform draw without replacement, ascending."""
    if len(rows) <= at_most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, at_most, replace=False))
