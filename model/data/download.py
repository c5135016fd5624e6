"""Fetching MedMNIST's official files from where medmnist says they lie (Zenodo), checked against its MD5.

medmnist's own ``download`` waits for ever on a network that swallows packets, leaves a damaged file behind
and hides the cause; so its table of addresses and checksums is used, and the transfer is done here.
"""

import contextlib
import difflib
import errno
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import httpx
from tqdm import tqdm

from model.data.catalogue import find_dataset, require_folder
from model.data.fingerprint import hash_file
from model.data.official import OfficialSet, official_names, official_sets
from model.errors import VQScopeError

TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=10.0)  # seconds


class DownloadFailed(VQScopeError):
    """No network, a server that refuses, a file that is not the announced one, or no place to put it."""


def ensure_available(names: Sequence[str], data_dir: Path, *, cache: Path | None = None) -> None:
    """Fetch those of the named data sets that are official and whose file is not in ``data_dir``.

    To be called before anything heavy starts. A file that lies there is left, official or not, sound or not:
    opening it tells. ``cache`` is the cache folder (default: ``VQSCOPE_CACHE``, else the platform's).

    Raises:
        DatasetNotFound: A name that neither MedMNIST nor the folder knows.
        DownloadFailed: No network, a damaged transfer, or a folder that cannot be written.
        VQScopeError: The folder does not exist; only MedMNIST's own, ``~/.medmnist``, is made.
    """
    if data_dir != Path.home() / ".medmnist":
        require_folder(data_dir)
    infos = [find_dataset(name, data_dir, cache=cache) for name in names]
    missing = [info.name for info in infos if info.path is None]
    if missing:
        download(missing, data_dir)


def download(names: Sequence[str] | None, data_dir: Path, size: int = 28) -> list[Path]:
    """Fetch official files (``None``: all twelve 2-D sets) at ``size`` 28, 64, 128 or 224; give their paths.

    What already lies there with the right MD5 is left. Another file of that name is never overwritten: a line on
    stderr says so, its path is not given, and the others are fetched all the same. Raises DownloadFailed where
    a name is unknown, before anything is fetched, and where a transfer fails.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        wanted = [(one, data_dir / f"{one.name}.npz") for one in _resolve(names, size)]
        foreign = {path for one, path in wanted if path.exists() and hash_file(path) != one.md5}
    except OSError as error:
        raise DownloadFailed(
            f"cannot write to {data_dir} ({error.strerror}); choose another folder with --data-dir"
        ) from error
    for path in sorted(foreign):
        print(
            f"vqscope: warning: {path} is not the official file; it stays, and the official one is not fetched"
            " (move it away first)",
            file=sys.stderr,
        )
    for one, path in wanted:
        if not path.exists():
            fetch(one.url, path, md5=one.md5)
    return [path for _, path in wanted if path not in foreign]


def fetch(url: str, target: Path, *, md5: str, timeout: httpx.Timeout = TIMEOUT) -> None:
    """Stream ``url`` to ``target``, with a progress bar; the name appears only once the MD5 is right.

    Raises DownloadFailed in one line; nothing is left behind then.
    """
    try:
        with _temporary(target) as (path, out):
            found = _stream(url, out, target.name, timeout)
            if found != md5:
                raise DownloadFailed(
                    f"{target.name} from {url} is not the official file (MD5 {found}, expected {md5}) "
                    "and was removed; try again"
                )
            out.close()
            path.replace(target)
    except httpx.HTTPStatusError as error:
        raise DownloadFailed(f"{url} answers {error.response.status_code}; try again later") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DownloadFailed(
            f"cannot fetch {target.name} from {url} ({reason}); without a network, copy the file"
            f" to {target.parent} by hand, or use the offline sample"
        ) from error
    except OSError as error:
        hint = (
            "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose another --data-dir"
        )
        raise DownloadFailed(f"cannot write {target} ({error.strerror}); {hint}") from error


def _resolve(names: Sequence[str] | None, size: int) -> list[OfficialSet]:
    of_size = official_names(size)
    sets = official_sets()
    found = []
    for name in of_size if names is None else names:
        full = name if size == 28 or name in of_size else f"{name}_{size}"
        if full not in sets:
            close = difflib.get_close_matches(name, official_names(), n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(official_names())}"
            raise DownloadFailed(f"MedMNIST has no 2-D data set {name!r}; {hint}")
        found.append(sets[full])
    return found


def _stream(url: str, out: BinaryIO, name: str, timeout: httpx.Timeout) -> str:
    """Copy the body to ``out``; its MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    with httpx.stream("GET", url, follow_redirects=True, timeout=timeout) as response:
        response.raise_for_status()
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        with tqdm(total=total, unit="B", unit_scale=True, desc=name) as bar:
            for chunk in response.iter_bytes(1 << 18):
                digest.update(chunk)
                out.write(chunk)
                bar.update(len(chunk))
    return digest.hexdigest()


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file beside ``target`` that is gone afterwards unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-", suffix=".part")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            yield path, out
    finally:
        path.unlink(missing_ok=True)
