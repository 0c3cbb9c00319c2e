"""Every option of the magics, declared once: parser, help, completion and docs come from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdprofile.errors import SdprofileError
from sdprofile.options import values
from sdprofile.options.declared import Declared, option
from sdprofile.options.variations import Variations, variations


def _secure_option() -> Any:
    return option(
        values.flag,
        "keep other users of this machine out of the cluster that sdprofile starts, by TLS; workers"
        " then exchange data more slowly",
        default=False,
    )


def _oversubscribe_option() -> Any:
    return option(
        values.flag,
        "allow more than four workers for each CPU here",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class Options(Declared):
    """What a profile is asked to do."""

    workers: tuple[int, ...] | None = option(
        values.worker_counts,
        "worker counts, in the order in which they first run; 0 is the cell without a cluster, as"
        " dask runs it in the kernel (default: 1, 2, 4 ... up to the CPUs here, and 0 where the"
        " session has no client)",
        metavar="N,N,...",
    )
    scheduler: str | None = option(
        values.scheduler,
        "what dask runs the cell's tasks in without a cluster: threads, processes or synchronous"
        " (default: what dask.config says, else dask's own for each collection)",
        metavar="WHICH",
        choices=values.SCHEDULERS,
    )
    oversubscribe: bool = _oversubscribe_option()
    memory: tuple[str, ...] | None = option(
        values.amounts,
        "memory limit of each worker, like 5GB, or several, to find the smallest that holds"
        " (default: the cluster's; of a new one an equal share of the free memory for the largest"
        " count)",
        metavar="AMOUNT,...",
    )
    threads: tuple[int, ...] | None = option(
        values.whole_numbers,
        "threads of each worker, or several, to compare (default: the cluster's; 1 of a new one)",
        metavar="N,...",
    )
    vary: Variations = option(
        variations,
        "set a variable of the cell to one value after another, like chunk=500,1000; may come again"
        " for another variable",
        metavar="NAME=V,V,...",
        default=(),
        repeated=True,
        in_python="a dict of arguments of the function with their values, {'chunk': (500, 1000)}",
    )
    task_memory: tuple[tuple[str, str], ...] = option(
        values.task_memory,
        "memory that a task of this prefix needs (the report lists the prefixes), merged into"
        " others or not: a worker runs only as many of them at a time as fit into its limit",
        metavar="PREFIX=AMOUNT,...",
        default=(),
        in_python="or a dict, {'add': '3GB'}",
    )
    predict: tuple[int, ...] | None = option(
        values.whole_numbers,
        "predict what these worker counts would take by replaying the tasks that were recorded",
        metavar="N,N,...",
    )
    repeats: int | None = option(
        values.whole_number,
        "runs of the cell at each count, limit, number of threads and value (default: 3, and more"
        " while they cannot tell and all take less than a minute)",
        metavar="N",
        short="-r",
    )
    budget: float | None = option(
        values.duration,
        "make only the runs that are expected to end within this time, like 2min; the report says"
        " which were left out",
        metavar="TIME",
    )
    on: tuple[str, ...] = option(
        values.names,
        "run on these workers of the session's cluster only, given by name, address or host",
        metavar="NAME,...",
        default=(),
    )
    order: str | None = option(
        values.order,
        "rounds: the counts take turns, 1,2,4 4,2,1 ...; grouped: all runs of a count in a row"
        " (default: rounds on a cluster that sdprofile started, if the cell needs no warm-up)",
        metavar="ORDER",
        choices=values.ORDERS,
    )
    timeout: float | None = option(
        values.duration,
        "give a run up after this time and go on with the next count",
        metavar="SECONDS",
    )
    compute: str | None = option(
        values.computing,
        "compute what is lazy in the cell's last value, as part of the run: each block is dropped"
        " as it is made, or kept on its worker to the end (persist)",
        metavar="[persist]",
        choices=values.COMPUTING,
        may_lack=True,
        in_python="True for the former",
    )
    steps: str = option(
        values.steps,
        "auto: calls of spatialdata's functions are steps, where it is loaded; off: only your own"
        " spans are (default: auto)",
        metavar="WHICH",
        default="auto",
        choices=values.STEPS,
    )
    no_fuse: bool = option(
        values.flag,
        "keep dask from fusing tasks: readable task names, steps kept apart",
        default=False,
    )
    allocations: bool = option(
        values.flag,
        "run the cell once more, in the end, and track line by line what the tasks allocate that"
        " took most memory (needs memray, the extra sdprofile[memray]); the tasks of that run take"
        " 50 ms more each, and half as long again where they allocate much",
        default=False,
    )
    secure: bool = _secure_option()
    report: str | None = option(
        values.path, "write dask's performance report, one HTML file per count", metavar="FILE"
    )
    save: str | None = option(
        values.path, "write the Profile to this file after every run", metavar="FILE"
    )
    name: str | None = option(
        values.name,
        "keep the Profile under this name, for %sdcompare",
        metavar="NAME",
        in_python=None,
    )
    against: str | None = option(
        values.name,
        "compare the result with this profile (a name, a variable or a file); the code of one with"
        " a name is run again, by turns with this one",
        metavar="NAME",
        in_python=None,
    )
    out: str | None = option(
        values.variable, "keep the Profile in this variable", metavar="NAME", in_python=None
    )
    quiet: bool = option(
        values.flag,
        "show neither progress nor result (see --out and %sdprofile)",
        default=False,
        in_python=None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.report is not None and self.order == "rounds":
            raise SdprofileError(
                "--report: expected --order grouped, got rounds (a report is of one count, whose"
                " runs must come in a row)"
            )
        for name in ("report", "against", "allocations") if self.budget is not None else ():
            if getattr(self, name):
                raise SdprofileError(
                    f"--budget: expected no --{name}, which needs all runs, got both (leave one of"
                    " them out)"
                )
        if self.scheduler is not None and self.workers is not None and 0 not in self.workers:
            counts = ",".join(map(str, self.workers))
            raise SdprofileError(
                "--scheduler: expected 0 among --workers, for workers have a scheduler of their"
                f" own, got {counts} (write --workers 0,{counts})"
            )
        alone = 0 in (self.workers or ()) or self.scheduler is not None
        if alone and self._varies_workers:
            raise SdprofileError(
                f"--{'workers' if self.scheduler is None else 'scheduler'}: expected"
                f" {'no 0' if self.scheduler is None else 'none'} with several --memory or"
                " --threads, which are of workers, got one (profile the cell without a cluster by"
                " itself: --workers 0)"
            )
        if self.against is not None and self.is_grid:
            raise SdprofileError(
                "--against: expected one --memory and one --threads, and no --vary, got several"
                " (compare the parts of the Profile: sdprofile.compare(before, profile.parts[0]))"
            )

        if self.allocations and not any(self.workers or (1,)):
            raise SdprofileError(
                "--allocations: expected --workers with a count, whose tasks are tracked, got 0"
                " only (--workers 0,1)"
            )
        if self.predict is not None and not any(self.workers or (1,)):
            raise SdprofileError(
                "--predict: expected --workers with a count, from whose tasks it is told, got 0"
                " only (--workers 0,1)"
            )
        if self.predict is not None and self.is_grid:
            raise SdprofileError(
                "--predict: expected one --memory and one --threads, and no --vary, got several"
                " (profile the one to predict from by itself)"
            )

    @property
    def is_grid(self) -> bool:
        """Whether more is to be varied than the number of workers."""
        return self._varies_workers or bool(self.vary)

    @property
    def _varies_workers(self) -> bool:
        return any(len(each or ()) > 1 for each in (self.memory, self.threads))


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(Declared):
    """What the session cluster is asked to be."""

    workers: int | None = option(
        values.whole_number, "number of workers (default: as it is; 1 of a new one)", metavar="N"
    )
    oversubscribe: bool = _oversubscribe_option()
    memory: str | None = option(
        values.amount, "memory limit of each worker, like 5GB", metavar="AMOUNT"
    )
    threads: int | None = option(
        values.whole_number,
        "threads of each worker (default: the cluster's; 1 of a new one)",
        metavar="N",
    )
    secure: bool = _secure_option()
    close: bool = option(values.flag, "close the cluster that sdprofile started", default=False)
