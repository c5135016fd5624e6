"""Strong ETags and conditional answers (RFC 9110, 13.1.2); images of patients stay out of shared caches."""

import hashlib

from fastapi import Request, Response

REVALIDATE = "private, no-cache"
FOREVER = "private, max-age=31536000, immutable"


def etag(*parts: bytes | str) -> str:
    """Make a strong ETag of what determines the bytes of an answer."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8))  # so that ("ab", "c") and ("a", "bc") differ
        digest.update(data)
    return f'"{digest.hexdigest()[:32]}"'


def matches(request: Request, tag: str) -> bool:
    """Whether the client already has this version (``If-None-Match``, weak comparison)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    listed = [part.strip().removeprefix("W/") for part in given.split(",")]
    return tag in listed or listed == ["*"]


def picture(request: Request, png: bytes, *, forever: bool) -> Response:
    """Answer with a PNG, or that the client has it; ``forever``: its address names the version it is of."""
    tag = etag(png)
    headers = {"ETag": tag, "Cache-Control": FOREVER if forever else REVALIDATE}
    if matches(request, tag):
        return not_modified(headers)
    return Response(png, headers=headers, media_type="image/png")


def not_modified(headers: dict[str, str]) -> Response:
    """304 with the headers that the full answer would have."""
    return Response(status_code=304, headers=headers)
