"""The dashboard's own scripts and styles, each sort in one file: two dozen requests would each wait for a turn."""

import hashlib
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_FOREVER = "public, max-age=31536000, immutable"  # the address changes with the content


def add_bundle(server: FastAPI, folder: Path) -> dict[str, str]:
    """Serve all styles of a folder as one file and all scripts as another, joined in the order of their names.

    Returns:
        By "css" and "js", their addresses: beside the folder's other files, which styles name relatively.
    """
    return {kind: _add(server, folder, kind) for kind in _KINDS}


def _add(server: FastAPI, folder: Path, kind: str) -> str:
    files = sorted(folder.glob(f"*.{kind}"))
    content = b"\n".join(file.read_bytes() for file in files)
    address = f"/assets/all-{hashlib.sha256(content).hexdigest()[:16]}.{kind}"

    @server.get(address, include_in_schema=False)
    async def bundle() -> Response:
        return Response(content, headers={"Cache-Control": _FOREVER}, media_type=_KINDS[kind])

    return address
