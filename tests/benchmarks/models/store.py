"""Results of finished arms on disk, so that an interrupted benchmark goes on where it was."""

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
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
    """Digest of the code that these objects (or functions, or classes) run: another code, another result."""
    digest = hashlib.sha256()
    for file in sorted(files(objects)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def files(objects: Iterable[object]) -> set[Path]:
    """The files of ours that define them, and all that those take a function, a class or a module from."""
    found: set[Path] = set()
    waiting = [_module(thing) for thing in objects]
    while waiting:
        module = waiting.pop()
        if module is None or module.__file__ is None or Path(module.__file__) in found:
            continue
        found.add(Path(module.__file__))
        for used in vars(module).values():
            waiting += map(_module, used.values() if isinstance(used, dict) else [used])
    return found


def _module(thing: object) -> ModuleType | None:
    """Where something comes from, if it is ours."""
    if isinstance(thing, ModuleType):
        name = thing.__name__
    else:
        definition = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
        name = getattr(definition, "__module__", None) or ""
    return sys.modules.get(name) if name.split(".")[0] in ("model", "tests") else None


def versions(*packages: str) -> dict[str, str]:
    """Installed versions, by name."""
    return {name: version(name) for name in packages}
