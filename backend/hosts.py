"""Which names the service answers to: a page of the web must not reach it by a name of its own.

A page may let its host name point to 127.0.0.1 after it was loaded (DNS rebinding); the browser then takes the
service for the page's own origin and lets it read everything. Only the Host header tells.
"""

from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.problems import Problem, document
from model.errors import VQScopeError

ANY = "*"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def answered_hosts(listening_on: str, allowed: Collection[str], *, keyed: bool) -> frozenset[str]:
    """Names to answer to, of which ``*`` is any.

    Args:
        listening_on: address of the service.
        allowed: the names that were set; none set: on loopback this machine's own, else any, since there the names
            are those of the network and of proxies.
        keyed: whether a key is asked for, which a page of another name does not have.

    Raises:
        VQScopeError: neither a key nor a name keeps such a page out.
    """
    if allowed:
        return frozenset(name.strip("[]").lower() for name in allowed)
    if is_loopback(listening_on):
        return frozenset({"localhost", "127.0.0.1", "::1", listening_on})
    if not keyed:
        raise VQScopeError(
            f"no key is asked for on {listening_on}: set VQSCOPE_ALLOWED_HOSTS to the names or addresses that clients "
            "use, with commas between, or any page that a user of the network opens could read all images (*: any name)"
        )
    return frozenset({ANY})


class HostGuard:
    """ASGI middleware: answers 421 where the Host header, whatever its port, is none of ``hosts``."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] == "http" and ANY not in self.hosts:
            name = _without_port(Headers(scope=scope).get("host", ""))
            if name not in self.hosts:
                detail = (
                    "the service does not answer to the name of the Host header; "
                    "its operator can allow it in VQSCOPE_ALLOWED_HOSTS"
                )
                problem = Problem(421, "misdirected-request", detail, {"Connection": "close"})
                await document(Request(scope), problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _without_port(host: str) -> str:
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
