import subprocess
import sys
import threading
from pathlib import Path

import pytest

from model.once import is_sealed, made_once, new_folder_beside, remove_abandoned, seal


def whole(folder: Path) -> bool:
    return (folder / "done").exists()


def test_many_makers_make_once(tmp_path):
    makers = []
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait()
        with made_once(tmp_path / "x", whole, lambda: None) as part:
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
    assert whole(tmp_path / "x")


def test_a_failure_leaves_nothing(tmp_path):
    def fail() -> None:
        with made_once(tmp_path / "x", whole, lambda: None) as part:
            part.mkdir()
            (part / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == [".x.lock"]


def test_a_damaged_one_and_leftovers_of_the_killed_are_replaced(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "damaged").touch()
    (tmp_path / ".x.part-1").mkdir()
    with made_once(tmp_path / "x", whole, lambda: None) as part:
        part.mkdir()
        (part / "done").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x.lock", "x"]
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["done"]


def test_whoever_waits_is_told(tmp_path):
    waits, inside = threading.Event(), threading.Event()

    def second() -> None:
        inside.wait()
        with made_once(tmp_path / "x", whole, waits.set) as part:
            assert part is None

    thread = threading.Thread(target=second)
    thread.start()
    with made_once(tmp_path / "x", whole, lambda: None) as part:
        inside.set()
        assert waits.wait(30)
        part.mkdir()
        (part / "done").touch()
    thread.join()


def test_a_seal_tells_any_change(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    assert not is_sealed(tmp_path, "ab")
    seal(tmp_path, "ab")
    assert is_sealed(tmp_path, "ab")
    (tmp_path / "b").write_text("c")
    assert not is_sealed(tmp_path, "ab")
    (tmp_path / "b").unlink()
    assert not is_sealed(tmp_path, "ab")
    (tmp_path / "b").write_text("b")
    assert is_sealed(tmp_path, "ab")
    (tmp_path / "seal.json").write_bytes(b"\xff{")
    assert not is_sealed(tmp_path, "ab")


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_only_what_nobody_works_on_is_abandoned(tmp_path):
    with new_folder_beside(tmp_path / "x", "building") as mine:
        (tmp_path / ".x.building-1-abc").mkdir()
        (tmp_path / ".x.building-1-abc" / "file").touch()
        (tmp_path / ".y.building-1-abc").mkdir()
        remove_abandoned(tmp_path, ".x.building-*")
        assert {path.name for path in tmp_path.iterdir()} == {mine.name, ".y.building-1-abc"}
    remove_abandoned(tmp_path, ".x.building-*")
    assert not mine.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_the_folder_of_a_killed_process_is_abandoned(tmp_path):
    source = (
        "import pathlib, sys; from model.once import new_folder_beside\n"
        "with new_folder_beside(pathlib.Path(sys.argv[1]), 'building'): print('made', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path / "x")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"made\n"
        remove_abandoned(tmp_path, ".x.building-*")
        (left,) = tmp_path.iterdir()  # it lives
        process.kill()
        process.wait()
    remove_abandoned(tmp_path, ".x.building-*")
    assert not left.exists()
