import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from model import prepare
from model.data import choose
from model.data.choose import choose_data
from model.errors import VQScopeError
from model.once import made_once
from model.prepare import Prepared, PrepareSettings


def cut(source: Path, target: Path, *, n: int = 40, size: int = 28) -> None:
    """Write a small data set: the first ``n`` images of each split of a set of the sample."""
    with np.load(source) as arrays:
        cut = {name: array[:n] for name, array in arrays.items()}
    if size != 28:
        cut = {
            name: array.repeat(size // 28, 1).repeat(size // 28, 2) if name.endswith("images") else array
            for name, array in cut.items()
        }
    np.savez_compressed(target, **cut)


@pytest.fixture
def no_network(monkeypatch):
    """Send every request to a port of this machine where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        yield


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder and cache, and no VQSCOPE_DATA."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VQSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VQSCOPE_DATA", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def said():
    return []


def choice(said, data_dir=None, datasets=(), *, or_sample=False):
    folder, infos = choose_data(data_dir, datasets, or_sample=or_sample, say=said.append)
    return folder, [info.name for info in infos]


class TestData:
    def test_a_named_folder_that_is_missing_is_refused(self, tmp_path, said):
        with pytest.raises(VQScopeError, match=r"absent does not exist"):
            choice(said, tmp_path / "absent")

    def test_a_named_folder_without_a_set_is_refused(self, tmp_path, said):
        with pytest.raises(VQScopeError, match=r"holds no data set: put npz files there"):
            choice(said, tmp_path)

    def test_the_variable_names_a_folder_too(self, tmp_path, said, monkeypatch):
        monkeypatch.setenv("VQSCOPE_DATA", str(tmp_path / "absent"))
        with pytest.raises(VQScopeError, match=r"absent does not exist"):
            choice(said)

    def test_a_folder_of_broken_files_is_refused_with_the_reason(self, tmp_path, said):
        (tmp_path / "broken.npz").write_bytes(b"not a zip file")
        with pytest.raises(VQScopeError, match=r"can be read \(broken: "):
            choice(said, tmp_path)

    def test_a_named_set_that_is_broken_is_refused(self, tmp_path, said, sample_dir):
        cut(sample_dir / "sample_ct.npz", tmp_path / "whole.npz")
        (tmp_path / "broken.npz").write_bytes(b"not a zip file")
        with pytest.raises(VQScopeError, match=r"broken\.npz: "):
            choice(said, tmp_path, ["whole", "broken"])
        assert choice(said, tmp_path) == (tmp_path, ["whole"])

    def test_a_named_set_that_is_missing_is_refused(self, tmp_path, said, sample_dir):
        cut(sample_dir / "sample_ct.npz", tmp_path / "breastmnist.npz")
        with pytest.raises(VQScopeError, match="did you mean breastmnist"):
            choice(said, tmp_path, ["breastmnis"])
        with pytest.raises(VQScopeError, match="does not hold retinamnist: put npz files"):
            choice(said, tmp_path, ["breastmnist", "retinamnist"])

    def test_or_sample_takes_the_sample_without_a_download(self, tmp_path, said, home):
        folder, names = choice(said, tmp_path / "empty", or_sample=True)
        assert folder == tmp_path / "cache" / "sample"
        assert len(names) >= 4
        assert all(name.startswith("sample_") for name in names)
        assert not any("download" in line for line in said)

    def test_medmnists_folder_is_taken_when_it_holds_a_set(self, home, said, sample_dir):
        (home / ".medmnist").mkdir()
        cut(sample_dir / "sample_ct.npz", home / ".medmnist" / "breastmnist.npz")
        assert choice(said) == (home / ".medmnist", ["breastmnist"])

    def test_without_data_and_network_the_sample_is_taken_and_said(self, home, said, no_network):
        folder, names = choice(said)
        assert folder.name == "sample"
        assert len(names) >= 4
        assert "trying to download dermamnist" in said[0]
        assert "not MedMNIST" in said[-1]

    def test_without_network_a_named_set_is_not_replaced(self, home, said, no_network):
        with pytest.raises(VQScopeError):
            choice(said, datasets=["breastmnist"])

    def test_the_papers_sets_come_first_then_what_fits(self, tmp_path, said, sample_dir, monkeypatch):
        ct = sample_dir / "sample_ct.npz"
        for name in ("aaa", "retinamnist", "dermamnist"):
            cut(ct, tmp_path / f"{name}.npz")
        cut(ct, tmp_path / "bloodlike.npz", n=60)
        (tmp_path / "bloodlike.json").write_text(json.dumps({"title": "B", "stands_for": "bloodmnist"}))
        assert choice(said, tmp_path)[1] == ["dermamnist", "retinamnist", "bloodlike", "aaa"]
        assert said == []
        monkeypatch.setattr(choose, "MAX_IMAGES", 400)  # 3 x 120, but not the 180 of bloodlike beside them
        assert choice(said, tmp_path)[1] == ["dermamnist", "retinamnist", "aaa"]
        assert said == ["left out to start soon: bloodlike (choose with --datasets)"]

    def test_of_several_sizes_the_smallest_is_taken(self, tmp_path, said, sample_dir):
        ct = sample_dir / "sample_ct.npz"
        cut(ct, tmp_path / "breastmnist_224.npz", size=224)
        assert choice(said, tmp_path)[1] == ["breastmnist_224"]
        cut(ct, tmp_path / "breastmnist.npz")
        assert choice(said, tmp_path)[1] == ["breastmnist"]


class TestOnce:
    @staticmethod
    def whole(folder: Path) -> bool:
        return (folder / "done").exists()

    def test_many_makers_make_once(self, tmp_path):
        makers = []
        barrier = threading.Barrier(6)

        def work() -> None:
            barrier.wait()
            with made_once(tmp_path / "x", self.whole, lambda: None) as part:
                if part:
                    makers.append(part)
                    part.mkdir()
                    (part / "done").touch()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(makers) == 1
        assert self.whole(tmp_path / "x")

    def test_a_failure_leaves_nothing(self, tmp_path):
        def fail() -> None:
            with made_once(tmp_path / "x", self.whole, lambda: None) as part:
                part.mkdir()
                (part / "half").touch()
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert [path.name for path in tmp_path.iterdir()] == [".x.lock"]

    def test_a_damaged_one_and_leftovers_of_the_killed_are_replaced(self, tmp_path):
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "damaged").touch()
        (tmp_path / ".x.part-1").mkdir()
        with made_once(tmp_path / "x", self.whole, lambda: None) as part:
            part.mkdir()
            (part / "done").touch()
        assert sorted(path.name for path in tmp_path.iterdir()) == [".x.lock", "x"]
        assert [path.name for path in (tmp_path / "x").iterdir()] == ["done"]

    def test_whoever_waits_is_told(self, tmp_path):
        waits, inside = threading.Event(), threading.Event()

        def second() -> None:
            inside.wait()
            with made_once(tmp_path / "x", self.whole, waits.set) as part:
                assert part is None

        thread = threading.Thread(target=second)
        thread.start()
        with made_once(tmp_path / "x", self.whole, lambda: None) as part:
            inside.set()
            assert waits.wait(30)
            part.mkdir()
            (part / "done").touch()
        thread.join()


@pytest.fixture
def small(tmp_path, sample_dir):
    folder = tmp_path / "small"
    folder.mkdir()
    cut(sample_dir / "sample_ct.npz", folder / "one.npz")
    cut(sample_dir / "sample_fundus.npz", folder / "two.npz")
    return folder


def test_a_named_model_gets_an_index_once(small, home, tiny_model_dir, capsys):
    settings = PrepareSettings(data_dir=small, model=str(tiny_model_dir))
    first = prepare.prepare(settings)
    assert first.model == tiny_model_dir
    assert first.datasets == ("one", "two")
    assert "building it" in capsys.readouterr().err
    assert prepare.prepare(settings) == first
    assert "built on an earlier start" in capsys.readouterr().err

    (first.index / "embeddings.npy").write_bytes(b"damaged")
    assert prepare.prepare(settings) == first
    assert "made again" in capsys.readouterr().err
    assert (first.index / "embeddings.npy").stat().st_size > 1000

    cut(small / "one.npz", small / "one.npz", n=30)  # other data: another index, the old one stays
    assert prepare.prepare(settings).index != first.index
    assert first.index.is_dir()


def test_a_model_that_does_not_exist_is_refused(small, home):
    with pytest.raises(VQScopeError, match="no model 'nonsense'"):
        prepare.prepare(PrepareSettings(data_dir=small, model="nonsense"))


@pytest.mark.integration
def test_without_a_model_one_is_trained_and_kept(small, home, tmp_path):
    command = [sys.executable, "-m", "model.prepare", f"--data-dir={small}", "--train-time=00:00:03"]
    result = tmp_path / "result.json"
    first = subprocess.run([*command, f"--result={result}"], capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert "training a quick one" in first.stderr
    prepared = Prepared.from_dict(json.loads(result.read_text()))
    assert sorted(p.name for p in prepared.model.iterdir() if p.suffix != ".png") == [
        "card.json",
        "config.json",
        "metrics.csv",
        "model.safetensors",
    ]
    left = [p.name for p in prepared.model.parent.iterdir()]
    assert sorted(left) == sorted([prepared.model.name, f".{prepared.model.name}.lock"])

    # A start that finds everything does not even import torch: it is ready in a moment.
    source = (
        "import sys; from model.prepare import main; code = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    second = subprocess.run(
        [sys.executable, "-c", source, *command[3:], f"--result={tmp_path / 'again.json'}"],
        capture_output=True,
        text=True,
    )
    assert second.returncode == 0, second.stderr
    assert "trained on an earlier start" in second.stderr
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(result.read_text())


@pytest.mark.parametrize(
    "settings",
    [
        PrepareSettings(),
        PrepareSettings(
            data_dir=Path("/a b"), datasets=("x", "y"), model="base", or_sample=True, train_time="01:02:03"
        ),
    ],
)
def test_settings_survive_the_command_line(settings):
    parser = prepare.CommandParser(prog="try")
    prepare.add_arguments(parser)
    assert prepare.settings_from(parser.parse_args(prepare.to_arguments(settings))) == settings


@pytest.mark.parametrize("text", ["10", "00:00:00", "00:99:00", "-1:00:00", ""])
def test_a_training_time_that_is_none_is_refused(text, capsys):
    parser = prepare.CommandParser(prog="try")
    prepare.add_arguments(parser)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([f"--train-time={text}"])
    assert "is not a time such as 00:02:30" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n", "limit"), [(0, "00:02:30"), (4_387, "00:02:24"), (35_343, "00:01:40"), (10**6, "00:01:00")]
)
def test_the_quick_training_leaves_time_for_the_index(n, limit):
    assert prepare.quick_time(n) == limit
