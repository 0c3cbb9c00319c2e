"""A process of its own that reads memory and CPU time of others; a script, it imports no more.

``python -I -S sampling.py PARENT PID... [-PID...]`` writes `RECORD`-packed samples to its standard
output until its parent is gone, no process is left to be read, or it is terminated. Descendants
that are given as negative numbers do not count, nor what these have started.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
from collections.abc import Callable, Collection, Iterable

INTERVAL = 0.02
"""Seconds between samples."""

LOOK_INTERVAL = 0.1
"""Seconds between two looks for new child processes and at CPU time, which comes in steps of 10 ms.
"""

RECORD = "dqqd"
"""Of each sample: wall-clock time in seconds; in bytes the resident memory of a process and that of
its descendants, -1 for a process that is gone; CPU time of all of them in seconds, -1 where it was
not looked at. One for each process, in their order."""

_LONGEST = 65536
"""Bytes that are read of a file: numbers of 8000 child processes."""

Read = Callable[[int], int]
Find = Callable[[int, Collection[int]], list[int]]
Cpu = Callable[[int], float]


def read_resident(pid: int) -> int:
    """Return the resident memory of a process in bytes, as Linux tells it; -1 if it is gone."""
    size, resident = _pages(pid)
    # A zombie has no memory left.
    return resident * os.sysconf("SC_PAGE_SIZE") if size else -1


def read_cpu(pid: int) -> float:
    """Return the CPU time of a process in seconds, with that of its children that have ended."""
    try:
        # The name, which comes first, may have spaces and parentheses in it.
        fields = _content(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def find_descendants(pid: int, without: Collection[int] = ()) -> list[int]:
    """Return the processes that a process and its own have started, as Linux tells it.

    Parameters
    ----------
    pid
        Of the process.
    without
        Those that do not count, nor what they have started.
    """
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            children = _content(f"/proc/{pid}/task/{thread}/children")
        except OSError:  # the thread has ended
            continue
        found += [int(child) for child in children.split()]
    # What was forked a moment ago still has its parent's pages, which would count twice.
    size, _ = _pages(pid)
    left_out = (os.getpid(), *without)
    found = [child for child in found if child not in left_out and _pages(child)[0] != size]
    return [*found, *(below for child in found for below in find_descendants(child, without))]


def _pages(pid: int) -> tuple[int, int]:
    """Return the size of a process and what is resident of it, in pages; 0 and 0 if it is gone."""
    try:
        size, resident = _content(f"/proc/{pid}/statm").split()[:2]
    except OSError:
        return 0, 0
    return int(size), int(resident)


def _content(path: str) -> bytes:
    """Return what is in a file, by a third of the work that `open` makes of it.

    Raises
    ------
    OSError
        If it is not there, or no longer.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, _LONGEST)
    finally:
        os.close(handle)


def sample(
    pids: list[int],
    write: Callable[[bytes], object],
    alive: Callable[[], bool],
    read: Read,
    find: Find,
    cpu: Cpu,
    without: Collection[int] = (),
) -> None:
    """Write samples until nobody reads them, or no process is left.

    Parameters
    ----------
    pids
        Whom to read.
    write
        Takes packed samples.
    alive
        Whether somebody still wants them.
    read, find, cpu
        Give the memory of a process, its descendants, and its CPU time.
    without
        Descendants that do not count.
    """
    descendants: dict[int, list[int]] = {}
    due = look = time.monotonic()
    while alive():
        used = [-1.0] * len(pids)
        if time.monotonic() >= look:
            descendants = {pid: find(pid, without) for pid in pids}
            look = time.monotonic() + LOOK_INTERVAL
            used = [sum(map(cpu, (pid, *descendants[pid]))) for pid in pids]
        resident = [read(pid) for pid in pids]
        below = [_total(descendants[pid], read) for pid in pids]
        now = time.time()
        each = zip(resident, below, used, strict=True)
        write(b"".join(struct.pack(RECORD, now, *values) for values in each))
        if all(nbytes < 0 for nbytes in resident):
            return
        due = max(due + INTERVAL, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def _total(pids: Iterable[int], read: Read) -> int:
    return sum(max(0, read(pid)) for pid in pids)


def readers() -> tuple[Read, Find, Cpu]:
    """Return what gives the memory of a process, its descendants, and its CPU time."""
    if os.path.exists("/proc/self/statm"):
        return read_resident, find_descendants, read_cpu
    import psutil

    def read(pid: int) -> int:
        try:
            return psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return -1

    def find(pid: int, without: Collection[int] = ()) -> list[int]:
        try:
            own = [child for child in psutil.Process(pid).children() if child.pid not in without]
        except psutil.Error:
            return []
        return [each for child in own for each in (child.pid, *find(child.pid, without))]

    def cpu(pid: int) -> float:
        try:
            return float(sum(psutil.Process(pid).cpu_times()[:4]))
        except psutil.Error:
            return 0.0

    return read, find, cpu


def main(arguments: list[str]) -> None:
    """Sample the processes that are named until the parent is gone."""
    parent, *numbers = map(int, arguments)
    sample(
        [number for number in numbers if number > 0],
        lambda samples: os.write(1, samples),
        lambda: os.getppid() == parent,
        *readers(),
        without=[-number for number in numbers if number < 0],
    )
    if os.getppid() != parent:
        # Nobody is left to fetch the samples.
        with contextlib.suppress(OSError):
            os.unlink(os.readlink("/proc/self/fd/1"))


if __name__ == "__main__":
    main(sys.argv[1:])
