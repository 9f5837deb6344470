"""No process of ours outlives the one that answers for it, even when that one dies by SIGKILL (Linux).
Stopping in order is the supervisor's affair, not this file's."""

import os
import sys
from collections.abc import Callable


def on_parents_death(signal_sent: int) -> Callable[[], None] | None:
    """A `preexec_fn` by which the kernel sends the child this signal when its parent dies; None elsewhere.

    The library is loaded here and not in the child, which may hold locks of threads that it does not have.
    """
    if sys.platform != "linux":
        return None
    prctl = _prctl()
    parent = os.getpid()

    def arm() -> None:
        prctl(1, signal_sent, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal_sent)

    return arm


def die_with_parent(signal_sent: int, *, parent: int = 0) -> None:
    """The same, asked by the child itself: for children that a library starts. `parent` where it is known: in a
    container it may be process 1, which elsewhere says that the parent is gone."""
    if sys.platform == "linux":
        _prctl()(1, signal_sent, 0, 0, 0)
        if os.getppid() != parent if parent else os.getppid() == 1:
            os.kill(os.getpid(), signal_sent)


def close_memory() -> None:
    """No core file and no debugger of the same user: this process holds private keys in memory."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _prctl()(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def _prctl() -> Callable[[int, int, int, int, int], int]:
    import ctypes

    prctl: Callable[[int, int, int, int, int], int] = ctypes.CDLL(None).prctl
    return prctl
