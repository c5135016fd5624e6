"""The ``vqscope`` command: imports the module of one subcommand and reports failures in one line.

The table below holds strings, not functions, because importing torch takes seconds and ``vqscope --help``
must answer at once. For the same reason this module may name `backend` while nothing in `model` imports it.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from model.errors import VQScopeError

COMMANDS: dict[str, tuple[str, str]] = {
    "explore": ("backend.explore", "find or make all that is needed, then open the explorer in the browser"),
    "data": ("model.commands.data", "list the data sets, or download MedMNIST's"),
    "train": ("model.commands.train", "train a model on one or several data sets"),
    "evaluate": ("model.commands.evaluate", "measure PSNR, SSIM, MAE and codebook use of a model"),
    "index": ("model.commands.index", "build the latent index of data sets under a model"),
    "map": ("model.commands.map", "list the maps of a latent index, add one (UMAP, t-SNE …) or remove one"),
    "map-quality": ("model.commands.map_quality", "measure how faithful the maps of an index are"),
    "outliers": ("model.commands.outliers", "say how unusual images are, among held-out images of an index"),
    "serve": ("backend.serve", "serve a model and its index over HTTP"),
    "bench": ("backend.bench", "measure the throughput and latency of a running service"),
}

_SPIN_COUNT = "10000"
"""Turns of a loop, tens of microseconds."""

_EXAMPLES = """\
Examples:
  vqscope explore
  vqscope data list --data-dir DATA
  vqscope evaluate --data-dir DATA --datasets breastmnist
  vqscope train --data-dir DATA --datasets breastmnist,retinamnist --run-dir runs/two
  vqscope evaluate runs/two --data-dir DATA --datasets breastmnist,retinamnist --json figures.json
  vqscope index runs/two --data-dir DATA --datasets breastmnist,retinamnist --out indexes/two
  vqscope map add indexes/two --method umap --n-neighbors 15 --min-dist 0.1
  vqscope outliers scan.png --model runs/two --index indexes/two
  vqscope serve --model runs/two --index indexes/two --data-dir DATA --port 8000
  vqscope bench http://127.0.0.1:8000

Folders: VQSCOPE_DATA (data; else ~/.medmnist), VQSCOPE_CACHE (what can be made again).
`vqscope COMMAND --help` explains one command. Research use only, not for diagnosis."""


def help_text() -> str:
    """Return what ``vqscope --help`` prints: one line per subcommand, then examples."""
    lines = [f"  {name:<13}{purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: vqscope COMMAND [options]   |   vqscope --help   |   vqscope --version",
            "",
            "An interactive explorer of the latent space that a VQ-VAE learns from medical images.",
            "",
            "Commands:",
            *lines,
            "",
            _EXAMPLES,
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one ``vqscope`` command line and return its exit code; see `guarded`."""
    _share_processors()
    return guarded(_dispatch, argv)


def _share_processors() -> None:
    """Let torch's threads sleep soon when they wait for each other, before torch is imported, which is too late.

    GNU's OpenMP lets them spin for milliseconds, many times in each pass through the network. Where something else
    wants a processor, the thread waited for is the one that does not run, and a step of a training, or a map, takes
    many times as long. This short wait costs nothing on an idle machine. (A model in use does not wait: `model.cores`.)
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)


def guarded(run: Callable[[list[str]], int], argv: Sequence[str] | None = None) -> int:
    """Call ``run`` with a command line and turn every failure that a user can mend into one line on stderr.

    Args:
        run: Takes the arguments, returns an exit code.
        argv: The arguments after the command's name; ``None`` takes those of the process.

    Returns:
        The exit code: 0 done, 2 for anything the user can mend (one line on stderr), 130 after Ctrl-C, 141
        when the reader of standard output has gone, else what ``run`` returned.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = run(arguments)
        sys.stdout.flush()  # here, where a reader that has gone is still handled
    except SystemExit as leaving:  # argparse leaves this way, after --help too
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BrokenPipeError:
        # The interpreter flushes once more when it ends: give it somewhere to write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except VQScopeError as error:
        return _fail(str(error))
    except OSError as error:  # a folder that cannot be written, a full disk, a network that is away
        what = error.strerror or str(error) or type(error).__name__
        return _fail(f"{what}: {error.filename}" if error.filename else what)
    except KeyboardInterrupt:
        print("vqscope: interrupted", file=sys.stderr)
        return 130
    return code


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(help_text(), file=sys.stderr)
        return 2
    name, rest = arguments[0], arguments[1:]
    if name in ("-h", "--help"):
        print(help_text())
        return 0
    if name == "--version":
        from importlib.metadata import version

        print(f"vqscope {version('vqscope')}")
        return 0
    if name not in COMMANDS:
        return _fail(_unknown(name))
    run = cast("Callable[[list[str]], int]", import_module(COMMANDS[name][0]).main)
    return run(rest)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    if name.startswith("-"):
        return f"unknown option {name} (see vqscope --help)"
    close = get_close_matches(name, COMMANDS)
    hint = f"did you mean {' or '.join(close)}?" if close else f"the commands are {', '.join(COMMANDS)}"
    return f"unknown command {name!r}: {hint} (see vqscope --help)"


def _fail(message: str) -> int:
    print(f"vqscope: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
