"""``python -m tests.benchmarks.models``, or ``make bench-models``: all models side by side, one table."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from model import paths
from model.cli import guarded
from model.cli_parser import CommandParser, names
from model.data.sample import write_sample
from model.errors import VQScopeError
from tests.benchmarks.models.arms import Arm
from tests.benchmarks.models.settings import FIVE_SETS, BenchSettings
from tests.benchmarks.models.store import Result, Store

_DOCS = Path(__file__).resolve().parents[3] / "docs"
_PACKAGES = ("vector_quantize_pytorch", "monai", "pythae", "pillow_jxl")
_EXAMPLES = """examples:
  make bench-models                                  all arms, docs/benchmarks.md of the test split
  make bench-models ARGS="--split val --out /tmp/b"  the same on the validation split, elsewhere
  make bench-models ARGS="--arms ours,vqp-tuned"     two rows; those that were run before stay in the table
  make bench-models ARGS="--quick"                   every arm for a few steps on the offline sample

Ctrl-C ends it; what is finished is kept and not run again under the same settings. Nothing else should run beside it.
"""


def build_parser() -> CommandParser:
    """Options of the benchmark."""
    defaults = BenchSettings(data_dir=Path(), work=Path())
    parser = CommandParser(
        prog="python -m tests.benchmarks.models",
        description="Compare VQScope's models with other libraries', and with references.",
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--arms", type=names, help="names of arms or tables, with commas between (default: all)"
    )
    parser.add_argument(
        "--list", action="store_true", help="list the arms, and which are finished; run nothing"
    )
    parser.add_argument(
        "--split", choices=("val", "test"), default="test", help="what the table reports (default: test)"
    )
    parser.add_argument("--steps", type=int, help=f"of each quantiser (default: {defaults.steps})")
    parser.add_argument(
        "--accelerator",
        choices=("cpu", "gpu"),
        default="cpu",
        help="what trains the quantisers (default: cpu)",
    )
    parser.add_argument("--minutes", type=float, help=f"of each whole model (default: {defaults.minutes:g})")
    parser.add_argument(
        "--paper-images", type=int, help=f"for the paper's model (default: {defaults.paper_images})"
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and flips (default: 0)")
    parser.add_argument("--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)")
    parser.add_argument("--datasets", type=names, default=FIVE_SETS, help=f"default: {','.join(FIVE_SETS)}")
    parser.add_argument("--work", type=Path, help="folder of finished arms (default: in VQSCOPE_CACHE)")
    parser.add_argument(
        "--out", type=Path, help="folder of benchmarks.md and .json (default: docs; --quick: --work)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few steps on the offline sample, to try the harness"
    )
    return parser


def build_settings(argv: list[str]) -> tuple[BenchSettings, Path]:
    """Settings, and the folder of the report.

    Raises:
        VQScopeError: a number that cannot be.
    """
    options = build_parser().parse_args(argv)
    work = (options.work or paths.cache_dir() / "benchmarks").expanduser()
    given = {
        name: getattr(options, name)
        for name in ("steps", "minutes", "paper_images")
        if getattr(options, name) is not None
    }
    for name, value in given.items():
        if value <= 0:
            raise VQScopeError(f"--{name.replace('_', '-')} must be more than 0, not {value}")
    settings = BenchSettings(
        data_dir=paths.data_dir(options.data_dir),
        work=work,
        datasets=options.datasets,
        split=options.split,
        seed=options.seed,
        accelerator=options.accelerator,
    )
    if options.quick:
        sample = work / "sample"
        settings = replace(
            settings,
            data_dir=sample,
            datasets=tuple(write_sample(sample)),
            steps=3,
            minutes=0.02,
            paper_images=192,
            timed_steps=2,
            repeats=1,
            stages=2,
            limit=16,
            codec_limit=4,
        )
    return replace(settings, **given), options.out or (work if options.quick else _DOCS)


def all_arms(settings: BenchSettings, store: Store) -> Iterator[Arm]:
    """Every arm, table by table."""
    from tests.benchmarks.models import quantiser_arms, reference_arms, throughput, whole_arms

    yield from quantiser_arms.arms(settings, store)
    yield from whole_arms.whole(settings)
    yield from whole_arms.paper(settings)
    yield from reference_arms.references(settings)
    yield from reference_arms.coded(settings)
    yield from reference_arms.shipped(settings)
    yield from throughput.arms(settings)


def choose(arms: list[Arm], wanted: tuple[str, ...] | None) -> list[Arm]:
    """The arms that are named, or whose table is.

    Raises:
        VQScopeError: a name that is neither.
    """
    if wanted is None:
        return arms
    known = {arm.name for arm in arms} | {arm.table for arm in arms}
    for name in wanted:
        if name not in known:
            raise VQScopeError(f"there is no arm or table {name!r}; there are {', '.join(sorted(known))}")
    return [arm for arm in arms if arm.name in wanted or arm.table in wanted]


def main(argv: list[str]) -> int:
    """Run what is not finished, then write the report of all that is."""
    options = build_parser().parse_args(argv)
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise VQScopeError(f"the peers are not installed ({', '.join(missing)}): pip install --group bench")
    settings, out = build_settings(argv)
    store = Store(settings.work)
    arms = list(all_arms(settings, store))
    chosen = choose(arms, options.arms)
    if options.list:
        for arm in chosen:
            print(f"{arm.table:14}{arm.name:22}{'finished' if arm.stored(store) else ''}")
        return 0
    for arm in tqdm(chosen, desc="benchmark", unit="arm"):
        tqdm.write(
            f"{arm.table}: {arm.title}{' (finished before)' if arm.stored(store) else ''}", file=sys.stderr
        )
        arm.run(store)
    from tests.benchmarks.models import report

    done: dict[str, list[tuple[Arm, Result]]] = {}
    for arm in arms:
        result = arm.stored(store)
        if result is not None:
            done.setdefault(arm.table, []).append((arm, result))
    report.write(done, settings, command(argv), out)
    print(f"wrote {out / 'benchmarks.md'}")
    return 0


def command(argv: list[str]) -> str:
    """The command as the report gives it: without folders, which are each machine's own."""
    kept, skip = [], False
    for argument in argv:
        name = argument.partition("=")[0]
        if not skip and name not in ("--data-dir", "--work", "--out"):
            kept.append(argument)
        skip = not skip and name in ("--data-dir", "--work", "--out") and "=" not in argument
    return f'make bench-models ARGS="{" ".join(kept)}"' if kept else "make bench-models"


if __name__ == "__main__":
    sys.exit(guarded(main))
