"""Numbers and names as a reader sees them. A magnitude always carries its unit."""

import math


def count(n: int) -> str:
    """10015 → '10,015'."""
    return f"{n:,}"


def per_cent(fraction: float | None) -> str:
    """0.9478 → '94.8 %'; None → '–'."""
    return "–" if fraction is None else f"{100 * fraction:.1f} %"


def decibel(value: float) -> str:
    """PSNR; a reconstruction without any error has no finite one."""
    return f"{value:.2f} dB" if math.isfinite(value) else "∞ dB"


def figure(value: float, digits: int) -> str:
    """A number without unit, or '–' where it is undefined."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}

NO_PICTURES = (
    "The service has no pictures of this data set: its data folder lacks the file, or holds another one than "
    "was indexed."
)
