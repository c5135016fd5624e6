"""The service's histograms of figures, as values of our own."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Images in bins of equal width from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]
    median: float

    def to_browser(self) -> dict[str, Any]:
        """What assets/recon_figures.js draws."""
        return asdict(self)


@dataclass(frozen=True)
class Histograms:
    """The figures of `n` images, by name; none where there is no image."""

    n: int
    figures: Mapping[str, Histogram]

    @classmethod
    def of(cls, body: Json) -> "Histograms":
        """From /v1/samples/distributions; KeyError, TypeError or ValueError where it is not that."""
        return cls(
            int(body["n"]),
            {
                str(name): Histogram(
                    low=float(one["low"]),
                    high=float(one["high"]),
                    counts=tuple(int(count) for count in one["counts"]),
                    median=float(one["summary"]["quartiles"][1]),
                )
                for name, one in body["figures"].items()
            },
        )
