"""``vqscope serve``: the service on a port of this machine."""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from backend.addresses import listen
from backend.settings import Limits, Settings
from model.cli_parser import CommandParser
from model.errors import VQScopeError
from model.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    import uvicorn


GRACE_SECONDS = 3
"""Time that requests in work get to end after SIGTERM or Ctrl-C."""


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Returns:
        0 after a clean end, 1 after a fault of the program while loading (its traceback is logged).

    Raises:
        VQScopeError: the address cannot be had, or model or index cannot be loaded.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)

    given = {name: value for name, value in vars(arguments).items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise VQScopeError(
            f"{where}: {first['msg']} (give --{where}, or set VQSCOPE_{where.upper()})"
        ) from error
    return _serve(settings)


def _variables() -> str:
    """Help on what only the environment sets, a line each."""
    own = ("allowed_hosts", "map_jobs")
    fields = Limits.model_fields | {name: Settings.model_fields[name] for name in own}
    names = {name: f"VQSCOPE_{name.upper()}" for name in fields}
    width = max(map(len, names.values()))
    lines = []
    for name, field in fields.items():
        default = f" (default: {field.default})" if field.default else ""
        lines.append(f"  {names[name]:{width}}  {field.description}{default}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="vqscope serve",
        description="Serve a model and its latent index over HTTP: the API alone, without the pages.",
        epilog="Examples:\n"
        "  vqscope serve --index indexes/shipped --port 8000\n"
        "  vqscope serve --model runs/five --index indexes/five\n"
        "  curl http://127.0.0.1:8000/health/ready\n"
        "  curl -F file=@scan.png http://127.0.0.1:8000/v1/encode\n\n"
        "Set in the environment:\n" + _variables(),
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help=f"run folder of `vqscope train`, or name of a shipped model (default: the shipped {DEFAULT_MODEL})",
    )
    parser.add_argument("--index", metavar="INDEX", type=Path, help="folder made by `vqscope index`")
    parser.add_argument(
        "--data-dir", metavar="D", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)"
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on; 0 takes a free one (default: 8000)")
    return parser


def _serve(settings: Settings) -> int:
    with _Ending() as ending, listen(settings.host, settings.port) as listener:
        from backend.hosts import is_loopback

        url = _url(listener)
        if not is_loopback(settings.host):
            print(
                f"vqscope: warning: {settings.host} can be reached from other machines and no key is asked for: "
                "whoever reaches it sees the images",
                file=sys.stderr,
            )
        print(f"vqscope: loading; the API is at {url} (Ctrl-C ends it)", flush=True)
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)

        import uvicorn

        from backend.app import create_app

        failure: list[BaseException] = []

        def on_loaded(error: BaseException | None) -> None:
            if error is None:
                print(f"vqscope: ready at {url}", flush=True)
            else:
                failure.append(error)
                server.should_exit = True

        app = create_app(settings, notify=on_loaded)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        if ending.asked_of(server):
            return 0
        server.run(sockets=[listener])
    if failure and isinstance(failure[0], VQScopeError):
        raise failure[0]
    code = 1 if failure else 0
    if not app.state.service.close(GRACE_SECONDS):
        # A thread is still inside native code (unpacking, a long batch). The interpreter would crash if it
        # tore that down, and there is nothing left to save.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


class _Ending:
    """SIGTERM and Ctrl-C end the service, and are no failure: not while it starts either.

    uvicorn raises a signal again once it has shut down; these handlers, which it restores before that, swallow
    it.
    """

    def __init__(self) -> None:
        self._asked = False
        self._server: uvicorn.Server | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def asked_of(self, server: "uvicorn.Server") -> bool:
        """From now on end this server; tell whether a signal came already."""
        self._server = server
        return self._asked

    def __enter__(self) -> "_Ending":
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
