"""Progress of work that goes through stages: one bar after another."""

from typing import Any, Self

from tqdm import tqdm


class StageBars:
    """Called with a stage, how much of it is done and of how much; draws a bar on stderr for each stage."""

    def __init__(self, title: str, *, unit: str, disable: bool = False) -> None:
        """``title`` comes before the stage; ``disable``: nothing is drawn."""
        self._title, self._unit, self._disable = title, unit, disable
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar of a stage; a stage that begins again has a new one."""
        bar = self._bar
        if bar is None or stage != self._stage or done < bar.n:
            self.close()
            self._stage = stage
            bar = tqdm(total=total, desc=f"{self._title}, {stage}", unit=self._unit, disable=self._disable)
            self._bar = bar
        bar.update(done - bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
