"""The models that come with the package, and how a model is found by name or path. Nothing here needs torch."""

from pathlib import Path

from model.errors import VQScopeError

ZOO = Path(__file__).parent / "zoo"
DEFAULT_MODEL = "base"
"""The shipped model that is taken where none is named."""
WEIGHTS = "model.safetensors"


class ModelNotFound(VQScopeError):
    """There is no run folder or shipped model of that name."""


def shipped_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(weights.parent.name for weights in ZOO.glob(f"*/{WEIGHTS}"))


def find_model(path_or_name: str | Path | None = None) -> Path:
    """Folder of a run, or of a shipped model.

    Args:
        path_or_name: a run folder comes before a shipped model of the same name. None: the shipped
            `DEFAULT_MODEL`, whatever lies in the working folder.

    Raises:
        ModelNotFound: neither exists.
    """
    shipped = shipped_models()
    if path_or_name is None:
        if DEFAULT_MODEL not in shipped:
            raise ModelNotFound(
                f"this installation lacks its model {DEFAULT_MODEL!r}: install vqscope anew, or name a run folder"
            )
        return ZOO / DEFAULT_MODEL
    folder = Path(path_or_name).expanduser()
    if (folder / WEIGHTS).is_file():
        return folder
    if str(path_or_name) in shipped:
        return ZOO / str(path_or_name)
    if folder.is_dir():
        raise ModelNotFound(f"{folder} holds no {WEIGHTS}: is it the run folder of a finished training?")
    raise ModelNotFound(
        f"no model {str(path_or_name)!r}: give a run folder of `vqscope train` or a shipped model"
        f" ({', '.join(shipped) or 'none'})"
    )
