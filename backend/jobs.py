"""The kinds of work that the model thread does. Each only stacks, asks the model, and takes apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.batching import Job
from model.inference import InferenceModel
from model.latent.code_path import CodePath, PathEnd, walk

Picture = NDArray[np.uint8]
"""One image: (H, W) grey or (H, W, 3) colour."""


@dataclass(frozen=True)
class Encoded:
    """One image's `Encoding`."""

    embedding: NDArray[np.float32]
    codes: NDArray[np.uint16]
    quantisation_error: float


@dataclass(frozen=True)
class Analysed:
    """One image's `Analysis`."""

    reconstruction: Picture
    psnr: float
    ssim: float
    mae: float


@dataclass(frozen=True)
class Described:
    """What an outlier is told by, of one image."""

    embedding: NDArray[np.float32]
    codes: NDArray[np.uint16]
    quantisation_error: float
    psnr: float


class CellErrors(NamedTuple):
    """One image's codes and the squared distance of each cell to its code's vector, both (H', W')."""

    codes: NDArray[np.uint16]
    errors: NDArray[np.float32]


class NearestCodes(NamedTuple):
    """The two codes nearest to each cell of an image, and their squared distances, both (H', W', 2)."""

    codes: NDArray[np.uint16]
    distances: NDArray[np.float32]


class CodedImage(NamedTuple):
    """The codes of an image, and the image itself for its size and channels."""

    codes: NDArray[np.integer[Any]]
    image: Picture


class Walk(NamedTuple):
    """A path to go."""

    start: PathEnd
    end: PathEnd
    steps: int


def _encode(model: InferenceModel, images: Sequence[Picture]) -> list[Encoded]:
    encoding = model.encode(np.stack(images))
    errors = encoding.quantisation_error.tolist()
    return [Encoded(*parts) for parts in zip(encoding.embeddings, encoding.codes, errors, strict=True)]


def _analyse(model: InferenceModel, images: Sequence[Picture]) -> list[Analysed]:
    analysis = model.analyse(np.stack(images))
    figures = analysis.figures
    columns = (figures.psnr.tolist(), figures.ssim.tolist(), figures.mae.tolist())
    return [Analysed(*parts) for parts in zip(analysis.reconstructions, *columns, strict=True)]


def _describe(model: InferenceModel, images: Sequence[Picture]) -> list[Described]:
    analysis = model.analyse(np.stack(images))
    encoding = analysis.encoding
    figures = (encoding.quantisation_error.tolist(), analysis.figures.psnr.tolist())
    return [Described(*parts) for parts in zip(encoding.embeddings, encoding.codes, *figures, strict=True)]


def _cell_errors(model: InferenceModel, images: Sequence[Picture]) -> list[CellErrors]:
    return [CellErrors(*parts) for parts in zip(*model.cell_errors(np.stack(images)), strict=True)]


def _nearest_codes(model: InferenceModel, images: Sequence[Picture]) -> list[NearestCodes]:
    return [NearestCodes(*parts) for parts in zip(*model.nearest_codes(np.stack(images)), strict=True)]


def _code_vectors(model: InferenceModel, asked: Sequence[None]) -> list[NDArray[np.float32]]:
    return [model.code_vectors()] * len(asked)


def _decode(model: InferenceModel, coded: Sequence[CodedImage]) -> list[Picture]:
    codes = np.stack([one.codes for one in coded])
    return list(model.decode_like(codes, np.stack([one.image for one in coded])))


def _walk(model: InferenceModel, walks: Sequence[Walk]) -> list[CodePath]:
    return [walk(model, *one) for one in walks]


def _shape(image: Picture) -> tuple[int, ...]:
    return image.shape


ENCODE = Job("encode", _shape, _encode)
ANALYSE = Job("analyse", _shape, _analyse)
DESCRIBE = Job("describe", _shape, _describe)
CELL_ERRORS = Job("cell errors", _shape, _cell_errors)
NEAREST_CODES = Job("nearest codes", _shape, _nearest_codes)
CODE_VECTORS = Job("code vectors", lambda _nothing: None, _code_vectors)
DECODE = Job("decode", lambda coded: coded.image.shape, _decode)
WALK = Job("walk", lambda _walk: None, _walk)
