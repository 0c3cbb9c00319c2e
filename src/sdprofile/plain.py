"""Profiles a function, and compares profiles, in plain Python, without IPython."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sdprofile.cluster.own import close_cluster
from sdprofile.cluster.session import find_client
from sdprofile.errors import SdprofileError, one_line
from sdprofile.interrupts import ignored
from sdprofile.measure.run import Work
from sdprofile.options.options import Options
from sdprofile.options.variations import named_values
from sdprofile.render.text.rows import parts_line
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile
from sdprofile.spatial.scope import scope_of
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep


def profile(
    work: Work,
    *,
    workers: tuple[int, ...] | str | None = None,
    oversubscribe: bool = False,
    memory: str | int | tuple[str | int, ...] | None = None,
    threads: int | tuple[int, ...] | None = None,
    vary: Mapping[str, Iterable[object]] | None = None,
    task_memory: Mapping[str, str | int] | str | None = None,
    predict: tuple[int, ...] | str | None = None,
    on: tuple[str, ...] | str = (),
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
        What to measure; called several times, without arguments but those of `vary`. It has to do
        the same each time.
    workers
        Worker counts, in the order in which they are first visited; by default 1, 2, 4 ... up to
        the CPUs.
    oversubscribe
        Start more workers than four for each CPU here, which are refused without it.
    memory
        Memory limit of each worker, ``"5GB"`` or bytes, or several to find the smallest that holds;
        by default an equal share of what is free.
    threads
        Threads of each worker, or several to compare; 1 by default.
    vary
        Names of arguments of `work`, each with the values that it is called with, one after
        another: ``{"chunk": (500, 1000)}``.
    task_memory
        What a task of a prefix needs, ``{"add": "3GB"}``: as many run side by side on a worker as
        fit into its limit.
    predict
        Worker counts of which to tell, by a replay of the tasks, what they would take; see
        `Profile.predictions`.
    on
        Names, addresses or hosts of workers of the session's cluster: it runs on these only.
    repeats
        Runs at each count, limit, number of threads and value.
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
    started, and closed at the end. What `work` and its tasks print comes from every run, as they
    print it.
    """
    values = _values(work, vary or {})
    options = Options(
        workers=workers,  # type: ignore[arg-type] # Options reads what people write
        oversubscribe=oversubscribe,
        memory=memory,  # type: ignore[arg-type]
        threads=threads,  # type: ignore[arg-type]
        vary=tuple((each, tuple(texts)) for each, texts in values.items()),
        task_memory=task_memory or (),  # type: ignore[arg-type]
        predict=predict,  # type: ignore[arg-type]
        on=on,  # type: ignore[arg-type]
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
    return _run(_subject(work, values), options)[0]


def _subject(work: Work, values: Mapping[str, Mapping[str, object]]) -> Subject:
    name = getattr(work, "__qualname__", repr(work))
    return Subject(work=work, code=name, scope=scope_of(work), values=values)


def _run(
    subject: Subject, options: Options, rival: Subject | None = None
) -> tuple[Profile, Profile | None]:
    """Run a sweep to its end, and close the cluster if the sweep has started it."""
    sweep = Sweep(subject, options, rival=rival)
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
    return sweep.keep(), sweep.rival_profile()


def _values(work: Work, vary: Mapping[str, Iterable[object]]) -> dict[str, dict[str, object]]:
    values = named_values(vary)
    with contextlib.suppress(ValueError):  # of what Python knows no arguments
        takes = inspect.signature(work)
        try:
            takes.bind(**dict.fromkeys(values))
        except TypeError as error:
            raise SdprofileError(
                f"vary: expected the arguments that the function takes, got"
                f" {', '.join(values) or 'none'} for {takes} ({error})"
            ) from error
    return values


def compare(
    before: Profile | str | Path | Work,
    after: Profile | str | Path | Work,
    *,
    names: tuple[str, str] = ("before", "after"),
    **options: Any,
) -> Comparison:
    """Hold one profile against another, for each worker count that both have.

    Parameters
    ----------
    before, after
        Profiles, or files that `Profile.save` wrote, or functions that are profiled now: two of
        them take turns, one run against one.
    names
        What to call them.
    options
        Of `profile`, for functions.

    Returns
    -------
    Comparison
        `str` gives a text, a notebook shows tables and a plot, `to_frame()` is a pandas table.

    Raises
    ------
    SdprofileError
        If a file cannot be read or is no profile, if more than the workers was varied in one, or
        if there are options and no function.
    """
    one, other = _profiles(before, after, options)
    for name, each in zip(names, (one, other), strict=True):
        if each.is_grid:
            raise SdprofileError(
                f"{name}: expected a profile in which only the workers were varied, got"
                f" {len(each.parts)} of such (compare its parts; {parts_line(each)})"
            )
    return Comparison(names=names, before=one, after=other)


def _profiles(
    before: Profile | str | Path | Work,
    after: Profile | str | Path | Work,
    options: dict[str, Any],
) -> tuple[Profile, Profile]:
    if callable(before) and callable(after):
        asked = Options(**options)
        if asked.is_grid:
            raise SdprofileError(
                "expected one limit, one number of threads and no vary, got several"
                " (profile each function, and compare the parts of the profiles)"
            )
        now, rival = _run(_subject(after, {}), asked, _subject(before, {}))
        if rival is None:  # which has not run where the other ended badly
            rival = _run(_subject(before, {}), asked)[0]
        return rival, now
    if options and not (callable(before) or callable(after)):
        raise SdprofileError(f"expected a function to profile, got {', '.join(options)} for none")
    one, other = (_profile_of(each, options) for each in (before, after))
    return one, other


def _profile_of(given: Profile | str | Path | Work, options: dict[str, Any]) -> Profile:
    from sdprofile.results.profile import load

    if isinstance(given, Profile):
        return given
    return profile(given, **options) if callable(given) else load(given)
