"""Why a run did not end well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What ended one run before the cell was through."""

    workers: int
    """Worker count of the run."""

    repeat: int
    """Which repeat of that count it was, from 1."""

    status: str
    """``"killed"``, ``"failed"``, ``"interrupted"`` or ``"stuck"``."""

    seconds: float
    """Time from the start of the cell to the failure, in seconds."""

    message: str
    """What happened, in one line: the exception's type and text, or the limit that was reached."""

    advice: str = ""
    """What to do about it; empty where the status says enough."""

    worker: str = ""
    """Address of the worker that was killed."""

    nbytes: int | None = None
    """Resident memory of that worker when its nanny killed it, in bytes."""

    memory_limit: int | None = None
    """Memory limit of that worker, in bytes."""

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
