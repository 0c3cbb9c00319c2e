"""Everything that one profile measured, and the tables made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdprofile.model.failure import Failure
from sdprofile.model.machine import Machine
from sdprofile.model.notices import Notice, make_notices
from sdprofile.model.run import CountSummary, Run
from sdprofile.model.timing import Timing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A cell, run on several worker counts: what it took and why.

    `str` gives the report for a terminal; a notebook shows it as a table and a plot.
    """

    code: str
    """The cell."""

    runs: tuple[Run, ...]
    """All runs, in the order in which they were made."""

    repeats: int
    """How many runs of each count were asked for."""

    fused: bool = True
    """Whether dask was free to fuse tasks; False with ``--no-fuse``."""

    stopped: str = ""
    """Why the profile ended early, in one line; empty if it did not."""

    machine: Machine
    """Where it ran."""

    dashboard: str = ""
    """Address of dask's dashboard; empty if there is none."""

    tunnel: str = ""
    """Command that opens the dashboard to the user's machine; empty if none is needed."""

    decimal: bool = False
    """Whether memory is written in powers of 1000 (GB), as the user did, or of 1024 (GiB)."""

    created: str = ""
    """When it was begun: ISO 8601 with the offset from UTC."""

    versions: tuple[tuple[str, str], ...] = ()
    """Names and versions of the packages that matter."""

    remarks: tuple[Notice, ...] = field(default=())
    """Notices that were found while it ran."""

    @cached_property
    def counts(self) -> tuple[CountSummary, ...]:
        """One summary for each worker count, in ascending order."""
        by_count: dict[int, list[Run]] = {}
        for run in sorted(self.runs, key=lambda run: run.workers):
            by_count.setdefault(run.workers, []).append(run)
        base_workers, base = 0, None
        for workers, runs in by_count.items():
            seconds = tuple(run.seconds for run in runs if run.status == "ok")
            if seconds:
                base_workers, base = workers, Timing(seconds=seconds)
                break
        return tuple(
            CountSummary(workers=workers, runs=tuple(runs), base=base, base_workers=base_workers)
            for workers, runs in by_count.items()
        )

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What ended the runs that did not end well, in the order in which it happened."""
        return tuple(run.failure for run in self.runs if run.failure is not None)

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """Facts that make a number doubtful, or that explain it, each with advice."""
        return (*self.remarks, *make_notices(self))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per run.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `threads`, `memory_limit_bytes`, `repeat`, `status`, `seconds`,
            `tasks`, `peak_worker_bytes`, `peak_cluster_low_bytes`, `peak_cluster_high_bytes`,
            `baseline_bytes`, `spilled_bytes`, `transferred_bytes`, `cpu_seconds`. What is not known
            is `NA`.

        Notes
        -----
        `peak_worker_bytes` and `baseline_bytes` are of the fullest worker. The true peak of the
        cluster lies between `peak_cluster_low_bytes` and `peak_cluster_high_bytes`. All memory is
        resident memory of the worker processes: the kernel's own is not in it, pages that workers
        share are counted for each.
        """
        return _frame(
            [
                {
                    "workers": run.workers,
                    "threads": run.threads,
                    "memory_limit_bytes": run.memory_limit,
                    "repeat": run.repeat,
                    "status": run.status,
                    "seconds": run.seconds,
                    "tasks": run.tasks,
                    "peak_worker_bytes": run.peak_worker,
                    "peak_cluster_low_bytes": run.cluster_peak and run.cluster_peak.low,
                    "peak_cluster_high_bytes": run.cluster_peak and run.cluster_peak.high,
                    "baseline_bytes": run.baseline,
                    "spilled_bytes": run.spilled,
                    "transferred_bytes": run.transferred,
                    "cpu_seconds": run.cpu_seconds,
                }
                for run in self.runs
            ],
            "workers threads memory_limit_bytes repeat status seconds tasks peak_worker_bytes"
            " peak_cluster_low_bytes peak_cluster_high_bytes baseline_bytes spilled_bytes"
            " transferred_bytes cpu_seconds",
        )

    def summary(self) -> pd.DataFrame:
        """Return one row per worker count.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `status`, `runs` (that ended well), `median_seconds`,
            `mean_seconds`, `std_seconds`, `min_seconds`, `speedup` and `efficiency` (against the
            smallest count that finished), `peak_worker_bytes` (a maximum over the runs),
            `memory_limit_bytes`, `limit_fraction`.
        """
        rows: list[dict[str, Any]] = []
        for count in self.counts:
            timing = count.timing
            rows.append(
                {
                    "workers": count.workers,
                    "status": count.status,
                    "runs": len(timing.seconds) if timing else 0,
                    "median_seconds": timing and timing.median,
                    "mean_seconds": timing and timing.mean,
                    "std_seconds": timing and timing.std,
                    "min_seconds": timing and timing.shortest,
                    "speedup": count.speedup,
                    "efficiency": count.efficiency,
                    "peak_worker_bytes": count.peak_worker,
                    "memory_limit_bytes": count.memory_limit,
                    "limit_fraction": count.limit_fraction,
                }
            )
        return _frame(
            rows,
            "workers status runs median_seconds mean_seconds std_seconds min_seconds speedup"
            " efficiency peak_worker_bytes memory_limit_bytes limit_fraction",
        )

    def memory(self) -> pd.DataFrame:
        """Return the memory curves, one row per sample.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `source` (``"dask"``: dask's `MemorySampler`), `worker`
            (address; empty for the sum of all workers), `seconds` (since the cell started),
            `bytes`.
        """
        return _frame(
            [
                {
                    "workers": run.workers,
                    "repeat": run.repeat,
                    "source": curve.source,
                    "worker": curve.worker,
                    "seconds": seconds,
                    "bytes": nbytes,
                }
                for run in self.runs
                for curve in run.curves
                for seconds, nbytes in zip(curve.seconds, curve.nbytes, strict=True)
            ],
            "workers repeat source worker seconds bytes",
        )

    def spans(self) -> pd.DataFrame:
        """Return where the workers' time went, one row per run, span and activity.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `span`, `activity`, `seconds` (summed over all threads),
            `bytes`.
        """
        return _frame(
            [
                {
                    "workers": run.workers,
                    "repeat": run.repeat,
                    "span": activity.span,
                    "activity": activity.activity,
                    "seconds": activity.seconds,
                    "bytes": activity.nbytes,
                }
                for run in self.runs
                for activity in run.spans
            ],
            "workers repeat span activity seconds bytes",
        )

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw memory over time, one colour and marker per worker count.

        Parameters
        ----------
        ax
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.figure.Figure
            The figure drawn in; it is not shown.
        """
        from sdprofile.render.memory_plot import memory_plot

        return memory_plot(self, ax=ax)

    def save(self, path: str | Path) -> None:
        """Write the profile to a JSON file, which `sdprofile.load` reads.

        Parameters
        ----------
        path
            Where to write; a file that is there is replaced once the new one is complete.
        """
        from sdprofile.storage import save

        save(self, path)

    def __str__(self) -> str:
        from sdprofile.render.table import report

        return report(self)

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, Any]:
        from sdprofile.render.html import mimebundle

        return mimebundle(self)


def _frame(rows: list[dict[str, Any]], columns: str) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=columns.split())
    # Nullable integers, so that a missing peak does not turn bytes into floats.
    whole = [name for name in frame.columns if name == "bytes" or name.endswith("_bytes")]
    return frame.astype(dict.fromkeys(whole, "Int64"))
