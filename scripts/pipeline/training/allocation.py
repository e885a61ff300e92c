"""How the C library hands out the memory of a training step."""

import ctypes
import platform

# malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def reuse_freed_memory() -> None:
    """Keep freed memory for the next batch instead of giving it back to the system; elsewhere than in glibc, nothing.

    Activations are large, so by default each of them is fresh pages from the system, in every step. The process keeps
    the memory of its largest step.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_MMAP_MAX, 0)
    library.mallopt(_M_TRIM_THRESHOLD, _NEVER)
