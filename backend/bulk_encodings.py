"""Encodings of many images as one array or one table."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from fastapi import Response

from backend.bulk import arrow_response, fixed_lists, npy_response
from backend.jobs import Encoded
from backend.loading import ModelFacts
from backend.uploads import Upload


def bulky(
    model: ModelFacts,
    form: str,
    part: Literal["embedding", "codes"],
    uploads: Sequence[Upload],
    found: Sequence[Encoded],
) -> Response:
    """Answer with encodings in the order of the images.

    As npy one ``part``: embeddings (N, D) float32 or codes (N, H', W') uint16. As Arrow all of them: a row is
    an image, codes are flattened row by row, and the schema's metadata say the model and its code grid.
    """
    headers = {"X-VQScope-Model": model.version}
    if form == "npy":
        return npy_response(np.stack([getattr(one, part) for one in found]), headers)
    columns = {
        "filename": pa.array([upload.filename for upload in uploads], pa.string()),
        "embedding": fixed_lists(np.stack([one.embedding for one in found])),
        "codes": fixed_lists(np.stack([one.codes for one in found])),
        "quantisation_error": pa.array([one.quantisation_error for one in found], pa.float32()),
    }
    rows, cells = model.code_grid
    return arrow_response(columns, {"model": model.version, "code_grid": f"{rows},{cells}"}, headers)
