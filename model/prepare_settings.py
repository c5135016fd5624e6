"""What the user may ask of `model.prepare`, as an object and as arguments of a command line."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from model.cli_parser import names
from model.errors import VQScopeError
from model.shipped import DEFAULT_MODEL

QUICK = "quick"
"""In place of a model: train a small one on these data first."""


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """What the user asked for."""

    data_dir: Path | None = None
    """Folder of npz files; None: VQSCOPE_DATA, else ~/.medmnist."""
    datasets: tuple[str, ...] = ()
    """Names; empty: as `model.data.choose` decides."""
    model: str | None = None
    """Run folder or shipped model, or `QUICK`; None: the shipped default."""
    or_sample: bool = False
    """Take the offline sample where the folder holds no data set, without trying to download."""
    train_time: str | None = None
    """Limit of the quick training, HH:MM:SS; None: what the index leaves of `READY_S`."""

    def __post_init__(self) -> None:
        """Refuse what would be silently without effect.

        Raises:
            VQScopeError: A limit is set to a training that is not asked for.
        """
        if self.train_time and self.model != QUICK:
            raise VQScopeError(f"--train-time limits the quick training: it goes with --model {QUICK} only")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `settings_from` reads."""
    add = parser.add_argument
    add("--data-dir", type=Path, metavar="DIR", help="folder of npz files (VQSCOPE_DATA, else ~/.medmnist)")
    add(
        "--datasets",
        type=names,
        default=(),
        metavar="A,B",
        help="data sets (default: the paper's, and what else is small)",
    )
    add(
        "--model",
        metavar="MODEL",
        help=f"run folder or shipped model; {QUICK}: train a small one on these data first"
        f" (default: the shipped {DEFAULT_MODEL})",
    )
    add(
        "--or-sample",
        action="store_true",
        help="where there are no data take the offline sample at once",
    )
    add(
        "--train-time",
        type=_duration,
        metavar="HH:MM:SS",
        help=f"limit of the training of --model {QUICK} (default: so that all takes under 3 minutes)",
    )


def settings_from(given: argparse.Namespace) -> PrepareSettings:
    """Settings from parsed arguments; an empty ``--model=`` counts as none.

    Raises:
        VQScopeError: Two of them do not go together.
    """
    return PrepareSettings(
        data_dir=given.data_dir,
        datasets=given.datasets,
        model=given.model or None,
        or_sample=given.or_sample,
        train_time=given.train_time,
    )


def to_arguments(settings: PrepareSettings) -> list[str]:
    """Write settings as the arguments from which `settings_from` reads them."""
    arguments = [f"--model={settings.model or ''}"]
    if settings.train_time:
        arguments.append(f"--train-time={settings.train_time}")
    if settings.data_dir:
        arguments.append(f"--data-dir={settings.data_dir}")
    if settings.datasets:
        arguments.append(f"--datasets={','.join(settings.datasets)}")
    if settings.or_sample:
        arguments.append("--or-sample")
    return arguments


def _duration(text: str) -> str:
    if not re.fullmatch(r"\d+:[0-5]\d:[0-5]\d", text) or not text.strip("0:"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 00:02:30")
    return text
