"""Profiles a function, and compares profiles, in plain Python, without IPython."""

from __future__ import annotations

from pathlib import Path

from sdprofile.cluster.own import close_cluster
from sdprofile.cluster.session import find_client
from sdprofile.errors import one_line
from sdprofile.extras.scope import scope_of
from sdprofile.interrupts import ignored
from sdprofile.measure.run import Work
from sdprofile.model.comparison import Comparison
from sdprofile.model.profile import Profile
from sdprofile.options import Options
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep


def profile(
    work: Work,
    *,
    workers: tuple[int, ...] | str | None = None,
    memory: str | int | None = None,
    threads: int | None = None,
    repeats: int = 3,
    order: str | None = None,
    timeout: float | None = None,
    compute: bool | str | None = None,
    steps: str = "auto",
    no_fuse: bool = False,
    secure: bool = False,
    report: str | None = None,
    save: str | None = None,
) -> Profile:
    """Run a function on several worker counts and return what it took.

    Parameters
    ----------
    work
        What to measure; called without arguments, several times. It has to do the same each time.
    workers
        Worker counts, in the order in which they are first visited; by default 1, 2, 4 ... up to
        the CPUs.
    memory
        Memory limit of each worker, ``"5GB"`` or bytes; by default an equal share of what is free.
    threads
        Threads of each worker; 1 by default.
    repeats
        Runs at each count.
    order
        ``"rounds"`` or ``"grouped"``; see `sdprofile.order.next_visit`.
    timeout
        Seconds after which a run is given up.
    compute
        Compute what is lazy in what `work` returns as part of the run: True or ``"discard"`` drops
        each block as it is made, ``"persist"`` keeps them on the workers until all are.
    steps
        ``"auto"`` makes steps of the calls of spatialdata's functions, where it is loaded;
        ``"off"`` of none.
    no_fuse
        Keep dask from fusing tasks.
    secure
        Keep other users of this machine out of the cluster that is started, by TLS.
    report
        Where to write dask's performance report; the worker count is added to the name.
    save
        The file to which the profile is written, after every run anew; `sdprofile.load` reads it.

    Returns
    -------
    Profile
        All runs. A worker that is killed for memory ends its count, not the profile.

    Raises
    ------
    SdprofileError
        If an option does not fit, or the cluster cannot be brought to a worker count.
    Exception
        What `work` raises.

    Notes
    -----
    A dask client of the session is borrowed and given back as it was. Otherwise a `LocalCluster` is
    started, and closed at the end.
    """
    options = Options(
        workers=workers,  # type: ignore[arg-type] # Options reads what people write
        memory=memory,  # type: ignore[arg-type]
        threads=threads,
        repeats=repeats,
        order=order,
        timeout=timeout,
        compute=compute,  # type: ignore[arg-type]
        steps=steps,
        no_fuse=no_fuse,
        secure=secure,
        report=report,
        save=save,
    )
    name = getattr(work, "__qualname__", repr(work))
    sweep = Sweep(Subject(work=work, code=name, scope=scope_of(work)), options)
    found = find_client()
    try:
        for _ in sweep:
            pass
    except BaseException as error:
        if sweep.runs:
            with ignored():
                sweep.keep(stopped=one_line(error))
        raise
    finally:
        if found is None:
            with ignored():
                close_cluster()
    return sweep.keep()


def compare(
    before: Profile | str | Path,
    after: Profile | str | Path,
    *,
    names: tuple[str, str] = ("before", "after"),
) -> Comparison:
    """Hold one profile against another, for each worker count that both have.

    Parameters
    ----------
    before, after
        Profiles, or files that `Profile.save` wrote.
    names
        What to call them.

    Returns
    -------
    Comparison
        `str` gives a text, a notebook shows tables and a plot, `to_frame()` is a pandas table.

    Raises
    ------
    SdprofileError
        If a file cannot be read, or is no profile.
    """
    from sdprofile.storage import load

    one, other = (each if isinstance(each, Profile) else load(each) for each in (before, after))
    return Comparison(names=names, before=one, after=other)
