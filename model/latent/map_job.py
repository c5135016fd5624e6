"""Fitting a map in a process of its own, which whoever started it can end at any moment.

``python -m model.latent.map_job`` reads one JSON object from standard input (index, version, method, parameters, name,
stability)
and writes JSON objects to standard output, a line each: how far it has come, then the map's name or what went wrong.
SIGTERM, or a reader that has gone, ends it and leaves nothing of the map. What libraries print goes to standard error.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from model.commands.unwinding import sigterm_unwinds
from model.errors import VQScopeError
from model.latent.errors import IndexMismatch
from model.latent.map_fitting import add_map
from model.latent.map_settings import parse_settings
from model.latent.projection import method_class

Tell = Callable[[dict[str, Any]], None]


def main() -> int:
    """Fit the map that standard input asks for; 0 if it was added, 2 if the reason was told."""
    tell = _line_to_the_reader()
    order = json.load(sys.stdin)
    with sigterm_unwinds():
        try:
            name = _fit(order, tell)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is too late to end: the map is there
        except VQScopeError as error:
            tell({"error": str(error)})
            return 2
        except OSError as error:
            tell({"error": error.strerror or type(error).__name__})
            return 2
        tell({"map": name})
    return 0


def _fit(order: dict[str, Any], tell: Tell) -> str:
    from model.latent.index import open_index

    index = open_index(order["index"])
    if index.version != order["version"]:
        raise IndexMismatch(
            "the latent index was replaced by another one: send the service SIGHUP, or start it again"
        )
    method = order["method"]
    settings = parse_settings(method_class(method).settings_type, method, order["parameters"])
    told = ("", -1.0)

    def progress(stage: str, share: float) -> None:
        nonlocal told
        percent = round(share, 2)
        if (stage, percent) != told:
            told = (stage, percent)
            tell({"stage": stage, "progress": percent})

    chart = add_map(
        index, method, settings, name=order["name"], stability=order["stability"], progress=progress
    )
    return chart.name


def _line_to_the_reader() -> Tell:
    """Keep standard output for ourselves: one stray line of a library would be taken for one of ours."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(line: dict[str, Any]) -> None:
        print(json.dumps(line), file=output, flush=True)

    return tell


if __name__ == "__main__":
    sys.exit(main())
