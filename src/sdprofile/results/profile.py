"""What the user holds of one profile: what it measured and means, its tables, plots and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdprofile.results.exported import Exported
from sdprofile.results.frames import (
    memory_frame,
    runs_frame,
    spans_frame,
    steps_frame,
    summary_frame,
    tasks_frame,
)
from sdprofile.results.time_tables import TimeTables
from sdprofile.results.worker_tables import WorkerTables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Profile(TimeTables, WorkerTables, Exported):
    """A cell, run with several settings: what it took and why.

    `str` gives the report for a terminal; a notebook shows it as a table and a plot.
    """

    def to_frame(self) -> pd.DataFrame:
        """Return one row per run.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `threads`, `memory_limit_bytes`, `repeat`, `status`, `seconds`,
            `tasks`, `peak_worker_bytes`, `peak_cluster_low_bytes`, `peak_cluster_high_bytes`,
            `baseline_bytes`, `peak_children_bytes`, `peak_kernel_bytes`, `spilled_bytes`,
            `transferred_bytes`, `read_bytes` and `written_bytes` (of all workers, see `disk`),
            `cpu_seconds` (of the tasks), `kernel_cpu_seconds`. What is not known is `NA`. If a run
            was made without a cluster, also `scheduler` (what dask ran its tasks in, empty on
            workers). If a run used a GPU, also `peak_gpu_worker_bytes` (the most that a worker held
            of one), `peak_gpu_torch_bytes` (had in use by torch's own count),
            `peak_gpu_torch_reserved_bytes` (that torch kept, in use or not), `gpu_cupy_bytes` (that
            cupy's pool kept), `peak_gpu_workers_bytes` (that all workers held together),
            `peak_gpu_bytes` (in use at most, by whomever), `gpu_bytes` (its size) and `gpu_busy`
            (share of the time, 0 to 1), each of the GPU where it is the highest.

        Notes
        -----
        `peak_worker_bytes` and `baseline_bytes` are of the fullest worker. The true peak of the
        cluster lies between `peak_cluster_low_bytes` and `peak_cluster_high_bytes`. All memory is
        resident memory: pages that processes share are counted for each. What a worker's child
        processes took (`peak_children_bytes`, sampled) is in the worker's and the cluster's peak;
        the kernel's own is in neither.
        """
        return runs_frame(self)

    def summary(self) -> pd.DataFrame:
        """Return one row per worker count.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `status`, `runs` (that ended well), `median_seconds`,
            `mean_seconds`, `std_seconds`, `min_seconds`, `speedup`, `efficiency`,
            `serial_fraction` and `verdict` (all against the smallest count that finished),
            `peak_worker_bytes`, `peak_cluster_low_bytes` and `peak_cluster_high_bytes` (maxima over
            the runs), `memory_limit_bytes`, `limit_fraction`. What is not known is `NA`. If a run
            used a GPU, also `peak_gpu_worker_bytes`, `gpu_fraction` (in use at most of the fullest,
            by whomever) and `gpu_busy` (of the busiest, in the median run).

        Notes
        -----
        `serial_fraction` is the Karp-Flatt metric (see `sdprofile.model.run.serial_fraction`).
        `verdict` is ``faster``, ``slower``, ``the same``, ``not measurably faster`` or ``slower``,
        or ``cannot tell with 3 repeats`` (see `sdprofile.explain.verdict`).
        """
        return summary_frame(self)

    def memory(self) -> pd.DataFrame:
        """Return the memory curves, one row per sample.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `source` (``"sampler"``: each worker, read from the system
            every 20 ms; ``"dask"``: dask's `MemorySampler`; ``"nvml"``: what processes hold of a
            GPU), `worker` (address; empty for the sum of all workers, and for a whole GPU),
            `measure` (see `Curve.measure`), `seconds` (since the cell started),
            `bytes`. Of runs above 80 s it is what `Curve.thinned` keeps.
        """
        return memory_frame(self)

    def spans(self) -> pd.DataFrame:
        """Return where the workers' time went, by span, task prefix and activity.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `span`, `context`, `prefix`, `activity`, `seconds` (of
            thread time, summed over all threads), `bytes`. With ``idle``, the seconds of a run add
            up to workers x threads x wall time.

        Notes
        -----
        From dask's fine performance metrics
        (https://distributed.dask.org/en/stable/fine-performance-metrics.html); see
        `sdprofile.model.spans.share_out` for what goes on beside the threads. A worker that is
        killed takes what it counted in its last second with it.
        """
        return spans_frame(self)

    def steps(self) -> pd.DataFrame:
        """Return the calls of spatialdata's functions, one row per run and step.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `step` (as `spans` names it, with the line of the cell),
            `calls`, `kernel_seconds` (wall time of the calls in the kernel), `thread_seconds` (of
            its tasks, summed over all threads), `merged` (steps and task prefixes whose tasks dask
            merged with those of this step). Empty with ``--steps off``, or where spatialdata was
            not loaded.
        """
        return steps_frame(self)

    def tasks(self) -> pd.DataFrame:
        """Return time and memory of the tasks, one row per run and prefix of their keys.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `prefix`, `tasks`, `seconds` and `cpu_seconds` (summed
            over the tasks), `peak_worker_bytes` (highest memory of a worker while one ran),
            `rise_low_bytes` and `rise_high_bytes` (the most that one must have added to the memory
            at its start, and that all tasks which ran then did; the same number with one thread per
            worker). What is not known is `NA`.
        """
        return tasks_frame(self)

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw memory over time, one colour and marker per worker count; of a grid, the times.

        Parameters
        ----------
        ax
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.figure.Figure
            The figure drawn in; it is not shown.
        """
        from sdprofile.render.plots.grid import grid_plot
        from sdprofile.render.plots.memory import memory_plot

        return grid_plot(self, ax=ax) if self.is_grid else memory_plot(self, ax=ax)

    def save(self, path: str | Path) -> None:
        """Write the profile to a JSON file, which `sdprofile.load` reads.

        Parameters
        ----------
        path
            Where to write; a file that is there is replaced once the new one is complete.
        """
        from sdprofile.results.storage import save

        save(self, path)

    def to_markdown(self) -> str:
        """Return the table, the notices and the advice in Markdown, for a pull request."""
        from sdprofile.render.text.export import profile_markdown

        return profile_markdown(self)

    def _csv_frame(self) -> pd.DataFrame:
        """Return `summary()`, which a CSV file holds."""
        return self.summary()

    def _other_files(self) -> Mapping[str, Callable[[], bytes]]:
        """Return what makes the files for viewers of traces."""
        from sdprofile.render.text.speedscope import speedscope
        from sdprofile.render.text.trace_events import trace_events

        return {
            ".trace.json": partial(trace_events, self),
            ".speedscope.json": partial(speedscope, self),
        }

    def __str__(self) -> str:
        from sdprofile.render.text.report import report

        return report(self)

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, Any]:
        from sdprofile.render.page.page import mimebundle

        return mimebundle(self)


def load(path: str | Path) -> Profile:
    """Read a profile that was saved.

    Parameters
    ----------
    path
        A file that `Profile.save` wrote.

    Returns
    -------
    Profile
        Equal to the one that was saved. Nothing that the file holds is executed.

    Raises
    ------
    SdprofileError
        If the file cannot be read, is not a saved profile, is damaged, or was written by a newer
        sdprofile in a format that this one does not know.
    """
    from sdprofile.results.storage import read

    return read(path, Profile)
