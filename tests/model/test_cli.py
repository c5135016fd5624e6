import errno
import os
import subprocess
import sys
import sysconfig
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from model.cli import COMMANDS, guarded, main
from model.cli_parser import CommandParser, NamesError, names
from model.errors import VQScopeError

VQSCOPE = Path(sysconfig.get_path("scripts")) / "vqscope"


def run(*arguments: str, **settings) -> subprocess.CompletedProcess:
    return subprocess.run([VQSCOPE, *arguments], capture_output=True, text=True, **settings)


def test_help_takes_little_longer_than_python_itself():
    """Some hundredths of a second; importing numpy alone takes ten times as long as Python's start."""
    bare, ours = [], []
    for _ in range(5):  # the best of some: other work on the machine is not the command's fault
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import argparse"], check=True)
        between = time.perf_counter()
        done = run("--help")
        ours.append(time.perf_counter() - between)
        bare.append(between - start)
        assert done.returncode == 0
        assert all(f"\n  {name} " in done.stdout for name in COMMANDS)
        assert "Examples:" in done.stdout
    assert min(ours) < 5 * min(bare)


def test_help_imports_nothing_heavy():
    source = (
        "import sys; from model.cli import main; main(['--help'])\n"
        "heavy = {'torch', 'numpy', 'fastapi', 'dash', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, "10000 None"),
        ({"GOMP_SPINCOUNT": "7"}, "7 None"),
        ({"OMP_WAIT_POLICY": "active"}, "None active"),
    ],
)
def test_threads_that_wait_sleep_soon_unless_told_otherwise(given, left):
    """And are told so before torch is there (see above), which does not look again."""
    source = (
        "import os; from model.cli import main; main(['--help'])\n"
        "print(os.environ.get('GOMP_SPINCOUNT'), os.environ.get('OMP_WAIT_POLICY'))"
    )
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOMP_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", source], env=kept | given, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == left


def test_version():
    assert run("--version").stdout == f"vqscope {version('vqscope')}\n"


def test_python_m_is_the_same():
    done = subprocess.run([sys.executable, "-m", "model.cli", "--version"], capture_output=True, text=True)
    assert done.stdout == f"vqscope {version('vqscope')}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"vqscope {name}" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_one_line_and_code_2(name, capsys):
    assert main([name, "--no-such-option=1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "error" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["unknown command 'trian'", "train"]),
        (["Explore"], ["did you mean explore"]),
        (["xyz"], ["the commands are", "data"]),
        (["--verbose"], ["unknown option --verbose"]),
        (["two\nlines"], ["unknown command"]),
    ],
)
def test_an_unknown_command_is_one_line_that_helps(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("vqscope: error: ")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words)


def test_no_command_shows_the_help_as_an_error():
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Commands:" in done.stderr


def raising(error: BaseException):
    def command(_: list[str]) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            VQScopeError("the folder x is empty: name another"),
            2,
            "vqscope: error: the folder x is empty: name another\n",
        ),
        (VQScopeError("two\nlines"), 2, "vqscope: error: two lines\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            2,
            "vqscope: error: No space left on device: /x/y\n",
        ),
        (TimeoutError(), 2, "vqscope: error: TimeoutError\n"),
        (KeyboardInterrupt(), 130, "vqscope: interrupted\n"),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
    ],
)
def test_failures_become_one_line_and_a_code(error, code, line, capsys):
    assert guarded(raising(error), []) == code
    assert capsys.readouterr().err == line


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        guarded(raising(ZeroDivisionError()), [])


def test_a_reader_that_has_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([VQSCOPE, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_the_parser_takes_no_shortened_options(capsys):
    parser = CommandParser(prog="vqscope try")
    parser.add_argument("--data-dir")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--data", "x"])
    line = capsys.readouterr().err
    assert line == "vqscope try: error: unrecognized arguments: --data x (see vqscope try --help)\n"


def test_names_are_split_stripped_and_made_unique():
    assert names(" a, b,,a ,c") == ("a", "b", "c")
    with pytest.raises(NamesError):
        names(" , ")
