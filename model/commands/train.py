"""`vqscope train`: from data sets to a run folder."""

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from jsonargparse import ArgumentParser, DefaultHelpFormatter, set_parsing_settings

from model import paths
from model.checkpoints import from_dict
from model.cli_parser import OneLineErrors, names, usage_error
from model.data.settings import DataSettings
from model.errors import VQScopeError
from model.optimization import OptimizerSettings
from model.training_settings import TrainerSettings, TrainSettings
from model.vqvae import VQVAESettings

PRESETS = Path(__file__).parent.parent / "presets"

_EXAMPLES = """examples:
  vqscope train --datasets breastmnist,retinamnist --run-dir runs/two --max-time 00:10:00
  vqscope train --data-dir ~/images --datasets mine --run-dir runs/mine --model.quantizer.codebook_size 1024
  vqscope train --datasets pneumoniamnist --run-dir runs/paper --preset paper
  vqscope train --datasets bloodmnist --run-dir runs/blood --trainer.devices 2 --trainer.average_decay 0.999
  vqscope train --resume runs/two

Ctrl-C ends a training cleanly, with its best state saved. Whatever cut it (Ctrl-C, a kill, a power cut, a full disk),
--resume goes on after the last finished epoch, with the settings that the run folder records.
"""


class _Parser(OneLineErrors, ArgumentParser):
    """jsonargparse with errors of one line."""


class _HelpFormatter(DefaultHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """jsonargparse's own, with types and defaults, but the examples stay as they are written."""


def presets() -> list[str]:
    """Names of the presets that come with the package."""
    return sorted(p.stem for p in PRESETS.glob("*.yaml"))


def build_parser() -> ArgumentParser:
    """Options of `vqscope train`: the few that everyone sets, and every setting of model, optimiser and data."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = _Parser(
        prog="vqscope train",
        description="Train a VQ-VAE.",
        epilog=_EXAMPLES,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument(
        "--resume",
        type=Path | None,
        metavar="RUN_DIR",
        help="go on with a run that was cut; takes no other option",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="start anew where the run folder holds a run already"
    )
    parser.add_argument("--preset", default="base", help=f"starting point: {', '.join(presets())}")
    parser.add_argument(
        "--data-dir", type=Path | None, help="folder of the npz files (default: VQSCOPE_DATA)"
    )
    parser.add_argument("--datasets", type=str, required=True, help="names, separated by commas")
    parser.add_argument("--run-dir", type=Path, required=True, help="folder that the run is written to")
    parser.add_argument("--max-epochs", type=int | None, help="short for --trainer.max_epochs")
    parser.add_argument("--max-time", type=str | None, help="wall time at most, HH:MM:SS")
    parser.add_argument(
        "--seed", type=int | None, help="of weights, codebook, order and augmentation (default: 0)"
    )
    parser.add_argument("--config", action="config", help="YAML file with any of the options below")
    parser.add_class_arguments(VQVAESettings, "model")
    parser.add_class_arguments(OptimizerSettings, "optimizer")
    parser.add_class_arguments(DataSettings, "data", skip={"datasets", "data_dir", "image_size", "seed"})
    parser.add_class_arguments(TrainerSettings, "trainer", skip={"max_time", "seed"})
    return parser


def parse_time(text: str) -> timedelta:
    """HH:MM:SS as a span of time.

    Raises:
        VQScopeError: it is not of that form, or zero.
    """
    parts = text.split(":")
    if (
        len(parts) != 3
        or not all(p.isascii() and p.isdigit() for p in parts)
        or int(parts[1]) > 59
        or int(parts[2]) > 59
    ):
        raise VQScopeError(f"--max-time takes HH:MM:SS, such as 00:10:00, not {text!r}")
    span = timedelta(hours=int(parts[0]), minutes=int(parts[1]), seconds=int(parts[2]))
    if not span:
        raise VQScopeError("--max-time must be more than 00:00:00")
    return span


def parse(argv: list[str]) -> TrainSettings:
    """Settings of a run from the command line; the preset's values come first, the options' after.

    Raises:
        VQScopeError: a preset that does not exist or a time that is none.
        SystemExit: any other wrong option, with one line and code 2.
    """
    parser = build_parser()
    preset = _preset(argv)
    values = parser.parse_args(["--config", str(preset), *argv])
    seed = values.seed if values.seed is not None else 0
    trainer = {**values.trainer.as_dict(), "seed": seed}
    if values.max_epochs is not None:
        trainer["max_epochs"] = values.max_epochs
    if values.max_time is not None:
        trainer["max_time"] = parse_time(values.max_time)
    try:
        model = from_dict(VQVAESettings, values.model.as_dict())
        return TrainSettings(
            data=DataSettings(
                **values.data.as_dict(),
                datasets=names(values.datasets),
                data_dir=paths.data_dir(values.data_dir),
                image_size=model.image_size,
                seed=seed,
            ),
            run_dir=values.run_dir.expanduser(),
            model=model,
            optimizer=from_dict(OptimizerSettings, values.optimizer.as_dict()),
            trainer=TrainerSettings(**trainer),
        )
    except ValueError as error:
        raise VQScopeError(str(error)) from error


def _preset(argv: list[str]) -> Path:
    """File of the preset that the arguments name; it must be known before the other options are read."""
    name = "base"
    for here, following in zip(argv, [*argv[1:], ""], strict=True):
        if here == "--preset":
            name = following
        elif here.startswith("--preset="):
            name = here.removeprefix("--preset=")
    if name not in presets():
        raise VQScopeError(f"there is no preset {name!r}; choose one of {', '.join(presets())}")
    return PRESETS / f"{name}.yaml"


def main(argv: list[str]) -> int:
    """Train; 0 when done, 130 when interrupted (the best state is saved then too)."""
    asked = _run_to_resume(argv) or parse(argv)
    from model.ranks import is_rank_zero  # Lightning, which a wrong option need not wait for
    from model.training import resume, train

    result = resume(asked) if isinstance(asked, Path) else train(asked, overwrite="--overwrite" in argv)
    if not is_rank_zero():
        return 0  # the first process tells how it went, and may still be saving: a failure here would end it
    if result.best_ssim is not None:
        print(f"saved {result.run_dir} ({result.epochs} epochs, best validation SSIM {result.best_ssim:.4f})")
    if result.interrupted:
        print(f"interrupted; to go on: vqscope train --resume {result.run_dir}", file=sys.stderr)
        return 130
    return 0


def _run_to_resume(argv: list[str]) -> Path | None:
    """Run folder that ``--resume`` names; None where it is not given."""
    for here, option in enumerate(argv):
        name, equals, value = option.partition("=")
        if name == "--resume":
            given = [value] if equals else argv[here + 1 : here + 2]
            if len(argv) != (1 if equals else 2) or not given[0]:
                usage_error("vqscope train", "--resume takes a run folder and no other option")
            return Path(given[0]).expanduser()
    return None
