"""`python -m dashboard`: the dashboard as a process of its own."""

import argparse
import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from dashboard.settings import DashboardSettings

if TYPE_CHECKING:
    import uvicorn


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns 0, or 2 when it cannot start (one line on stderr)."""
    ending = _Ending()
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        description="The VQScope explorer, for a VQScope service that runs elsewhere.",
        epilog="VQSCOPE_API_KEY in the environment: the key, where the service asks for one. VQSCOPE_ALLOWED_HOSTS: "
        "names to answer to beside those of this machine, with commas between (*: any); default: on loopback no "
        "others, else any.",
    )
    parser.add_argument(
        "--api", required=True, metavar="URL", help="the service, such as http://127.0.0.1:8000"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8050, help="port to listen on (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        # The key comes from the environment: other users of the machine see what is on a command line.
        key = os.environ.get("VQSCOPE_API_KEY", "")
        names = os.environ.get("VQSCOPE_ALLOWED_HOSTS", "").split(",")
        settings = DashboardSettings(
            api_url=options.api,
            api_key=key,
            host=options.host,
            allowed_hosts=frozenset(name.strip() for name in names if name.strip()),
            port=options.port,
        )
        listener = listen(settings.host, settings.port)
    except (ValueError, OSError) as error:
        print(f"vqscope: error: {error}", file=sys.stderr)
        return 2
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"dashboard: http://{host}:{port} (service: {settings.api_url})", file=sys.stderr, flush=True)

    import uvicorn  # these take seconds, and the address above is told without delay

    from dashboard.app import create_app

    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # What was imported stays: to look through it in each full collection would hold up all answers.
    gc.collect()
    gc.freeze()
    if not ending.asked_of(server):
        server.run(sockets=[listener])
    return 0


class _Ending:
    """SIGTERM and Ctrl-C end the dashboard with code 0, at whatever moment they come.

    Before there is a server they are remembered. While it runs uvicorn handles them, and then raises them
    again for whoever handled them before: that is this object, which has nothing left to do.
    """

    def __init__(self) -> None:
        self._asked = False
        self._server: uvicorn.Server | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def asked_of(self, server: "uvicorn.Server") -> bool:
        """From now on end this server; tell whether a signal came already."""
        self._server = server
        return self._asked

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port in use is met before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio does not know it for that, leaves Nagle's algorithm on, and each answer on a
    # connection in use waits 40 ms for the browser to acknowledge its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)  # whoever comes before the pages are built waits instead of being refused
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error
    listener.set_inheritable(True)
    return listener


if __name__ == "__main__":
    sys.exit(main())
