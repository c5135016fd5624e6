"""Progress bars of single arms: on a terminal alive, in a log a line now and then."""

import sys
from typing import Any

from tqdm import tqdm


def bar(total: int, description: str, *, shown: bool, **options: str) -> "tqdm[Any]":
    """A bar below that of the benchmark, gone when done."""
    drawn: tqdm[Any] = tqdm(
        total=total,
        desc=f"  {description}",
        disable=not shown,
        leave=False,
        mininterval=0.5 if sys.stderr.isatty() else 30,
        **options,  # type: ignore[call-overload]  # tqdm's own keywords
    )
    return drawn
