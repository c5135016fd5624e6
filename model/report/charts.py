"""Charts as inline SVG; colours come from the page's style, so that they follow light and dark."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.report.markup import Element, element

_WIDTH, _HEIGHT = 320, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 32


class _Axes:
    """A frame with ticks, and the way from data to its coordinates."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], *, xlabel: str, integers: bool = False
    ) -> None:
        self.x, self.y = _widened(x), _widened(y)
        self.parts: list[Element] = []
        for tick in _ticks(*self.y):
            at = f"{self.down(tick):.1f}"
            self.parts += [
                element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=at, y2=at, class_="grid"),
                element("text", _number(tick), x=_LEFT - 5, y=at, dy="0.35em", text_anchor="end"),
            ]
        base = _HEIGHT - _BOTTOM
        for tick in _ticks(*self.x, integers=integers):
            at = f"{self.across(tick):.1f}"
            self.parts += [
                element("line", x1=at, x2=at, y1=base, y2=base + 4, class_="axis"),
                element("text", _number(tick), x=at, y=base + 14, text_anchor="middle"),
            ]
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        self.parts += [
            element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base, class_="axis"),
            element("text", xlabel, x=middle, y=_HEIGHT - 4, text_anchor="middle", class_="label"),
        ]

    def across(self, value: float) -> float:
        return _LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (_WIDTH - _LEFT - _RIGHT)

    def down(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.y[0]) / (self.y[1] - self.y[0]) * (_HEIGHT - _TOP - _BOTTOM)

    def svg(self, description: str) -> Element:
        box = f"0 0 {_WIDTH} {_HEIGHT}"
        return element("svg", *self.parts, viewBox=box, role="img", aria_label=description, class_="chart")


def line_chart(series: dict[str, Sequence[float]], *, xlabel: str, description: str) -> Element:
    """Values at 1, 2, 3 …, a line per series, of class ``line-NAME``; what is not finite interrupts it."""
    finite = [value for values in series.values() for value in values if math.isfinite(value)]
    longest = max(len(values) for values in series.values())
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    axes = _Axes((1, longest), (low, high), xlabel=xlabel, integers=True)
    for name, values in series.items():
        path, pen = [], "M"
        for place, value in enumerate(values, start=1):
            if math.isfinite(value):
                path.append(f"{pen}{axes.across(place):.1f} {axes.down(value):.1f}")
            pen = "L" if math.isfinite(value) else "M"
        if len(path) == 1:  # a single epoch has no line
            x, y = path[0][1:].split()
            axes.parts.append(element("circle", cx=x, cy=y, r=3, class_=f"dot-{name}"))
        axes.parts.append(element("path", d=" ".join(path), class_=f"line line-{name}"))
    return axes.svg(description)


def histogram(
    values: NDArray[np.floating],
    limits: tuple[float, float],
    *,
    xlabel: str,
    description: str,
    bins: int = 40,
) -> Element:
    """Number of images by value, between limits, with a line at the mean."""
    limits = _widened(limits)
    counts, edges = np.histogram(values, bins=bins, range=limits)
    axes = _Axes(limits, (0, float(counts.max())), xlabel=xlabel)
    base = axes.down(0)
    outline = [f"M{axes.across(edges[0]):.1f} {base:.1f}"]
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        top = axes.down(float(count))
        outline.append(f"L{axes.across(left):.1f} {top:.1f} L{axes.across(right):.1f} {top:.1f}")
    outline.append(f"L{axes.across(edges[-1]):.1f} {base:.1f} Z")
    at = f"{axes.across(float(np.mean(values))):.1f}"
    axes.parts += [
        element("path", d=" ".join(outline), class_="area"),
        element("line", x1=at, x2=at, y1=_TOP, y2=f"{base:.1f}", class_="mean"),
    ]
    return axes.svg(description)


def usage_chart(counts: NDArray[np.int64], *, description: str) -> Element:
    """How often each code occurs, most frequent first, relative to even use, with a line at even use."""
    relative = np.sort(counts)[::-1] * len(counts) / counts.sum()
    axes = _Axes(
        (0, len(counts)), (0, float(relative.max())), xlabel="codes, most frequent first", integers=True
    )
    base = axes.down(0)
    outline = [f"M{axes.across(0):.1f} {base:.1f}"]
    # More steps than the chart has pixels are not seen.
    for start in range(0, len(counts), max(1, len(counts) // 512)):
        stop = min(len(counts), start + max(1, len(counts) // 512))
        top = axes.down(float(relative[start:stop].mean()))
        outline.append(f"L{axes.across(start):.1f} {top:.1f} L{axes.across(stop):.1f} {top:.1f}")
    outline.append(f"L{axes.across(len(counts)):.1f} {base:.1f} Z")
    even = f"{axes.down(1):.1f}"
    axes.parts += [
        element("path", d=" ".join(outline), class_="area"),
        element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=even, y2=even, class_="mean"),
    ]
    return axes.svg(description)


def _widened(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float, *, integers: bool = False) -> list[float]:
    from matplotlib.ticker import MaxNLocator  # slow to import

    found = MaxNLocator(4, steps=[1, 2, 5, 10], integer=integers).tick_values(low, high)
    margin = 1e-9 * (high - low)
    return [float(tick) for tick in found if low - margin <= tick <= high + margin]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
