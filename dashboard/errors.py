"""What can go wrong with a request to the service."""

import httpx


class ApiError(Exception):
    """The service did not give what was asked for. The message is one line for the reader of a page."""


class ApiUnavailable(ApiError):
    """The service does not answer, or says that it cannot for now."""


class ApiRefused(ApiError):
    """The service refused the request (4xx); `status` and its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiUnreadable(ApiError):
    """The answer is not what the interface promises: dashboard and service differ in version."""


async def succeed(path: str, answer: httpx.Response) -> None:
    """Raise ApiUnavailable or ApiRefused if this answer to a request for ``path`` is a problem."""
    if answer.status_code < 400:
        return
    await answer.aread()
    detail = _problem(answer)
    if answer.status_code >= 500 or answer.status_code == 429:
        raise ApiUnavailable(detail or "the service cannot answer now")
    if answer.status_code == 401:
        detail = "the service asks for an API key: set VQSCOPE_API_KEY for the dashboard to one of its keys"
    raise ApiRefused(answer.status_code, detail or f"the service refused {path} ({answer.status_code})")


def _problem(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("detail") or body.get("title") or "") if isinstance(body, dict) else ""
