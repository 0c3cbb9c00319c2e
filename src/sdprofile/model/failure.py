"""Why a run did not end well."""

from __future__ import annotations

from dataclasses import dataclass

NO_GPU_MEMORY = "out of GPU memory"
"""Status of a run whose cell asked for more memory of a GPU than there was."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What ended one run before the cell was through."""

    status: str
    """``"killed"``, ``"failed"``, ``"interrupted"``, ``"stuck"`` or ``"out of GPU memory"``."""

    message: str
    """What happened, in one line: the exception's type and text, or the limit that was reached."""

    advice: str = ""
    """What to do about it; empty where the status says enough."""

    worker: str = ""
    """Address of the worker that was killed."""

    nbytes: int | None = None
    """Resident memory of that worker when its nanny killed it, in bytes."""

    tasks: tuple[str, ...] = ()
    """Keys of the tasks that the worker was running when it was killed."""

    @property
    def in_finalize(self) -> bool:
        """Whether the worker died while it put the cell's whole result together.

        Since 2025, dask computes a collection by one more task, ``finalize-hlgfinalizecompute-..``,
        which concatenates all chunks on one worker before the client fetches the result
        (https://github.com/dask/dask/issues/11402).
        """
        return any(task.startswith("finalize-") for task in self.tasks)


@dataclass(frozen=True, kw_only=True)
class FailedRun(Failure):
    """What ended a run, with the run that it ended."""

    workers: int
    """Worker count of the run."""

    repeat: int
    """Which repeat of that count it was, from 1."""

    seconds: float
    """Time from the start of the cell to the failure, in seconds."""

    memory_limit: int | None
    """Memory limit of each worker, in bytes; None for none."""
