"""How far a sweep is, and how long it still takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from sdprofile.model.at_work import AtWork
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting, count_name
from sdprofile.units import format_seconds, format_whole_seconds, plural

LONG = 600
"""Seconds from which a sweep is said to take long, once its first run is made."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a sweep does next."""

    name: str
    """Of the setting, ``2 workers`` for instance."""

    repeat: int
    """Number of the repeat; 0 while the cluster is brought to the setting."""

    repeats: int
    """Runs with each setting that were asked for."""

    done: int
    """Runs that are done."""

    left: tuple[Setting, ...]
    """Settings of the runs that are still to do, at most, in the order in which they come."""

    dashboard: str = ""
    """Address of dask's dashboard; empty until it is known."""

    way: str = "starting"
    """What is done to the cluster meanwhile."""

    forecast: str = ""
    """That it will take long, from the time of the first run; empty if it will not."""

    look: Callable[[], AtWork] | None = None
    """Tells how far the workers are with the run; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a sweep is at one moment."""

    step: Step
    """What it does."""

    done: int
    """Runs that are done."""

    seconds: float
    """Seconds since it began."""

    seconds_left: float | None
    """Seconds that it still takes; None where nothing is known."""

    work: AtWork | None = None
    """How far the workers are with the run; None where that is not known."""

    rows: Sequence[Sequence[str]] = ()
    """Table of the runs so far, as `render.text.rows.table_rows` gives it; empty at first."""

    @property
    def total(self) -> int:
        """Runs that are done once all is done, at most."""
        return self.step.done + len(self.step.left)


def seconds_left(
    runs: Sequence[Run], left: Sequence[Setting], *, seconds: float, since: float
) -> float | None:
    """Return how long the runs that are left will take.

    Parameters
    ----------
    runs
        Those that are made.
    left
        Settings of those that are still to be made, the one in progress first.
    seconds
        Seconds from the start of the first run to the end of the last one that is made.
    since
        Seconds since then.

    Returns
    -------
    float or None
        From 0 up, in seconds; None as long as no run ended well.

    Notes
    -----
    A run takes the median of the runs with its setting. With one without any, the time
    a + b/workers is taken, with a and b >= 0 by least squares through the medians of the others, or
    the only median that there is. To each comes what went on around the runs so far (cleaning up,
    going to another setting), in equal parts. Of the run in progress what is expected to remain
    counts, and nothing once it takes longer than expected.
    """
    times: dict[Setting, list[float]] = {}
    for run in runs:
        if run.status == "ok":
            times.setdefault(run.setting, []).append(run.seconds)
    if not times:
        return None
    medians = {setting: median(values) for setting, values in times.items()}
    serial, shared = _fit(medians)
    around = max(0.0, seconds - sum(run.seconds for run in runs)) / len(runs)
    each = [medians.get(next_, serial + shared / max(1, next_.workers)) + around for next_ in left]
    return max(0.0, each[0] - since) + sum(each[1:]) if each else 0.0


def forecast(first: Run, left: Sequence[Setting]) -> str:
    """Return that a sweep will take longer than 10 minutes; empty if it will not.

    Parameters
    ----------
    first
        Its first run that ended well.
    left
        Settings of the runs that are still to be made.
    """
    seconds = first.seconds * len(left)
    if seconds <= LONG:
        return ""
    return (
        f"{plural(len(left), 'run')} to go after the first, which took"
        f" {format_seconds(first.seconds)}: all may take {format_whole_seconds(round(seconds))} (an"
        " interrupt keeps what is measured; fewer values or --repeats take less)"
    )


Notify = Callable[[Step], None]
"""Gets what is done next, before it is."""


class Teller:
    """Tells of each step of a sweep: whoever asked for it, or else, if it will be long, a line."""

    def __init__(self, notify: Notify | None) -> None:
        """Tell by this; None to write to standard error only that it will take long."""
        self._notify = notify
        self._forecast = ""

    def tell(self, step: Step, runs: Sequence[Run]) -> None:
        """Tell what is done next.

        Parameters
        ----------
        step
            What it is; its forecast is added.
        runs
            Those that are made.
        """
        finished = [run for run in runs if run.status == "ok"]
        if len(finished) == 1 and not self._forecast:
            self._forecast = forecast(finished[0], step.left)
            if self._forecast and self._notify is None:
                # Not by the logging module: dask keeps it silent while a cluster of its own runs.
                sys.stderr.write(f"sdprofile: {self._forecast}\n")
        if self._notify is not None:
            self._notify(replace(step, forecast=self._forecast))


def telling(notify: Notify | None, way: str, *, done: int) -> Callable[[int], None]:
    """Return what tells what is done with a worker count when all runs are made.

    Parameters
    ----------
    notify
        Gets the step; None for nobody.
    way
        What is done.
    done
        Runs that are done, after which nothing is left.
    """

    def tell(workers: int) -> None:
        if notify is not None:
            name = count_name(workers)
            notify(Step(name=name, repeat=0, repeats=0, done=done, left=(), way=way))

    return tell


def _fit(medians: dict[Setting, float]) -> tuple[float, float]:
    """Return a and b of the time a + b/workers, both >= 0."""
    # Without a cluster, all threads of the kernel: it tells nothing of a number of workers.
    inverses = [1 / max(1, setting.workers) for setting in medians]
    times = list(medians.values())
    middle, mean = fmean(inverses), fmean(times)
    spread = sum((x - middle) ** 2 for x in inverses)
    if not spread:
        return mean, 0.0
    shared = sum((x - middle) * (y - mean) for x, y in zip(inverses, times, strict=True)) / spread
    serial = mean - shared * middle
    # Where one of them would be below 0, the best with the other one alone.
    if shared < 0:
        return mean, 0.0
    if serial < 0:
        products = sum(x * y for x, y in zip(inverses, times, strict=True))
        return 0.0, products / sum(x * x for x in inverses)
    return serial, shared
