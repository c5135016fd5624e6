"""The two folders that VQScope uses: data (the user's, maybe read-only) and cache (ours)."""

import os
from pathlib import Path

import platformdirs


def data_dir(explicit: Path | str | None = None) -> Path:
    """Folder of the npz files: the explicit one, else ``VQSCOPE_DATA``, else MedMNIST's own ``~/.medmnist``."""
    chosen = explicit or os.environ.get("VQSCOPE_DATA") or Path.home() / ".medmnist"
    return Path(chosen).expanduser()


def cache_dir() -> Path:
    """Folder for what can be made again (``VQSCOPE_CACHE``, else the platform's cache folder)."""
    return Path(os.environ.get("VQSCOPE_CACHE") or platformdirs.user_cache_dir("vqscope")).expanduser()


def sample_dir() -> Path:
    """Folder of the offline sample, which is written when it is first taken."""
    return cache_dir() / "sample"
