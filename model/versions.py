"""Versions of what is stored, in a place that does not import torch: cache keys need them at once."""

EMBEDDING_VERSION = "pooled-v2"
"""Named in every model card and index: vectors of different versions are never compared."""

FORMAT = 1
"""Of `config.json` in a run folder."""
