"""Bulky answers as ``application/x-npy`` or as an Arrow stream, and which of the forms a client wants."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from fastapi import Request, Response
from numpy.typing import NDArray

NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
PNG = "image/png"
JSON = "application/json"
MEDIA_TYPES = {"json": JSON, "npy": NPY, "arrow": ARROW, "png": PNG}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


def chosen_form(request: Request, asked: str | None, offered: Sequence[str]) -> str:
    """Form of an answer: what ``format`` asked for, else the first that the Accept header names, else JSON.

    Quality values are not weighed, and ``*/*`` is JSON.
    """
    if asked is not None:
        return asked
    accepted = [
        part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")
    ]
    for kind in accepted:
        for form in ("json", *offered):
            if MEDIA_TYPES[form] == kind:
                return form
    return "json"


def forms(*offered: str) -> dict[int | str, dict[str, Any]]:
    """Declare, for OpenAPI, the forms of an answer beside JSON."""
    return {200: {"content": {MEDIA_TYPES[form]: _BINARY for form in offered}}}


def npy_response(array: NDArray[Any], headers: Mapping[str, str]) -> Response:
    """Answer with an array, in NumPy's format 1.0, little-endian, rows first."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return Response(buffer.getvalue(), headers={**headers, "Vary": "Accept"}, media_type=NPY)


def arrow_response(
    columns: Mapping[str, pa.Array], metadata: Mapping[str, str], headers: Mapping[str, str]
) -> Response:
    """Answer with a table of one record batch; ``metadata`` goes into its schema."""
    table = pa.table(dict(columns)).replace_schema_metadata(dict(metadata))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(bytes(sink.getvalue()), headers={**headers, "Vary": "Accept"}, media_type=ARROW)


def fixed_lists(array: NDArray[Any]) -> pa.Array:
    """(N, …) -> N lists of one length, the rest of each row flattened row by row."""
    flat = np.ascontiguousarray(array).reshape(len(array), -1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
