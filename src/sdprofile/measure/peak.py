"""Exact peaks of the workers' memory, as the Linux kernel marks them."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from sdprofile.model.memory import WorkerPeak

if TYPE_CHECKING:
    from distributed import Client


class PeakMarks:
    """Each worker's memory before the run and its peak during it.

    Notes
    -----
    Linux keeps the highest resident memory of a process as ``VmHWM`` in ``/proc/<pid>/status``,
    and resets it when ``5`` is written to ``/proc/<pid>/clear_refs`` (``man 5 proc``): no spike is
    too short for it. ``ru_maxrss`` would not do: a process inherits its parent's, and it cannot be
    reset. Elsewhere there are no marks, and `peaks` stays empty.
    """

    peaks: tuple[WorkerPeak, ...] = ()
    """One for each worker that lived through the run."""

    baselines: dict[str, int]
    """Resident memory in bytes of each worker, by address, just before the run."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.baselines = {}

    def __enter__(self) -> Self:
        self.baselines = self._ask(_reset_mark)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client.status != "running":
            return
        marks = self._ask(_read_mark)
        self.peaks = tuple(
            WorkerPeak(worker=worker, baseline=baseline, peak=marks[worker])
            for worker, baseline in self.baselines.items()
            if worker in marks
        )

    def _ask(self, question: object) -> dict[str, int]:
        # A worker may die meanwhile; its answer is then missing.
        answers = self._client.run(question, on_error="ignore")
        return {worker: nbytes for worker, nbytes in answers.items() if nbytes}


def _reset_mark() -> int:
    try:
        with open("/proc/self/clear_refs", "w") as marks:
            marks.write("5")
    except OSError:
        return 0
    return _read_mark()


def _read_mark() -> int:
    """Return the highest resident memory since the last reset, in bytes; 0 where there is none."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
