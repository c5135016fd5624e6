"""Results of finished arms on disk, so that an interrupted benchmark goes on where it was."""

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from model.checkpoints import write_atomically

Result = dict[str, Any]


@dataclass(frozen=True)
class Store:
    """One JSON file an arm: ``NAME-DIGEST.json`` holds the settings (``key``) and what came out (``result``)."""

    folder: Path

    def find(self, name: str, key: dict[str, Any]) -> Result | None:
        """What is there under exactly these settings."""
        try:
            stored = json.loads(self._path(name, key).read_text())
        except FileNotFoundError:
            return None
        result: Result = stored["result"]
        return result

    def get(self, name: str, key: dict[str, Any], compute: Callable[[], Result]) -> Result:
        """The stored result under these settings, else the computed one, which is stored."""
        found = self.find(name, key)
        if found is not None:
            return found
        result = compute()
        self.folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"key": key, "result": result}, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self._path(name, key), content.encode())
        return result

    def _path(self, name: str, key: dict[str, Any]) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:10]
        return self.folder / f"{name}-{digest}.json"


def sources(objects: Iterable[object]) -> str:
    """Digest of the files that define these objects' classes (or these functions): another code, another result."""
    files = set()
    for thing in objects:
        definition = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
        module = sys.modules[definition.__module__]
        if definition.__module__.split(".")[0] in ("model", "tests") and module.__file__:
            files.add(Path(module.__file__))
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def versions(*packages: str) -> dict[str, str]:
    """Installed versions, by name."""
    return {name: version(name) for name in packages}
