"""Picture codecs at their smallest file."""

import io
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image, features

from model.inference import Pictures
from tests.benchmarks.models.measuring import Reproduce, Reproduced

# Options that make the smallest files that each encoder offers; of several the smaller file is taken.
_OPTIONS: Mapping[str, list[dict[str, Any]]] = {
    "WebP": [{"format": "WEBP", "quality": 0, "method": 6}],
    "JPEG": [
        {"format": "JPEG", "quality": 1, "optimize": True, "subsampling": 2, "progressive": progressive}
        for progressive in (False, True)
    ],
    "JPEG XL": [{"format": "JXL", "quality": 0, "effort": effort} for effort in (7, 9)],
    "AVIF": [{"format": "AVIF", "quality": 0, "speed": 0}],
    "JPEG 2000": [
        {
            "format": "JPEG2000",
            "no_jp2": True,
            "irreversible": True,
            "quality_layers": [1000],
            "num_resolutions": n,
        }
        for n in (3, 5)
    ],
}


def available() -> dict[str, Reproduce]:
    """The codecs that this machine has, by name."""
    has: dict[str, Callable[[], Any]] = {
        "WebP": lambda: features.check("webp"),
        "JPEG": lambda: features.check("jpg"),
        "JPEG XL": lambda: find_spec("pillow_jxl"),
        "AVIF": lambda: features.check("avif"),
        "JPEG 2000": lambda: features.check("jpg_2000"),
    }
    if has["JPEG XL"]():
        import pillow_jxl  # noqa: F401  # registers itself with Pillow
    return {name: _reproduce(options) for name, options in _OPTIONS.items() if has[name]()}


def _reproduce(options: list[dict[str, Any]]) -> Reproduce:
    def reproduce(pictures: Pictures) -> Reproduced:
        decoded, size = np.empty_like(pictures), 0
        for i, picture in enumerate(pictures):
            data = min((_encode(picture, one) for one in options), key=len)
            size += len(data)
            with Image.open(io.BytesIO(data)) as image:
                decoded[i] = np.asarray(image.convert("L" if picture.ndim == 2 else "RGB"))
        return Reproduced(decoded, bits=8.0 * size)

    return reproduce


def _encode(picture: Pictures, options: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, **options)
    return stream.getvalue()
