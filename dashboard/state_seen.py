"""What part of a map is seen, and of a map in space from where, as the address of the map page writes it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.queries import number_of

Ranges = tuple[float, float, float, float]
"""Least and most of what is seen along the first axis of a map, then along the second, in its units."""
Camera = tuple[float, float]
"""Where a map in space is seen from, in degrees: azimuth in [0, 360) and elevation in [-90, 90]."""

FARTHEST = 1e30
"""Coordinates beyond are none."""
_FINEST = 1e-9
"""Of what is seen, the least width as a share of its distance from 0: of narrower views axes have too few digits."""


@dataclass(frozen=True)
class Seen:
    """A part of a map."""

    ranges: Ranges
    camera: Camera | None = None

    def store(self, name: str) -> dict[str, Any]:
        """As the page's store holds it, with the map's name."""
        return {"map": name, "ranges": self.ranges} | ({"camera": self.camera} if self.camera else {})

    def pairs(self, suffix: str = "") -> list[tuple[str, str]]:
        """As the address has it."""
        camera = [(f"camera{suffix}", _text(self.camera))] if self.camera else []
        return [(f"view{suffix}", _text(self.ranges)), *camera]

    @classmethod
    def parse(cls, ranges: str, camera: str) -> "Seen | None":
        """The reverse; None of what is no part of a map. A camera alone does not say what it shows."""
        found = _ranges(_numbers(ranges, 4))
        return None if found is None else cls(found, _camera(_numbers(camera, 2)))

    @classmethod
    def stored(cls, seen: Mapping[str, Any] | None, name: str | None) -> "Seen | None":
        """What a store holds of the map of this name: it may be of another one."""
        if not seen or seen["map"] != name:
            return None
        found = _ranges(seen["ranges"])
        return None if found is None else cls(found, _camera(seen.get("camera", ())))


def _text(numbers: Sequence[float]) -> str:
    """All digits of each: assets/map_view.js rounds them to what can be seen."""
    return ",".join(repr(value).removesuffix(".0") for value in numbers)


def _numbers(text: str, n: int) -> list[float]:
    return [number_of(part, -FARTHEST, FARTHEST, math.nan) for part in text.split(",", n)]


def _camera(values: Sequence[float]) -> Camera | None:
    if len(values) != 2:
        return None
    azimuth, elevation = map(float, values)
    return (azimuth, elevation) if 0 <= azimuth < 360 and -90 <= elevation <= 90 else None


def _ranges(values: Sequence[float]) -> Ranges | None:
    if len(values) != 4:
        return None
    x0, x1, y0, y1 = map(float, values)
    return (x0, x1, y0, y1) if _can_be_seen(x0, x1) and _can_be_seen(y0, y1) else None


def _can_be_seen(low: float, high: float) -> bool:
    farthest = max(abs(low), abs(high))
    return high - low > max(_FINEST * farthest, 1 / FARTHEST) and farthest <= FARTHEST
