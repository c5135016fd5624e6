"""Data, model and index for the explorer: found where they are, made where they are missing or asked for.

The model is the shipped one unless another is named, or a quick training on these very data is asked for.
What is made lies in the cache: ``models/quick-KEY`` and ``indexes/KEY``, where KEY stands for everything that
went into it, so that a second start finds it and a change of data makes another. Each is made in a temporary
folder under a lock and renamed when whole: two explorers that start together make it once, and being killed
at any moment leaves nothing half-made under its final name. What was damaged since is made again.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from model import paths
from model.cli_parser import CommandParser
from model.data.catalogue import DatasetInfo, report_warnings
from model.data.choose import choose_data, count_images
from model.errors import VQScopeError
from model.once import is_sealed, locked, made_once, remove_abandoned, seal
from model.prepare_settings import QUICK, PrepareSettings, add_arguments, settings_from
from model.shipped import WEIGHTS, find_model
from model.versions import EMBEDDING_VERSION, FORMAT

READY_S = 150
"""Seconds for a quick training and the index together: such a start takes less than three minutes on two cores."""
INDEXED_PER_S = 280
"""Images that the index takes in a second on two cores under a quick model (measured; under base: 190)."""

_MODEL_FILES = (WEIGHTS, "config.json", "card.json")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What serving needs."""

    data_dir: Path
    datasets: tuple[str, ...]
    model: Path
    """Run folder."""
    index: Path

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read back what ``--result`` wrote."""
        return cls(
            data_dir=Path(values["data_dir"]),
            datasets=tuple(values["datasets"]),
            model=Path(values["model"]),
            index=Path(values["index"]),
        )


def prepare(settings: PrepareSettings) -> Prepared:
    """Choose or make data, model and index, telling on stderr which.

    Raises:
        VQScopeError: Something that was asked for by name is not there or cannot be used.
    """
    data_dir, infos = choose_data(
        settings.data_dir, settings.datasets, or_sample=settings.or_sample, say=_say
    )
    _say(f"data: {', '.join(info.name for info in infos)} in {data_dir}")
    report_warnings(infos)
    model = choose_model(settings, data_dir, infos)
    index = choose_index(model, data_dir, infos)
    return Prepared(data_dir=data_dir, datasets=tuple(i.name for i in infos), model=model, index=index)


def choose_model(settings: PrepareSettings, data_dir: Path, infos: Sequence[DatasetInfo]) -> Path:
    """Run folder of the named model, of the shipped one, or of a quick one, which is trained once and kept.

    Raises:
        VQScopeError: There is no model of that name, or the training failed.
    """
    if settings.model != QUICK:
        model = find_model(settings.model).absolute()
        _say(f"model: {model.name}")
        strange = _unknown_to(model, infos)
        if strange:
            _say(
                f"note: {model.name} has not learnt from {', '.join(strange)}: reconstructions will be worse than it"
                f" can do (--model {QUICK} trains a small one on these data)"
            )
        return model
    made_of = [*_identity(infos), settings.train_time or "", *_versions(), str(FORMAT)]
    model = paths.cache_dir() / "models" / f"quick-{_key(made_of)}"
    if is_sealed(model, _MODEL_FILES):
        _say(f"model: {model.name} (trained on an earlier start)")
        return model
    with made_once(model, lambda folder: is_sealed(folder, _MODEL_FILES), _waiting) as part:
        if part:
            limit = settings.train_time or quick_time(sum(map(count_images, infos)))
            why = f"{model.name} is damaged" if model.exists() else "none yet"
            _say(f"model: {why}, training a quick one (at most {limit})")
            run_dir = model.with_name(f".{model.name}.training")  # stays when it is interrupted
            _train(run_dir, limit, data_dir, infos)
            run_dir.rename(part)
    return model


def quick_time(n_images: int) -> str:
    """Return the limit of the quick training, HH:MM:SS, that leaves time to index ``n_images``; 1 minute at least."""
    seconds = max(60, READY_S - n_images // INDEXED_PER_S)
    return f"00:{seconds // 60:02d}:{seconds % 60:02d}"


def choose_index(model: Path, data_dir: Path, infos: Sequence[DatasetInfo]) -> Path:
    """Index of the data sets under the model: the one in the cache, else a new one.

    Raises:
        VQScopeError: The model or a data set cannot be used.
    """
    with (model / WEIGHTS).open("rb") as weights:
        sha256 = hashlib.file_digest(weights, "sha256").hexdigest()
    from model.latent.manifest import FORMAT_VERSION
    from model.latent.metadata import metadata_digest, metadata_path
    from model.latent.partial_build import partial_of

    metadata = [metadata_digest(metadata_path(info.name, data_dir)) or "" for info in infos]
    made_of = [sha256, *_identity(infos), *metadata, *_versions(), str(FORMAT_VERSION)]
    index = paths.cache_dir() / "indexes" / _key(made_of)
    if _fault(index) is None:
        _say(f"index: {index.name} (built on an earlier start)")
        return index
    with locked(index, _waiting):
        fault = _fault(index)  # again: another vqscope may have built it meanwhile
        if fault is None:
            return index
        # Of other keys: nobody else would ever look. What was begun of this one is gone on with.
        remove_abandoned(index.parent, ".*.partial", spare=partial_of(index))
        if index.exists():
            _say(f"index: to be made again ({fault})")
            shutil.rmtree(index)
        _say(f"index: building it for {sum(map(count_images, infos)):,} images")
        from model.inference import load_model
        from model.latent.index import build_index

        # It appears under its name when it is whole, by build_index's own doing.
        build_index(load_model(model), data_dir=data_dir, datasets=[i.name for i in infos], out=index)
    return index


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare and write a `Prepared` as JSON: ``python -m model.prepare … --result FILE``.

    A process of its own for `vqscope explore`, so that torch's memory goes back when the work is done.
    """
    parser = CommandParser(prog="vqscope explore", description="Prepare data, model and index.")
    add_arguments(parser)
    parser.add_argument("--result", type=Path, required=True, help="file for the answer")
    given = parser.parse_args(argv)
    prepared = prepare(settings_from(given))
    given.result.write_text(json.dumps(asdict(prepared), default=str))
    return 0


def _train(run_dir: Path, limit: str, data_dir: Path, infos: Sequence[DatasetInfo]) -> None:
    """Train, or go on where an earlier start was cut; for whoever holds the model's lock."""
    from model import run_folder
    from model.checkpoints import read_model
    from model.commands.train import parse
    from model.training import resume, train

    arguments = ["--data-dir", str(data_dir), "--datasets", ",".join(info.name for info in infos)]
    arguments += ["--run-dir", str(run_dir), "--preset", "quick", "--max-time", limit]
    settings = parse(arguments)
    if run_folder.goes_on_as(settings):
        _say("model: going on with a training that was interrupted")
        result = resume(run_dir)
    else:
        result = train(settings, overwrite=True)
    if result.interrupted:
        raise KeyboardInterrupt  # what was reached so far is not what a later start should find
    # This needs torch, which a later start need not wait for: the seal says that nothing changed.
    read_model(run_dir)
    seal(run_dir, _MODEL_FILES)


def _fault(index: Path) -> str | None:
    """What is wrong with the index that lies there; None where it is whole."""
    from model.latent.index import open_index

    try:
        open_index(index)
    except VQScopeError as error:
        return str(error)
    return None


def _waiting() -> None:
    _say("waiting for another vqscope that is making the same")


def _unknown_to(model: Path, infos: Sequence[DatasetInfo]) -> list[str]:
    """Data sets whose pictures the model's card does not name."""
    try:
        card = json.loads((model / "card.json").read_text())
        learnt = {one.get("stands_for") or one["name"] for one in card["datasets"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # a card that cannot be read is told where the model is loaded
    return [info.name for info in infos if (info.stands_for or info.name) not in learnt]


def _identity(infos: Sequence[DatasetInfo]) -> list[str]:
    return [f"{info.name}:{info.md5}" for info in infos]


def _key(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _versions() -> list[str]:
    """Of what turns images into a model and a model into vectors."""
    from importlib.metadata import version

    preset = Path(__file__).parent / "presets" / "quick.yaml"
    return [version("vqscope"), EMBEDDING_VERSION, hashlib.sha256(preset.read_bytes()).hexdigest()]


def _say(message: str) -> None:
    print(f"vqscope: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    from model.cli import guarded

    sys.exit(guarded(main))
