"""VQScope's science: data, networks, quantisers, training, evaluation, latent maps and their statistics.

>>> from model import load_model, open_index  # doctest: +SKIP
>>> model = load_model()  # doctest: +SKIP
>>> model.encode(images).embeddings  # doctest: +SKIP
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.inference import InferenceModel, load_model
    from model.latent.index import LatentIndex, build_index, open_index

# NumPy's OpenBLAS lets its threads spin for 2^26 cycles, some 25 ms, after each product, in case another one follows:
# of the time that a search for neighbours takes of the processors that was three quarters, lost to all else on a small
# machine. It is read when NumPy is first imported: a program that imports NumPy before this is as it was. Who
# has set it knows better.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")

# Loaded on first use (PEP 562): torch takes seconds to import, and `vqscope --help` must not wait for it.
_HOME = {
    "InferenceModel": "model.inference",
    "load_model": "model.inference",
    "LatentIndex": "model.latent.index",
    "build_index": "model.latent.index",
    "open_index": "model.latent.index",
}
__all__ = ["InferenceModel", "LatentIndex", "build_index", "load_model", "open_index"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the named module holds
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'model' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
