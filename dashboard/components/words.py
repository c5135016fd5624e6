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


def percentile(value: float) -> str:
    """A percentile in [0, 100]: 83.2 → '83', 99.62 → '99.6', 0.01 → '< 0.1'."""
    if 1 <= value <= 99:
        return f"{value:.0f}"
    return "< 0.1" if value < 0.05 else "> 99.9" if value >= 99.95 else f"{value:.1f}"


UNBOUNDED = 64
"""Base-2 logarithm that the service gives for an odds ratio that nothing bounds; the negative one likewise."""


def odds_told(log2_odds: float, low: float, high: float) -> tuple[str, str]:
    """Odds ratio and its 95 % interval; where nothing bounds it on one side, its bound on the other.

    >>> odds_told(1.7, 1.0, 2.0)
    ('3.2× the odds', ' (95 %: 2.0× to 4.0×)')
    >>> odds_told(9.5, 0.1, 64)
    ('at least 1.1× the odds', ' (95 %)')
    """
    if high >= UNBOUNDED:
        return f"at least {odds(low)} the odds", " (95 %)"
    if low <= -UNBOUNDED:
        return f"at most {odds(high)} the odds", " (95 %)"
    return f"{odds(log2_odds)} the odds", f" (95 %: {odds(low)} to {odds(high)})"


def odds(log2_odds: float) -> str:
    """Odds ratio from its base-2 logarithm, two digits: 1.7 → '3.2×', 12 → '4,100×', -9 → '< 0.01×', NaN → '–'."""
    if math.isnan(log2_odds):
        return "–"
    ratio = 2.0**log2_odds
    if ratio < 0.01:
        return "< 0.01×"
    return (
        f"{ratio:.2f}×"
        if ratio < 0.995
        else f"{ratio:.1f}×"
        if ratio < 9.95
        else f"{float(f'{ratio:.2g}'):,.0f}×"
    )


def probability(p: float) -> str:
    """A p-value with its sign: 0.004 → '= 0.004', 1e-9 → '< 0.001'."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}

NO_PICTURES = (
    "The service has no pictures of this data set: its data folder lacks the file, or holds another one than "
    "was indexed."
)
