"""Worst, median and best images of a data set: original, reconstruction, error map."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.evaluation_summary import describe_image
from model.metrics import ERROR_FULL_SCALE, error_map
from model.report.markup import Element, element

if TYPE_CHECKING:
    from model.evaluation import MeasuredSplit
    from model.inference import InferenceModel

PER_GROUP = 6
_EDGE = 112  # CSS pixels that a small picture is enlarged to, by a whole factor
_SMALL_EDGE = 84  # the same on narrow screens
_LABEL = 60  # characters


def galleries(model: "InferenceModel", part: "MeasuredSplit") -> list[Element]:
    """Three groups of images by PSNR."""
    ranked = np.argsort(part.figures.psnr, kind="stable")
    n = len(ranked)
    middle = max(0, (n - PER_GROUP) // 2)
    groups = (
        ("Worst", ranked[:PER_GROUP]),
        ("Median", ranked[middle : middle + PER_GROUP]),
        ("Best", ranked[::-1][:PER_GROUP]),
    )
    return [
        element("div", element("h4", f"{title} by PSNR"), _group(model, part, rows)) for title, rows in groups
    ]


def error_legend() -> Element:
    """The error map's colours, and what they mean."""
    levels = np.linspace(0, ERROR_FULL_SCALE * 255, 64).round().astype(np.uint8)[None]
    bar = error_map(levels, np.zeros_like(levels))  # one row of pixels
    return element(
        "p",
        element("span", "Error maps: absolute error, as a share of the full range: 0"),
        element(
            "img", src=_data_uri(bar), alt="black over violet and orange to pale yellow", class_="legend"
        ),
        element("span", f"≥ {ERROR_FULL_SCALE:g}"),
        class_="error-scale",
    )


def _group(model: "InferenceModel", part: "MeasuredSplit", rows: NDArray[np.intp]) -> Element:
    images = np.asarray(part.arrays.images[rows])
    analysis = model.analyse(images)
    errors = error_map(images, analysis.reconstructions)
    return element(
        "div",
        *(
            _trio(part, int(row), (images[i], analysis.reconstructions[i], errors[i]))
            for i, row in enumerate(rows)
        ),
        class_="gallery",
    )


def _trio(part: "MeasuredSplit", row: int, pictures: tuple[NDArray[np.uint8], ...]) -> Element:
    found = describe_image(part.arrays, part.figures, row)
    name = f"image {row} of {part.arrays.info.name}"
    shown = [
        _picture(picture, f"{title} of {name}")
        for picture, title in zip(pictures, ("Original", "Reconstruction", "Error map"), strict=True)
    ]
    figures = f"{found['psnr']:.1f} dB · SSIM {found['ssim']:.3f}"
    caption = element(
        "figcaption", element("b", f"#{row}"), f" {_label(part, found['label'])}", element("br"), figures
    )
    return element("figure", element("div", *shown, class_="trio"), caption)


def _label(part: "MeasuredSplit", label: "int | list[int]") -> str:
    known = part.arrays.info.labels
    if isinstance(label, int):
        text = known.get(label, f"class {label}")
    else:  # several yes/no labels
        text = ", ".join(known.get(column, str(column)) for column, yes in enumerate(label) if yes) or "none"
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"


def _picture(picture: NDArray[np.uint8], description: str) -> Element:
    height, width = picture.shape[:2]
    zoom, small = (max(1, edge // max(height, width)) for edge in (_EDGE, _SMALL_EDGE))
    return element(
        "img",
        src=_data_uri(picture),
        alt=description,
        width=width * zoom,
        height=height * zoom,
        style=f"--small: {width * small}px",
    )


def _data_uri(picture: NDArray[np.uint8]) -> str:
    """(H, W) as a grey, (H, W, 3) as a colour PNG."""
    png = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(png, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
