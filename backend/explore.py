"""``vqscope explore``: prepares what is missing, then runs service and dashboard until they are ended."""

import argparse
import json
import os
import secrets
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from backend.addresses import listen
from backend.supervisor import ChildEnded, NotReady, StopRequested, Supervisor
from model.cli_parser import CommandParser
from model.paths import cache_dir
from model.prepare import Prepared
from model.prepare_settings import PrepareSettings, add_arguments, settings_from, to_arguments

READY_TIMEOUT_S = 180.0
"""A first start reads torch from a cold disk; a start that hangs ends with the last lines of the log."""

_LOOPBACK = "127.0.0.1"
_EXAMPLES = """\
examples:
  vqscope explore                                          the shipped model; data and index are found or made
  vqscope explore --data-dir ~/images --datasets ham10000  one data set of a folder
  vqscope explore --model runs/five --port 9000            a model that `vqscope train` made
  vqscope explore --model quick                            train a small model on these data first

Ctrl-C ends it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 after Ctrl-C or SIGTERM once it ran, 128 + signal when that came before; 1 if a process died; else
        what the preparation returned.

    Raises:
        VQScopeError: A port is taken, or an option goes without the one it belongs to.
    """
    given = _parser().parse_args(argv)
    settings = settings_from(given)
    if not given.prepare_only:
        check_port(given.host, given.port)
        if given.api_port:
            check_port(_LOOPBACK, given.api_port, "--api-port")
        if not is_loopback(given.host):
            print(
                f"vqscope: warning: {given.host} can be reached from other machines and no key is asked for:"
                " whoever reaches it sees the images",
                file=sys.stderr,
            )
    with Supervisor() as supervisor:
        try:
            code, prepared = _prepare(supervisor, settings)
            if code or prepared is None:
                return code
            if given.ready_dir:
                link_ready(given.ready_dir.expanduser(), prepared)
            if given.prepare_only:
                print(f"model {prepared.model}\nindex {prepared.index}\ndata {prepared.data_dir}")
                return 0
            _serve(supervisor, given, prepared)
        except StopRequested as request:
            print("vqscope: interrupted", file=sys.stderr)
            return 128 + request.signum
        except ChildEnded as ended:
            child = ended.child
            where = f"; its last lines (all in {child.log}):" if child.log else ""
            print(f"vqscope: error: {ended}{where}", *child.last_lines(), sep="\n", file=sys.stderr)
            return 1
        except NotReady as late:
            print(f"vqscope: error: {late}; see {_log_dir()}", file=sys.stderr)
            return 1
        print("vqscope: ending", file=sys.stderr)
    return 0


def check_port(host: str, port: int, option: str = "--port") -> None:
    """Make sure that a server could listen there.

    Raises:
        VQScopeError: It could not, and why.
    """
    listen(host, port, option).close()


def free_port() -> int:
    """Return a port of this machine on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def link_ready(folder: Path, prepared: Prepared) -> None:
    """Put links ``model``, ``index`` and ``data`` into ``folder``: names that stay when keys change."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("model", prepared.model), ("index", prepared.index), ("data", prepared.data_dir)):
        part = folder / f".{name}.part"
        part.unlink(missing_ok=True)
        part.symlink_to(target, target_is_directory=True)
        part.replace(folder / name)


def _prepare(supervisor: Supervisor, settings: PrepareSettings) -> tuple[int, Prepared | None]:
    """Run `model.prepare` as a child, so that torch's memory goes back; it may be cut off anywhere."""
    with tempfile.TemporaryDirectory(prefix="vqscope-") as folder:
        result = Path(folder) / "prepared.json"
        arguments = [*to_arguments(settings), "--result", str(result)]
        child = supervisor.start("preparation", "model.prepare", arguments, log=None, grace=0)
        try:
            code = supervisor.wait_ended(child)
        except StopRequested:
            supervisor.kill(child)
            raise
        if code < 0:
            print(f"vqscope: error: the preparation was killed (signal {-code})", file=sys.stderr)
            return 1, None
        return code, None if code else Prepared.from_dict(json.loads(result.read_text()))


def _serve(supervisor: Supervisor, given: argparse.Namespace, prepared: Prepared) -> None:
    """Run both processes until a signal asks for the end."""
    logs = _log_dir()
    logs.mkdir(parents=True, exist_ok=True)
    port = given.port or free_port()
    api_port = given.api_port or free_port()
    check_port(given.host, port)  # again: minutes may have passed
    api = f"http://{_LOOPBACK}:{api_port}"
    of_service, of_dashboard = shared_key()
    supervisor.start(
        "the service",
        "model.cli",
        [
            "serve",
            f"--model={prepared.model}",
            f"--index={prepared.index}",
            f"--data-dir={prepared.data_dir}",
            f"--host={_LOOPBACK}",
            f"--port={api_port}",
        ],
        log=logs / f"explore-{port}-service.log",
        variables=of_service | names_of_service(),
    )
    supervisor.start(
        "the dashboard",
        "dashboard",
        ["--api", api, "--host", given.host, "--port", str(port)],
        log=logs / f"explore-{port}-dashboard.log",
        variables=of_dashboard,
    )
    url = f"http://{reachable(given.host)}:{port}"
    supervisor.wait_ready(
        {"the service": f"{api}/health/ready", "the dashboard": url}, timeout=READY_TIMEOUT_S
    )
    print(f"VQScope is ready: {url}  (Ctrl-C ends it)", flush=True)
    print(
        f"vqscope: its service, for programs: {api} (its OpenAPI document: {api}/openapi.json)\n"
        f"vqscope: its index, for commands such as 'vqscope map list INDEX': {prepared.index}",
        file=sys.stderr,
    )
    if not given.no_browser and _has_screen():
        webbrowser.open(url)
    supervisor.wait_stop()


def shared_key() -> tuple[dict[str, str], dict[str, str]]:
    """Variables of service and dashboard: where keys are set, a further one that the two share."""
    keys = os.environ.get("VQSCOPE_API_KEYS", "")
    if not keys and not os.environ.get("VQSCOPE_API_KEYS_FILE"):
        return {}, {}
    key = secrets.token_urlsafe(32)
    return {"VQSCOPE_API_KEYS": f"{keys},{key}"}, {"VQSCOPE_API_KEY": key}


def names_of_service() -> dict[str, str]:
    """Where the explorer's names are set: these and the address by which the dashboard asks the service."""
    names = os.environ.get("VQSCOPE_ALLOWED_HOSTS", "")
    return {"VQSCOPE_ALLOWED_HOSTS": f"{names},{_LOOPBACK}"} if names.strip(" ,") else {}


def reachable(host: str) -> str:
    """Return the name under which a browser on this machine reaches a server that listens on ``host``."""
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared with, not bound
        return _LOOPBACK
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Return whether a server that listens on ``host``, an address or a name, serves this machine alone."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return all(ip_address(address[0]).is_loopback for *_, address in found)


def _has_screen() -> bool:
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def _log_dir() -> Path:
    return cache_dir() / "logs"


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="vqscope explore",
        description="Find or make data and index, then open the explorer with the shipped model or another.",
        epilog=_EXAMPLES,
    )
    add_arguments(parser)
    add = parser.add_argument
    add("--port", type=_port, default=8050, help="port of the explorer; 0: a free one (default: %(default)s)")
    add("--api-port", type=_port, default=0, help="port of the service; 0: a free one (default: %(default)s)")
    add("--host", default=_LOOPBACK, help="address to listen on (default: %(default)s, this machine alone)")
    add("--no-browser", action="store_true", help="do not open a browser")
    add("--prepare-only", action="store_true", help="prepare, print what serving needs, and end")
    add("--ready-dir", type=Path, metavar="DIR", help="also link model, index and data into this folder")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
