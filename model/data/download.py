"""Fetching MedMNIST's official files from where medmnist says they lie (Zenodo), checked against its MD5.

medmnist's own ``download`` waits for ever on a network that swallows packets, leaves a damaged file behind
and hides the cause; so its table of addresses and checksums is used, and the transfer is done here.
"""

import contextlib
import difflib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import httpx
from tqdm import tqdm

from model.data.fingerprint import hash_file
from model.data.official import OfficialSet, official_names, official_sets
from model.errors import VQScopeError

TIMEOUT = httpx.Timeout(connect=10.0, read=30.0, write=30.0, pool=10.0)  # seconds


class DownloadFailed(VQScopeError):
    """No network, a server that refuses, a file that is not the announced one, or no place to put it."""


def download(names: Sequence[str] | None, data_dir: Path, size: int = 28) -> list[Path]:
    """Fetch official files (``None``: all twelve 2-D sets) at ``size`` 28, 64, 128 or 224; give their paths.

    What already lies there with the right MD5 is left; another file of that name is never overwritten. Raises
    DownloadFailed, before anything is fetched, where a name is unknown or taken, and where a transfer fails.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        wanted = [(one, data_dir / f"{one.name}.npz") for one in _resolve(names, size)]
        missing = [(one, path) for one, path in wanted if not _is_there(one, path)]
    except OSError as error:
        raise DownloadFailed(
            f"cannot write to {data_dir} ({error.strerror}); choose another folder with --data-dir"
        ) from error
    for one, path in missing:
        fetch(one.url, path, md5=one.md5)
    return [path for _, path in wanted]


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


def _is_there(one: OfficialSet, path: Path) -> bool:
    if not path.exists():
        return False
    if hash_file(path) != one.md5:
        raise DownloadFailed(
            f"{path} is not the official file and is not overwritten; move it away or leave {one.name} out"
        )
    return True


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
