"""``vqscope serve``: the service on a port of this machine."""

import argparse
import gc
import logging
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from backend.addresses import listen
from backend.settings import Limits, Settings
from backend.signals import Signals
from model.cli_parser import CommandParser
from model.errors import VQScopeError
from model.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from backend.service import Service


logger = logging.getLogger("vqscope.service")
_LAST_SECONDS = 0.5
"""What threads that are no longer needed get to end by themselves."""
_OPTIONS = ("model", "index", "host", "port")
"""Settings that are options of the command too."""


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Returns:
        0 after a clean end, 1 after a fault of the program while loading (its traceback is logged).

    Raises:
        VQScopeError: the address cannot be had, its API keys or names are wrong or missing, or model or index
            cannot be loaded.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)

    given = {name: value for name, value in vars(arguments).items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        how = f"give --{where}, or set VQSCOPE_{where.upper()}"
        if where == "index":
            how += "; vqscope index makes one, vqscope explore --prepare-only one of the offline sample"
        raise VQScopeError(f"{where}: {first['msg']} ({how})") from error
    return _serve(settings)


def _variables() -> str:
    """Help on what only the environment sets, a line each."""
    fields = {**Limits.model_fields, **Settings.model_fields}
    for name in ("limits", "data_dir", *_OPTIONS):
        del fields[name]
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
    parser.add_argument(
        "--no-api-key",
        dest="allow_no_key",
        action="store_const",
        const=True,
        help="serve without API keys (VQSCOPE_API_KEYS) even where other machines reach the service",
    )
    return parser


def _serve(settings: Settings) -> int:
    with Signals() as signals, listen(settings.host, settings.port) as listener:
        from backend.hosts import answered_hosts, is_loopback
        from backend.keys import keys_of
        from backend.logs import configure

        url = _url(listener)
        configure(settings.log_format)
        keyed = bool(keys_of(settings))
        answered_hosts(settings.host, settings.allowed_hosts, keyed=keyed)
        if not keyed and not is_loopback(settings.host):
            _warn(
                settings,
                f"{settings.host} can be reached from other machines and no key is asked for: "
                "whoever reaches it sees the images",
            )
        _tell(settings, f"loading; the API is at {url} (Ctrl-C ends it)")
        import uvicorn

        from backend.app import create_app
        from backend.http_protocol import protocol
        from backend.server import DrainingServer

        failure: list[BaseException] = []

        def on_loaded(error: BaseException | None) -> None:
            if error is None:
                # What is there now stays. Each full collection looked through its half a million objects, a fifth
                # of a second in which nobody is answered.
                gc.collect()
                gc.freeze()
                _tell(settings, f"ready at {url}")
            else:
                failure.append(error)
                server.should_exit = True

        app = create_app(settings, notify=on_loaded)
        config = uvicorn.Config(
            app,
            **protocol(settings.limits.request_seconds, app.state.metrics),
            log_config=None,  # its log goes where ours does
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.grace_seconds),
        )
        service: Service = app.state.service
        server = DrainingServer(config, drain=service.drain, seconds=settings.drain_seconds)
        if signals.steer(server, lambda: _reload(settings, service)):
            return 0
        server.run(sockets=[listener])
    if failure and isinstance(failure[0], VQScopeError):
        raise failure[0]
    code = 1 if failure else 0
    if not service.close(0) or not _threads_end():
        # A thread is still at work: on a request that was cut off, or inside native code (unpacking, a long batch).
        # The interpreter would wait for the one and crash over the other, and there is nothing left to save.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _threads_end() -> bool:
    """Whether all threads end soon that the interpreter would wait for."""
    deadline = time.monotonic() + _LAST_SECONDS
    others = [
        one for one in threading.enumerate() if not one.daemon and one is not threading.current_thread()
    ]
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in others)


def _reload(settings: Settings, service: "Service") -> None:
    """Load model and index anew, and tell what came of it."""
    from backend.problems import Problem

    try:
        loaded = service.reload().result()
    except (VQScopeError, Problem) as error:
        logger.error("not reloaded, all stays as it was: %s", error)
    except Exception:  # a fault of ours; the service goes on
        logger.exception("not reloaded, all stays as it was")
    else:
        _tell(settings, f"now serves model {loaded.model.version}, index {loaded.index.version}")


def _tell(settings: Settings, what: str) -> None:
    """Tell whoever started the service what it does: in a line for people, or in the log where that is for programs."""
    if settings.log_format == "json":
        logger.info(what)
    else:
        print(f"vqscope: {what}", flush=True)


def _warn(settings: Settings, of: str) -> None:
    if settings.log_format == "json":
        logger.warning(of)
    else:
        print(f"vqscope: warning: {of}", file=sys.stderr)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
