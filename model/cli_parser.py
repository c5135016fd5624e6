"""What the parsers of all subcommands share: errors that are one line, and lists written ``a,b,c``."""

import argparse
import sys
from typing import Any, NoReturn

from model.errors import VQScopeError


def usage_error(prog: str, message: str) -> NoReturn:
    """Print ``PROG: error: MESSAGE (see PROG --help)`` on stderr and leave with code 2.

    Args:
        prog: The command as it was typed, such as ``vqscope serve``.
        message: What is wrong; line breaks are folded, so that the line stays one line.

    Raises:
        SystemExit: Always, with code 2.
    """
    print(f"{prog}: error: {' '.join(message.split())} (see {prog} --help)", file=sys.stderr)
    raise SystemExit(2)


class OneLineErrors:
    """Mix-in that makes an ``argparse`` or ``jsonargparse`` parser report a wrong argument in one line."""

    prog: str

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Report ``message`` without the usage block, which drowns it."""
        usage_error(self.prog, message)


class CommandParser(OneLineErrors, argparse.ArgumentParser):
    """An ``argparse`` parser for one subcommand: errors in one line, examples kept as they are written.

    Long options may not be shortened: a shortened option would change its meaning with the next new option.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own keywords
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)


class NamesError(VQScopeError, argparse.ArgumentTypeError):
    """A list of names that holds none: a wrong argument to argparse, a plain failure anywhere else."""


def names(text: str) -> tuple[str, ...]:
    """Split ``a,b,c`` into its names; blanks around them and repeats are dropped, the order is kept.

    Raises:
        NamesError: If no name is left.
    """
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise NamesError("expected names with commas between, such as breastmnist,retinamnist")
    return found
