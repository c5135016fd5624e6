"""Memory of the process."""

import ctypes
import sys


def give_back() -> None:
    """Give the system back what was freed, after work of another kind than that which follows.

    The C library keeps freed memory for later, but cut to the sizes that were asked for: what comes next finds little
    of it fit for use. Only glibc has a call for this; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
