"""API keys: who may ask the service, wherever others than this machine's own users reach it."""

import hashlib
import hmac
import re
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.hosts import is_loopback
from backend.observation import current
from backend.problems import Problem, document, responses
from backend.settings import Settings
from model.errors import VQScopeError

MIN_LENGTH = 24
"""Characters of a key: 32 random bytes in base64 have 43."""
MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
OPEN_PATHS = frozenset({"/health/live", "/health/ready"})
"""What orchestrators and load balancers ask, who have no key."""
_MAX_BYTES = 1 << 20
_KEY = re.compile(rf"[\x21-\x2b\x2d-\x7e]{{{MIN_LENGTH},}}")


def keys_of(settings: Settings) -> frozenset[str]:
    """The keys that clients must have one of; none: whoever reaches the service may ask it.

    Raises:
        VQScopeError: a key is too short to be one, their file cannot be read, or there is none although other
            machines can reach the service and this was not allowed. No message tells a key.
    """
    keys = [key.get_secret_value() for key in settings.api_keys] + _in_file(settings)
    if any(_KEY.fullmatch(key) is None for key in keys):
        raise VQScopeError(
            f"an API key needs {MIN_LENGTH} or more visible ASCII characters without commas; make one with: "
            + MAKE_ONE
        )
    if not keys and not settings.allow_no_key and not is_loopback(settings.host):
        raise VQScopeError(
            f"other machines can reach {settings.host}: set VQSCOPE_API_KEYS to a key that clients must send "
            f"({MAKE_ONE} makes one), or serve without one by --no-api-key"
        )
    return frozenset(keys)


def _in_file(settings: Settings) -> list[str]:
    path = settings.api_keys_file
    if path is None:
        return []
    try:
        with path.expanduser().open(encoding="ascii") as stream:
            lines = [line.strip() for line in stream.read(_MAX_BYTES).splitlines()]
    except UnicodeDecodeError:
        raise VQScopeError(f"the file of API keys {path} is no ASCII text") from None
    except OSError as error:
        raise VQScopeError(f"the file of API keys {path} cannot be read ({error.strerror})") from error
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise VQScopeError(f"the file of API keys {path} holds none: write one a line")
    return keys


def document_keys(schema: dict[str, Any]) -> None:
    """Add to an OpenAPI document that a key is needed, where, and what happens without."""
    schema["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in schema["paths"].items():
        if path not in OPEN_PATHS:
            for operation in operations.values():
                operation["security"] = [{"bearer": []}, {"key": []}]
                operation["responses"] |= {str(status): told for status, told in responses(401).items()}


class KeyGuard:
    """ASGI middleware: answers 401 to whoever sends none of ``keys``, before anything of a body is read.

    A key comes as ``Authorization: Bearer KEY``, which OpenAI's clients send, or as ``X-API-Key: KEY``.
    """

    def __init__(self, app: ASGIApp, *, keys: Collection[str]) -> None:
        self.app = app
        self._digests = [_digest(key.encode("ascii")) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] == "http" and self._digests:
            given = _given(Headers(scope=scope))
            current().trusted = trusted = given is not None and self._known(given)
            if not trusted and scope["path"] not in OPEN_PATHS:
                await _refusal(Request(scope), given is not None)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _known(self, given: bytes) -> bool:
        # Digests have one length, and all are compared: the time tells neither how far nor which key fits.
        digest = _digest(given)
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _given(headers: Headers) -> bytes | None:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    key = credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    return key.encode("latin-1") or None


def _refusal(request: Request, sent: bool) -> Response:
    detail = (
        "the service does not know this API key"
        if sent
        else "send an API key, as Authorization: Bearer KEY or X-API-Key: KEY"
    )
    error = ', error="invalid_token"' if sent else ""
    # No Connection: close. Where the client keeps the connection, the server drops what still comes of the body.
    headers = {"WWW-Authenticate": f'Bearer realm="vqscope"{error}'}
    return document(request, Problem(401, "unauthorized", detail, headers))
