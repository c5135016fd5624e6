"""``python -m tests.benchmarks.recipe``, or ``make bench-recipe``: the ablations, one Markdown table a question."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from model import paths
from model.checkpoints import write_atomically
from model.cli import guarded
from model.cli_parser import CommandParser, names
from model.commands.train import parse
from model.errors import VQScopeError
from model.inference import load_model
from model.training import train
from model.training_settings import TrainSettings
from model.vqvae_module import VQVAEModule
from tests.benchmarks.models.measuring import measure
from tests.benchmarks.models.reference_arms import of_model
from tests.benchmarks.models.settings import FIVE_SETS, BenchSettings
from tests.benchmarks.models.store import Result, Store, sources
from tests.benchmarks.recipe.questions import COMMON, QUESTIONS, Arms

_EXAMPLES = """examples:
  make bench-recipe ARGS="--questions decay,loss --epochs 4"
  make bench-recipe ARGS="--list"

The questions are in tests/benchmarks/recipe/questions.py. Figures are of the validation split. Ctrl-C ends it; finished
arms are kept and not run again under the same settings and code.
"""


@dataclass(frozen=True, kw_only=True)
class RecipeSettings:
    """What all arms share."""

    bench: BenchSettings
    epochs: int
    questions: Mapping[str, Arms] = field(default_factory=lambda: QUESTIONS)

    def train_settings(self, options: Sequence[str]) -> TrainSettings:
        """Settings of an arm, as `vqscope train` takes them."""
        bench = self.bench
        return parse(
            [
                *COMMON,
                *("--data-dir", str(bench.data_dir), "--datasets", ",".join(bench.datasets)),
                *("--run-dir", str(bench.work / "run"), "--seed", str(bench.seed)),
                *("--max-epochs", str(self.epochs)),
                *("--trainer.progress", str(bench.progress).lower()),
                *options,
            ]
        )


def key(settings: RecipeSettings, run: TrainSettings) -> dict[str, Any]:
    """All that the result of an arm depends on (JSON-able)."""
    network = VQVAEModule(run.model, run.optimizer)
    trainer = asdict(run.trainer)
    trainer["max_time"] = None if run.trainer.max_time is None else run.trainer.max_time.total_seconds()
    trainer.pop("progress")
    return {
        "model": asdict(run.model),
        "optimizer": asdict(run.optimizer),
        "data": settings.bench.data(run.data),
        "trainer": trainer,
        "measured": settings.bench.limit,
        "code": sources([*network.modules(), network.configure_optimizers, train, measure]),
        "torch": torch.__version__,
        # What a number of epochs comes to does not hang on them; what a time comes to does.
        "threads": None if run.trainer.max_time is None else torch.get_num_threads(),
    }


def run_arm(settings: RecipeSettings, options: Sequence[str], store: Store) -> Result:
    """Train and measure, or take what is stored."""
    run = settings.train_settings(options)

    def compute() -> Result:
        done = train(run, overwrite=True)
        if done.interrupted:
            raise KeyboardInterrupt
        model = load_model(done.run_dir, "cpu")
        return {
            "val": measure(of_model(model), settings.bench, "val", codebook=model.codebook_size),
            "codebook": model.codebook_size,
            "bits": model.bits_per_image,
            "parameters": model.card["parameters"],
            "seconds": model.card["training"]["seconds"],
            "epochs": done.epochs,
        }

    return store.get("arm", key(settings, run), compute)


def as_table(question: str, results: Mapping[str, Result], datasets: Sequence[str]) -> list[str]:
    """One question's table in Markdown; the best mean PSNR is bold."""
    head = [question, "PSNR", "SSIM", *datasets, "codes used", "perplexity", "bits", "parameters", "seconds"]
    best = max(result["val"]["mean"]["psnr"] for result in results.values())
    lines = [f"### {question}", "", f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    for arm, result in results.items():
        found = result["val"]
        psnr = found["mean"]["psnr"]
        cells = [
            arm,
            f"**{psnr:.2f}**" if psnr == best else f"{psnr:.2f}",
            f"{found['mean']['ssim']:.4f}",
            *(f"{found['datasets'][name]['psnr']:.2f}" for name in datasets),
            f"{found['used']} of {result['codebook']}",
            f"{found['perplexity']:.0f}",
            f"{result['bits']:.0f}",
            f"{result['parameters'] / 1e6:.2f} M",
            f"{result['seconds']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def run(settings: RecipeSettings, out: Path) -> None:
    """All arms of all questions; the file is written anew after each question."""
    store = Store(settings.bench.work)
    count = sum(len(arms) for arms in settings.questions.values())
    lines: list[str] = []
    with tqdm(total=count, desc="ablations", unit="arm", disable=not settings.bench.progress) as bar:
        for question, arms in settings.questions.items():
            results = dict(_answers(settings, question, arms, store, bar))
            lines += as_table(question, results, settings.bench.datasets)
            out.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out, "\n".join(lines).encode())


def _answers(
    settings: RecipeSettings, question: str, arms: Arms, store: Store, bar: "tqdm[Any]"
) -> Iterator[tuple[str, Result]]:
    for arm, options in arms.items():
        if settings.bench.progress:
            tqdm.write(f"{question}: {arm}", file=sys.stderr)
        yield arm, run_arm(settings, options, store)
        bar.update()


def build_parser() -> CommandParser:
    """Options of the ablations."""
    parser = CommandParser(
        prog="python -m tests.benchmarks.recipe", description="Ablate the recipe.", epilog=_EXAMPLES
    )
    parser.add_argument("--questions", type=names, help="with commas between (default: all)")
    parser.add_argument("--list", action="store_true", help="list the questions with their arms; run nothing")
    parser.add_argument("--epochs", type=int, default=4, help="of each arm (default: 4)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and flips (default: 0)")
    parser.add_argument("--data-dir", type=Path, help="folder of the npz files (default: VQSCOPE_DATA)")
    parser.add_argument("--datasets", type=names, default=FIVE_SETS, help=f"default: {','.join(FIVE_SETS)}")
    parser.add_argument("--work", type=Path, help="folder of finished arms (default: in VQSCOPE_CACHE)")
    parser.add_argument("--out", type=Path, help="Markdown file (default: recipe.md in --work)")
    return parser


def main(argv: list[str]) -> int:
    """Run what is not finished, and write the tables.

    Raises:
        VQScopeError: a question that is not asked.
    """
    options = build_parser().parse_args(argv)
    wanted = options.questions or tuple(QUESTIONS)
    for name in wanted:
        if name not in QUESTIONS:
            raise VQScopeError(f"there is no question {name!r}; there are {', '.join(QUESTIONS)}")
    chosen = {name: QUESTIONS[name] for name in wanted}
    if options.list:
        for question, arms in chosen.items():
            print(f"{question}: {', '.join(arms)}")
        return 0
    work = (options.work or paths.cache_dir() / "recipe").expanduser()
    bench = BenchSettings(
        data_dir=paths.data_dir(options.data_dir), work=work, datasets=options.datasets, seed=options.seed
    )
    out = options.out or work / "recipe.md"
    run(RecipeSettings(bench=bench, epochs=options.epochs, questions=chosen), out)
    print(f"wrote {out}")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
