"""What the user holds of where the time went: by cause, line and call, and with other chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.explain.explained import Explained
from sdprofile.results.time_frames import account_frame, calls_frame, chunk_frame, lines_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TimeTables(Explained):
    """The tables of a profile that tell where the time of its runs went."""

    def account(self) -> pd.DataFrame:
        """Return where the wall time went, one row per worker count and cause.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat` (the run with the time nearest to the median of its count
            stands for it), `cause` (see `sdprofile.model.account.Cause`), `seconds` of wall time
            and `share` of it, 0 to 1; the largest cause first. Empty for runs whose tasks were not
            recorded, as in a file of an older sdprofile.

        Notes
        -----
        The seconds of a count add up to the wall time of its run: each second belongs to one
        cause, by what the threads of the workers did. One thread of four that waits for 1 s is
        0.25 s. How it is told what they did: `sdprofile.explain.account.account`.
        """
        return account_frame(self)

    def lines(self) -> pd.DataFrame:
        """Return what each line of the cell took, one row per line.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat` (as in `account`), `line` (0 for what belongs to no line),
            `function` (of the notebook or script; empty for a line of the cell itself), `code`,
            `seconds` of wall time in the kernel, `own_seconds` (of these without calls of dask that
            send or wait), `thread_seconds` of its tasks (of a function that ran within tasks those
            in that line), `tasks`, `held_bytes` (results of its tasks, when those of all lines
            together were most), `rise_bytes` (the most that one of its tasks can have added to a
            worker's memory). Empty for runs whose tasks were not recorded.

        Notes
        -----
        Where `function` is empty, `seconds` add up to the wall time of the run, `thread_seconds` to
        what `account` has within tasks; lines of functions are parts of these. A task belongs to
        the line that computed, persisted or submitted it, wherever its graph was made. Tasks of one
        prefix are taken to be alike for `rise_bytes`, whatever line sent them.
        """
        return lines_frame(self)

    def calls(self) -> pd.DataFrame:
        """Return what was called within the tasks and within the kernel, one row per call.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat` (as in `account`), `of` (prefix of the tasks, or
            ``kernel``), `depth` (how many calls it is within: the rows below one that are deeper
            are what it called, the longest first), `function`, `origin` (``cell``, ``own`` for
            functions of the notebook or script, ``python``, or the package), `module`, `file`
            (where the module is none that is imported), `line` (of the cell, or where the function
            begins), `seconds` of thread time with what it called, `own_seconds` without,
            `waiting_seconds` of `seconds` in which the thread was hardly on a CPU, `share` of the
            thread time of all these tasks, 0 to 1, `samples` (of all these tasks: of few, small
            shares are chance). Empty for files of an older sdprofile.

        Notes
        -----
        From the samples that dask's workers take every 10 ms of the threads that run tasks
        (https://distributed.dask.org/en/stable/diagnosing-performance.html#statistical-profiling),
        and from 20 looks a second at the kernel. Samples of a prefix are taken to stand for equal
        parts of the time of its tasks. C code is its Python caller's. Waiting for dask is left out
        of the kernel. At most 850 calls are kept of a profile; what took least is in its callers'
        `seconds`, and in the `own_seconds` of none.
        """
        return calls_frame(self)

    def chunk_sizes(self) -> pd.DataFrame:
        """Return what chunks of other sizes would take, one row per worker count and size.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat` (the run that was replayed), `factor` (how many times as
            many elements a chunk has), `chunks` and `tasks` (their numbers then), `seconds` (wall
            time; of factor 1 that of the run). Empty for runs whose tasks were not recorded, or
            whose replay as they were is more than 25 % off.

        Notes
        -----
        For rasters and arrays whose tasks are blockwise: see `sdprofile.explain.chunk_sizes`.
        ``--vary`` measures what is worth it.
        """
        return chunk_frame(self)
