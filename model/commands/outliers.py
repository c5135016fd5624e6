"""``vqscope outliers``: how unusual image files are, among the held-out images of a latent index."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.cli_parser import CommandParser, names
from model.errors import VQScopeError
from model.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from model.inference import InferenceModel
    from model.latent.outliers import Judgement, LatentImages, OutlierDetector, Standing, Verdict

_EXAMPLES = """\
examples:
  vqscope outliers scan.png --index indexes/shipped
  vqscope outliers *.png --index indexes/two --model runs/two
  vqscope outliers *.png --index indexes/two --model runs/two --datasets breastmnist --json verdicts.json

Four measures of the latent space and one combined score, each as the share of held-out validation images that are
less unusual (docs/outliers.md): what POST /v1/outliers answers. The first time with an index, the references are
fitted, which takes seconds to minutes. Research use only, not for diagnosis.
"""
MAX_BYTES = 32 << 20
MAX_PIXELS = 16 << 20
_BATCH = 256


def main(argv: list[str]) -> int:
    """Print a table, and write all verdicts as JSON where asked to.

    Raises:
        VQScopeError: no such model or index, a file that is no image, an index without validation images.
    """
    options = _parser().parse_args(argv)
    # Imported here: torch takes seconds, and --help and wrong options must not wait for it.
    from model.checkpoints import write_atomically
    from model.inference import load_model
    from model.latent.index import open_index
    from model.latent.outlier_store import open_outliers

    model = load_model(options.model, options.device)
    index = open_index(options.index, model)
    known = [described["name"] for described in index.datasets]
    for name in options.datasets or ():
        if name not in known:
            raise VQScopeError(f"this index has no data set {name!r}; it has {', '.join(known)}")
    detector = open_outliers(index, progress=True)
    described = {
        size: describe(model, [read_image(path, size) for path in options.files])
        for size in detector.image_sizes
    }
    judgements = detector.judge(described)
    print("\n".join(as_table(options.files, judgements, options.datasets or ())))
    if options.json is not None:
        content = {
            "model": model.version,
            "index": index.version,
            **as_json(options, detector, judgements),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(options.json, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return 0


def read_image(path: Path, size: int) -> "NDArray[np.uint8]":
    """The image in a file, at ``size`` pixels a side: (S, S) grey or (S, S, 3) colour.

    Raises:
        VQScopeError: it cannot be read, is no image, or is too large.
    """
    from model.data.reading import decode_image
    from model.data.sizing import fit

    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        return fit(decode_image(data, max_pixels=MAX_PIXELS, max_bytes=MAX_BYTES), size)
    except OSError as error:
        raise VQScopeError(f"{path} cannot be read ({error.strerror})") from error
    except VQScopeError as error:
        raise VQScopeError(f"{path}: {error}") from error


def describe(model: "InferenceModel", images: Sequence["NDArray[np.uint8]"]) -> "LatentImages":
    """What outliers are told by, of images of one size, grey and colour mixed, in their order."""
    import numpy as np

    from model.latent.outliers import LatentImages

    parts: list[LatentImages] = []
    places: list[int] = []
    for channels in (2, 3):
        alike = [i for i, image in enumerate(images) if image.ndim == channels]
        for start in range(0, len(alike), _BATCH):
            batch = alike[start : start + _BATCH]
            parts.append(LatentImages.of(model.analyse(np.stack([images[i] for i in batch]))))
            places += batch
    order = np.argsort(places)
    columns = ("embeddings", "codes", "quantisation_error", "psnr")
    return LatentImages(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in columns))


def as_table(
    files: Sequence[Path], judgements: Sequence["Judgement"], datasets: Sequence[str] = ()
) -> list[str]:
    """Lines with a verdict each: on each file against all held-out images, and against those of the data sets named."""
    head = ["file", "among", "images", "more unusual than", *(_MEASURE_TITLES.values()), "fits best"]
    rows = [head]
    for path, judgement in zip(files, judgements, strict=True):
        chosen = [verdict for verdict in judgement.datasets if verdict.reference in datasets]
        for verdict in (judgement.overall, *chosen):
            shares = [verdict.combined, *(verdict.measures[name] for name in _MEASURE_TITLES)]
            cells = [_percent(share, verdict) for share in shares]
            best = judgement.most_like if verdict is judgement.overall else ""
            rows.append([path.name, verdict.reference, f"{verdict.n:,}", *cells, best])
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    text = (0, 1, len(head) - 1)
    return [
        "  ".join(
            cell.ljust(width) if i in text else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


_MEASURE_TITLES = {
    "knn_distance": "distance",
    "quantisation_error": "quantisation",
    "code_rarity": "rarity",
    "reconstruction_error": "reconstruction",
}


def as_json(
    options: Namespace, detector: "OutlierDetector", judgements: Sequence["Judgement"]
) -> dict[str, Any]:
    """All verdicts, in the shape of the service's answer."""
    return {
        "image_sizes": list(detector.image_sizes),
        "skipped": dict(detector.skipped),
        "items": [
            {
                "filename": path.name,
                "overall": _verdict(judgement.overall),
                "datasets": [
                    _verdict(verdict)
                    for verdict in judgement.datasets
                    if not options.datasets or verdict.reference in options.datasets
                ],
                "most_like": judgement.most_like,
            }
            for path, judgement in zip(options.files, judgements, strict=True)
        ],
    }


def _verdict(verdict: "Verdict") -> dict[str, Any]:
    return {**asdict(verdict), "words": verdict.words}


def _percent(standing: "Standing", verdict: "Verdict") -> str:
    """No more digits than so many held-out images tell."""
    digits = max(0, len(str(verdict.n)) - 2)
    return f"{100 * standing.more_unusual_than:.{digits}f} %"


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="vqscope outliers",
        description="Say how unusual images are, among the held-out images of a latent index.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PNG, JPEG or TIFF")
    parser.add_argument(
        "--index", type=Path, required=True, metavar="INDEX", help="folder made by vqscope index"
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help=f"the index's: run folder, or name of a shipped model (default: the shipped {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--datasets", type=names, metavar="A,B", help="also judge against these alone (JSON: only these)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all verdicts to this file too")
    parser.add_argument(
        "--device", metavar="DEVICE", help="such as cpu or cuda (default: the GPU when there is one)"
    )
    return parser
