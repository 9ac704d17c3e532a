"""Keep freed memory in the process. glibc returns large blocks to the system, and a training step then pays for the
page faults of the same megabytes again and again; on some virtual machines that dominates the run time."""

import ctypes
import platform

# Names and numbers of mallopt(3); M_MMAP_THRESHOLD is capped at 32 MiB, hence M_MMAP_MAX.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8


def keep_memory() -> bool:
    """Tell glibc to keep what is freed; call before the first large tensor. Returns whether glibc took it."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    options = ((_M_MMAP_MAX, 0), (_M_ARENA_MAX, 1), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 256 * 2**20))
    return all([mallopt(*option) == 1 for option in options])
