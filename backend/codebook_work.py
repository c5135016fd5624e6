"""What the codebook needs that takes seconds, in steps: taken by whoever asks for it, or before anybody does."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.computed import Stepwise
from backend.jobs import CELL_ERRORS, CODE_VECTORS, DECODE, CellErrors, CodedImage, Picture
from backend.loading import Loaded
from backend.pictures import fit, png
from backend.selection import rows_of
from model.latent.code_examples import covering_rows, nearest_of_each
from model.latent.code_patches import Patch, crop
from model.latent.codebook_summary import CodebookSummary
from model.latent.enrichment import Counts, image_counts

COLUMNS = 16
PAGE = COLUMNS * COLUMNS
"""Codes of one picture of the atlas: seconds of decoding on one core at most, under a megabyte."""
MAX_EDGE = 64
"""Pixels; prototypes of larger models are brought down to it, so that a picture stays small."""
STEP = 16
"""Most images of a step: a request that comes meanwhile waits for so many."""
AHEAD_PAGES = 16
"""Of the atlas, made before anybody asks: more codes than the explorer shows are left to those who want them."""


@dataclass(frozen=True, eq=False)
class Examples:
    """A patch of each code; its candidate is a place in `rows`."""

    rows: NDArray[np.int64]
    patches: list[Patch | None]
    edge: int
    """Side to which all are brought, in pixels."""

    def sheet(self, loaded: Loaded, codes: range) -> bytes:
        """The patches of some codes as one PNG; white for a code without a patch."""
        white = np.full((self.edge, self.edge, 3), 255, np.uint8)
        found = [self.patches[code] for code in codes]
        return png(
            sheet([white if one is None else _square(self.crop(loaded, one), self.edge) for one in found])
        )

    def crop(self, loaded: Loaded, patch: Patch) -> Picture:
        """A patch at its own size."""
        image = image_of(loaded, int(self.rows[patch.candidate]))
        return crop(image, loaded.model.code_grid, patch.row, patch.column)


def block_counts(loaded: Loaded) -> Stepwise[Counts]:
    """(B, K) for B blocks of the index and K codes: how many images of a block contain the code."""

    def steps() -> Generator[None, None, Counts]:
        index, size = loaded.index, loaded.model.codebook_size
        counts = np.zeros((len(index.blocks), size), np.int64)
        for place, block in enumerate(index.blocks):
            yield
            counts[place] = image_counts(index.codes[block.start : block.stop], size)
        return counts

    return loaded.computed.stepwise("images of blocks", steps)


def summary(loaded: Loaded) -> Stepwise[CodebookSummary]:
    """Use, tests and order of all codes."""

    def steps() -> Generator[None, None, CodebookSummary]:
        with loaded.batcher.slots():
            vectors = loaded.batcher.submit(CODE_VECTORS, [None])[0].result()
        yield
        return CodebookSummary.of(loaded.index, vectors)

    return loaded.computed.stepwise("codebook", steps)


def prototypes(loaded: Loaded, page: int) -> Stepwise[bytes]:
    """What the decoder makes of each code of a page of the atlas, as one PNG, which is put among the pictures.

    Decoded once for all who ask: each for himself, on a busy machine none would be done before he gives up.
    """
    key = ("atlas", "prototype", page)

    def steps() -> Generator[None, None, bytes]:
        made = loaded.pictures.get(key)  # whoever looked in vain may come here after it was put there
        if made is None:
            codes, step = codes_of(page, loaded.model.codebook_size), _step(loaded)
            tiles: list[Picture] = []
            for start in range(0, len(codes), step):
                yield
                filled = filled_with(loaded, codes[start : start + step])
                with loaded.batcher.slots(len(filled)):
                    tiles += [future.result() for future in loaded.batcher.submit(DECODE, filled)]
            made = png(sheet(tiles))
            loaded.pictures.put(key, made)
        loaded.computed.forget(key)
        return made

    return loaded.computed.stepwise(key, steps)


def examples(loaded: Loaded) -> Stepwise[Examples]:
    """A patch of each code: up to some thousand images are encoded for it."""

    def steps() -> Generator[None, None, Examples]:
        size = loaded.model.codebook_size
        shown = [block for block in loaded.index.blocks if block.dataset not in loaded.missing]
        rows = covering_rows(loaded.index.codes, rows_of(shown), size)
        cells: list[CellErrors] = []
        step = _step(loaded)
        for start in range(0, len(rows), step):
            yield
            images = [image_of(loaded, row) for row in rows[start : start + step].tolist()]
            with loaded.batcher.slots(len(images)):
                cells += [future.result() for future in loaded.batcher.submit(CELL_ERRORS, images)]
        patches = nearest_of_each([one.codes for one in cells], [one.errors for one in cells], size)
        found = Examples(rows, patches, 1)
        sides = [max(found.crop(loaded, one).shape[:2]) for one in patches if one is not None]
        return replace(found, edge=min(max(sides, default=1), MAX_EDGE))

    return loaded.computed.stepwise("patches", steps)


def ahead(loaded: Loaded) -> Iterator[None]:
    """Make what the first look at the codebook, and at the codes of a selection, needs, a step at a time.

    What was asked for meanwhile is not made again.

    Raises:
        Problem: the model's queue is full, or the service closes.
    """
    for work in (block_counts(loaded), summary(loaded)):
        while not work.advance():
            yield
    size = loaded.model.codebook_size
    pages = [codes_of(page, size) for page in range(min(AHEAD_PAGES, -(-size // PAGE)))]
    for page in range(len(pages)):
        if loaded.pictures.get(("atlas", "prototype", page)) is None:
            drawn = prototypes(loaded, page)
            while not drawn.advance():
                yield
    found = examples(loaded)
    while not found.advance():
        yield
    for page, codes in enumerate(pages):
        yield
        if loaded.pictures.get(("atlas", "patch", page)) is None:
            loaded.pictures.put(("atlas", "patch", page), found.value().sheet(loaded, codes))


def codes_of(page: int, codebook_size: int) -> range:
    """Codes of a page of the atlas."""
    return range(page * PAGE, min((page + 1) * PAGE, codebook_size))


def filled_with(loaded: Loaded, codes: Sequence[int]) -> list[CodedImage]:
    """For each code a grid filled with it, to be decoded."""
    black = np.zeros((loaded.model.image_size, loaded.model.image_size, 3), np.uint8)
    return [CodedImage(np.full(loaded.model.code_grid, code), black) for code in codes]


def image_of(loaded: Loaded, row: int) -> Picture:
    """The image of a row of the index whose pictures are here."""
    block = next(block for block in loaded.index.blocks if block.start <= row < block.stop)
    return np.asarray(loaded.splits[block.dataset, block.split].images[row - block.start])


def sheet(tiles: list[Picture]) -> Picture:
    """Square pictures in rows of `COLUMNS`: (rows · edge, columns · edge, 3)."""
    edge = min(tiles[0].shape[0], MAX_EDGE)
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    whole = np.full((rows, columns, edge, edge, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        whole[place // columns, place % columns] = fit(tile, edge)
    return whole.transpose(0, 2, 1, 3, 4).reshape(rows * edge, columns * edge, 3)


def _step(loaded: Loaded) -> int:
    """Images of a step: half of a short queue, so that others have room in it."""
    return max(1, min(STEP, loaded.batcher.queue_length // 2))


def _square(picture: Picture, edge: int) -> Picture:
    """A patch in colour at (edge, edge, 3); pixels are repeated, not blended."""
    return np.array(Image.fromarray(picture).convert("RGB").resize((edge, edge), Image.Resampling.NEAREST))
