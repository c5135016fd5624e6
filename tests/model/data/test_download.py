import errno
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from model.data import download as download_module
from model.data.catalogue import DatasetNotFound
from model.data.download import DownloadFailed, download, ensure_available, fetch
from model.data.official import download_command
from model.errors import VQScopeError

BODY = bytes(range(256)) * 2000
MD5 = hashlib.md5(BODY).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
        elif self.path == "/file":
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY[:1000])
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output clean."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("address", ["/file", "/moved"])
def test_a_file_arrives_whole(server: str, tmp_path: Path, address: str) -> None:
    fetch(server + address, tmp_path / "a.npz", md5=MD5)
    assert (tmp_path / "a.npz").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("address", "complaint"),
    [("/file", "not the official file"), ("/cut", "cannot fetch a.npz"), ("/none", "answers 404")],
)
def test_a_wrong_file_is_refused_and_removed(
    server: str, tmp_path: Path, address: str, complaint: str
) -> None:
    with pytest.raises(DownloadFailed, match=complaint) as failure:
        fetch(server + address, tmp_path / "a.npz", md5="0" * 32)
    assert "\n" not in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_no_server_is_told(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(DownloadFailed, match=r"cannot fetch a\.npz .* by hand"):
        fetch(f"http://127.0.0.1:{port}/file", tmp_path / "a.npz", md5=MD5)


def test_a_server_that_says_nothing_does_not_hang(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(DownloadFailed, match="timed out"):
            fetch(url, tmp_path / "a.npz", md5=MD5, timeout=httpx.Timeout(0.2))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What would be fetched from Zenodo."""
    calls: list[tuple[str, Path]] = []
    monkeypatch.setattr(download_module, "fetch", lambda url, target, *, md5: calls.append((url, target)))
    return calls


def test_names_and_sizes_find_their_files(tmp_path: Path, fetched: list[tuple[str, Path]]) -> None:
    assert download(["breastmnist"], tmp_path / "new", 64) == [tmp_path / "new" / "breastmnist_64.npz"]
    assert "breastmnist_64.npz" in fetched[0][0]
    assert len(download(None, tmp_path)) == 12
    assert len(fetched) == 13


def test_an_unknown_name_fetches_nothing(tmp_path: Path, fetched: list[tuple[str, Path]]) -> None:
    with pytest.raises(DownloadFailed, match="did you mean retinamnist"):
        download(["breastmnist", "retinmnist"], tmp_path)
    assert fetched == []


def test_a_file_in_the_way_stays_and_the_others_are_fetched(
    write_npz: Callable[..., Path],
    data_dir: Path,
    fetched: list[tuple[str, Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_npz("breastmnist")
    before = path.read_bytes()
    assert download(["breastmnist", "retinamnist"], data_dir) == [data_dir / "retinamnist.npz"]
    assert [target.name for _, target in fetched] == ["retinamnist.npz"]
    assert path.read_bytes() == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"vqscope: warning: {path} is not the official file; it stays")


def test_what_is_absent_is_made_available(
    write_npz: Callable[..., Path],
    data_dir: Path,
    cache: Path,
    fetched: list[tuple[str, Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("mine", "pneumoniamnist"):
        write_npz(name)
    ensure_available(["mine", "retinamnist_64", "pneumoniamnist"], data_dir, cache=cache)
    assert [(url.rsplit("/")[-1].split("?")[0], target) for url, target in fetched] == [
        ("retinamnist_64.npz", data_dir / "retinamnist_64.npz")
    ]
    assert capsys.readouterr().err == ""
    with pytest.raises(DatasetNotFound, match="mine"):
        ensure_available(["retinamnist", "mime"], data_dir, cache=cache)
    assert len(fetched) == 1


def test_only_medmnists_own_folder_is_made(
    tmp_path: Path, cache: Path, fetched: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(VQScopeError, match=r"typo does not exist: choose another"):
        ensure_available(["breastmnist"], tmp_path / "typo", cache=cache)
    assert fetched == []
    ensure_available(["breastmnist"], tmp_path / ".medmnist", cache=cache)
    assert fetched[0][1] == tmp_path / ".medmnist" / "breastmnist.npz"


def test_a_read_only_folder_is_one_clear_line(
    data_dir: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(download_module.tempfile, "mkstemp", refuse)  # root may write anywhere
    with pytest.raises(
        DownloadFailed, match=r"cannot write .*breastmnist\.npz \(Read-only.*--data-dir"
    ) as failure:
        ensure_available(["breastmnist"], data_dir, cache=cache)
    assert "\n" not in str(failure.value)


def test_the_command_to_type_names_the_folder_where_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "my data"
    assert download_command(other, ["a", "b"], size=64) == (
        f"vqscope data download --datasets a,b --size 64 --data-dir '{other}'"
    )
    monkeypatch.setenv("VQSCOPE_DATA", str(other))
    assert download_command(other) == "vqscope data download"


def test_the_official_file_is_not_fetched_again(real_data_dir: Path, fetched: list[tuple[str, Path]]) -> None:
    assert download(["breastmnist"], real_data_dir) == [real_data_dir / "breastmnist.npz"]
    assert fetched == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadFailed, match="--data-dir"):
        download(["breastmnist"], tmp_path / "file" / "data")
