"""How the process's allocator treats large blocks: they go back to the system when they are freed."""

import ctypes
import sys

# glibc's mallopt(3). Left alone, it keeps blocks of up to 32 MB in its heap once one of that size was freed, and small
# ones that are allocated between them hold it there.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Larger than what an image of usual size takes: those blocks are cheaper to keep.
_APART_FROM_BYTES, _KEPT_BYTES = 4 << 20, 16 << 20


def give_large_blocks_back() -> None:
    """Have freed blocks of 4 MiB and more, and all but 16 MiB of the heap's end, go back at once.

    Where the C library isn't glibc, it does nothing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _APART_FROM_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
