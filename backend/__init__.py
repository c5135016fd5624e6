"""The HTTP service over `model`: validation, batching, limits, transport."""
