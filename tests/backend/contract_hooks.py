"""Gives schemathesis pictures, arrays and names that exist, so that its requests reach further than the first check.

Loaded by it as `SCHEMATHESIS_HOOKS`. Half of the requests stay as they were generated.
"""

import base64
import zlib
from typing import Any

import numpy as np
import schemathesis
from hypothesis import strategies as st
from PIL import Image

from tests.backend.bad_arrays import npy
from tests.backend.bad_files import saved

DATASETS = ("sample_cell", "sample_ct", "sample_fundus", "sample_ihc", "sample_mr", "sample_ultrasound")
RUN = "tiny-run"
MODEL, CODES, GRID = "tiny", 64, 7
_PIXELS = np.random.default_rng(0).integers(0, 256, (3, 30, 26, 3), np.uint8)
_FILES = {
    kind: [saved(Image.fromarray(one), kind.upper()) for one in (_PIXELS[0], _PIXELS[1, :, :, 0])]
    for kind in ("png", "jpeg", "tiff")
}
_EVERY = [file for files in _FILES.values() for file in files]
_ARRAYS = [
    npy(_PIXELS),
    npy(_PIXELS[..., 0]),
    npy(np.asfortranarray(_PIXELS[:1])),
    npy(_PIXELS.astype(np.int16)),
]


def _damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(0, len(sound)).map(lambda cut: sound[:cut])


for _kind, _files in _FILES.items():
    schemathesis.openapi.media_type(
        f"image/{_kind}", st.sampled_from(_files) | _damaged(_files[0]) | st.binary()
    )
schemathesis.openapi.media_type(
    "application/x-npy", st.sampled_from(_ARRAYS) | _damaged(_ARRAYS[0]) | st.binary()
)
schemathesis.openapi.format("binary", st.sampled_from(_EVERY) | st.binary())


@schemathesis.hook
def map_case(_context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    """Name what there is, in every other request."""
    chance = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace"))
    if chance % 2:
        return case
    parameters = case.path_parameters or {}
    there = {"dataset": DATASETS[chance % 6], "map": "pca", "code": chance % CODES, "position": chance % 40}
    there |= {"run": RUN, "epoch": 1 + chance % 3}
    parameters.update({name: value for name, value in there.items() if name in parameters})
    if isinstance(case.body, dict):
        _body(case.body, chance)
    return case


def _body(body: dict[str, Any], chance: int) -> None:
    grid = np.random.default_rng(chance).integers(0, CODES, (GRID, GRID)).tolist()
    if "model" in body:
        body["model"] = MODEL
    if isinstance(body.get("codes"), list):
        body["codes"] = [grid]
    if isinstance(body.get("images"), list):
        body["images"] = [base64.b64encode(file).decode() for file in _EVERY[: 1 + chance % 4]]
    if "input" in body:
        body["input"] = "data:image/png;base64," + base64.b64encode(_EVERY[0]).decode()
    if "map" in body:
        body["map"] = "pca"
    for end in ("start", "end"):
        if isinstance(body.get(end), dict):
            body[end] = (
                {"codes": grid}
                if "codes" in body[end]
                else {"dataset": DATASETS[chance % 6], "split": "test", "position": chance % 9}
            )
