"""Tables of what went on in the processes of the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.measured import Measured
from sdprofile.render.text.allocations import stack_words
from sdprofile.results.frames import make_frame, which_run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class WorkerTables(Measured):
    """What was measured, with the tables of what the processes of the workers did."""

    def disk(self) -> pd.DataFrame:
        """Return what each worker read and wrote, one row per run and worker.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `worker` (address), `read_bytes` and `written_bytes` (what
            its process asked for, of files and pipes, spilled data too, wherever it came from),
            `from_storage_bytes` and `to_storage_bytes` (what came from the storage itself, or goes
            there). Empty where the system does not tell, as on macOS, and for files of an older
            sdprofile.

        Notes
        -----
        From ``/proc/<pid>/io`` (https://man7.org/linux/man-pages/man5/proc_pid_io.5.html). What the
        code asks for is alike from run to run; from the storage comes only what the system no
        longer has in memory, so that a second run often reads nothing there. Child processes count
        once they have ended. What is read by ``mmap`` is in `from_storage_bytes` alone. With
        ``--secure`` what workers send each other counts, too.
        """
        return make_frame(
            [
                {
                    **which_run(run.setting, self),
                    "repeat": run.repeat,
                    "worker": each.worker,
                    "read_bytes": each.read,
                    "written_bytes": each.written,
                    "from_storage_bytes": each.from_storage,
                    "to_storage_bytes": each.to_storage,
                }
                for run in self.runs
                for each in run.disk.workers
            ],
            "repeat worker read_bytes written_bytes from_storage_bytes to_storage_bytes",
            self,
        )

    def stores(self) -> pd.DataFrame:
        """Return which zarr arrays tasks read, one row per run and array.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `repeat`, `array` (store and path), `prefix` (of the tasks that read
            it most often), `shape`, `chunks` (of the store; of shards those within), `pieces` (what
            was read at a time, most often), `needed` (chunks, each counted once), `reads` (chunks,
            as often as each was read), `amplification` (the second by the first), `cut` (what that
            would be if each piece was read once: 1.0 where none begins or ends within a chunk),
            `needed_bytes` and `bytes` (decompressed), `seconds` (of the tasks' threads). Empty if
            none was read, and for files of an older sdprofile.

        Notes
        -----
        Counted in the workers, from what tasks ask of `zarr.Array` (see
        `sdprofile.measure.store_reads.StoreCounter`), and so for any store. A run in which a worker
        has yet to import zarr is not counted. Of a run the three with most bytes are kept.
        """
        return make_frame(
            [
                {
                    **which_run(run.setting, self),
                    "repeat": run.repeat,
                    "array": each.array,
                    "prefix": each.prefix,
                    "shape": each.shape,
                    "chunks": each.chunks,
                    "pieces": each.pieces,
                    "needed": each.needed,
                    "reads": each.reads,
                    "amplification": each.amplification,
                    "cut": each.cut,
                    "needed_bytes": each.needed_bytes,
                    "bytes": each.nbytes,
                    "seconds": each.seconds,
                }
                for run in self.runs
                for each in run.disk.stores
            ],
            "repeat array prefix shape chunks pieces needed reads amplification cut needed_bytes"
            " bytes seconds",
            self,
        )

    def allocations(self) -> pd.DataFrame:
        """Return what a task had allocated at its peak, one row per line that allocated.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `prefix` (of the task), `bytes`, `share` (of all that was allocated
            then, 0 to 1), `allocations` (their number), `function`, `origin`, `module`, `file` and
            `line` (the line that allocated; see `calls`), `stack` (the functions that led there,
            the outermost first, each with the line that it had come to). Empty without
            ``--allocations``.

        Notes
        -----
        By memray (https://bloomberg.github.io/memray/), in one more run after the measured ones, of
        the tasks of one prefix, that of which one made its worker's memory rise the most; of these,
        the one that allocated most. Lines below 1 % are left out, and calls of dask and Python that
        lead to the task. Memory that was allocated before the task is not in it, nor what child
        processes take; what ran beside it in its worker is.
        """
        found = self.allocated
        return make_frame(
            [
                {
                    "workers": found.workers,
                    "prefix": found.prefix,
                    "bytes": each.nbytes,
                    "share": each.nbytes / max(1, found.nbytes),
                    "allocations": each.times,
                    "function": each.stack[-1].name,
                    "origin": each.stack[-1].origin,
                    "module": each.stack[-1].module,
                    "file": each.stack[-1].file,
                    "line": each.stack[-1].line,
                    "stack": stack_words(each),
                }
                for each in (found.largest if found is not None else ())
                if found is not None
            ],
            "workers prefix bytes share allocations function origin module file line stack",
        )
