"""Where bfloat16 pays."""

from functools import cache

import torch


@cache
def native_bfloat16(device_type: str) -> bool:
    """Whether a device (``cpu``, ``cuda``) multiplies bfloat16 itself; where it is only emulated, float32 is faster."""
    if device_type == "cuda":
        return torch.cuda.is_available() and bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device_type == "cpu" and bool(
        torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )
