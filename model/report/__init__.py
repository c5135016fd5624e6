"""The report of an evaluation: one HTML file that needs no network, no script and no other file."""

from pathlib import Path
from typing import TYPE_CHECKING

from model.checkpoints import write_atomically
from model.errors import VQScopeError
from model.report.curves import read_curves
from model.report.markup import GENERATOR, to_html
from model.report.page import report_page

if TYPE_CHECKING:
    from model.evaluation import Evaluation
    from model.inference import InferenceModel

__all__ = ["check_report_folder", "write_report"]

_BEGINNING = 4096  # bytes of a page in which its generator is named


def check_report_folder(folder: Path) -> None:
    """Refuse a folder that holds something else than a report.

    Raises:
        VQScopeError: it exists, is not empty and is no report.
    """
    page = folder.expanduser() / "index.html"
    if page.is_file():
        with page.open("rb") as stream:
            if GENERATOR.encode() in stream.read(_BEGINNING):
                return
    elif not page.parent.exists() or (page.parent.is_dir() and not any(page.parent.iterdir())):
        return
    raise VQScopeError(f"{folder} exists and is not a report: choose another folder for --report")


def write_report(
    folder: Path, evaluation: "Evaluation", model: "InferenceModel", *, run_dir: Path | None = None
) -> Path:
    """Write ``folder/index.html``; the pictures of its galleries are computed anew.

    Args:
        folder: made where it is missing; a report in it is replaced.
        evaluation: what to show.
        model: that was evaluated.
        run_dir: its run folder, for the training curves.

    Returns:
        Path of the page.

    Raises:
        VQScopeError: the folder holds something else, or cannot be written.
    """
    check_report_folder(folder)
    curves = None if run_dir is None else read_curves(run_dir / "metrics.csv")
    page = report_page(evaluation, model, curves)
    target = folder.expanduser() / "index.html"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VQScopeError(f"cannot make {folder} ({error.strerror}): choose another folder") from error
    write_atomically(target, to_html(page))
    return target
