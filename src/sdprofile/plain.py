"""Profiles a function, and compares profiles, in plain Python, without IPython."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import platform
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from sdprofile.cluster.own import close_cluster
from sdprofile.cluster.session import find_client
from sdprofile.errors import SdprofileError, one_line
from sdprofile.interrupts import ignored
from sdprofile.measure.machine import this_machine, versions
from sdprofile.measure.work import Work
from sdprofile.options.options import Options
from sdprofile.options.variations import named_values
from sdprofile.render.text.rows import parts_line
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile
from sdprofile.spatial.scope import scope_of
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep
from sdprofile.units import format_bytes, plural

_BESIDE = (
    *("pandas", "xarray", "bokeh", "matplotlib", "psutil", "ipywidgets", "ipykernel"),
    *("jupyterlab", "notebook", "dask-jobqueue"),
)
"""Packages that a report of a fault should tell of, too, if they are installed."""


def profile(work: Work, **asked: Any) -> Profile:  # noqa: D103 - see below
    asked = _known(asked)
    values = _values(work, asked.pop("vary", {}))
    vary = tuple((each, tuple(texts)) for each, texts in values.items())
    return run_subject(_subject(work, values), Options(vary=vary, **asked))[0]


profile.__doc__ = f"""Run a function on several worker counts and return what it took.

Parameters
----------
work
    What to measure; called several times, without arguments but those of `vary`. It has to do the
    same each time. A coroutine function is run by `asyncio.run`.
{Options.parameters()}

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
profile.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # as PEP 362 has it
    [
        inspect.Parameter("work", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation="Work"),
        *Options.signature(),
    ],
    return_annotation="Profile",
)


def _known(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given; an unknown one is the TypeError that Python raises."""
    inspect.Signature(Options.signature()).bind(**asked)
    return {name: value for name, value in asked.items() if value is not None}


def _subject(work: Work, values: Mapping[str, Mapping[str, object]]) -> Subject:
    _check_no_loop(work)
    name = getattr(work, "__qualname__", repr(work))
    run = functools.partial(_await, work) if inspect.iscoroutinefunction(work) else work
    return Subject(work=run, code=name, scope=scope_of(work), values=values)


def _await(work: Callable[..., Coroutine[Any, Any, object]], **values: object) -> object:
    return asyncio.run(work(**values))


def _check_no_loop(work: Work) -> None:
    """Check that a coroutine function can be run here.

    Raises
    ------
    SdprofileError
        If a loop runs in this thread, as in a notebook.
    """
    if not inspect.iscoroutinefunction(work):
        return
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise SdprofileError(
            "expected a coroutine function where no event loop runs, got one inside of one"
            " (in a notebook write %%sdprofile, and await it in the cell)"
        )


def run_subject(
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


def show_versions(to: TextIO | None = None) -> None:
    """Print what a report of a fault should tell of this installation.

    Parameters
    ----------
    to
        Where to; standard output by default.

    Notes
    -----
    Versions of Python and of the packages that matter, the system, and what workers may use of it.
    """
    machine = this_machine()
    memory = format_bytes(machine.memory, decimal=False)
    told = [
        *versions(more=_BESIDE),
        ("system", platform.platform()),
        ("machine", f"{plural(machine.cpus, 'CPU')}, {memory} ({machine.bounded_by})"),
    ]
    width = max(len(name) for name, _ in told)
    lines = [f"{name:{width}}  {value}" for name, value in told]
    (to or sys.stdout).write("\n".join(lines) + "\n")


def _profiles(
    before: Profile | str | Path | Work,
    after: Profile | str | Path | Work,
    options: dict[str, Any],
) -> tuple[Profile, Profile]:
    if callable(before) and callable(after):
        asked = Options(**_known(options))
        if asked.is_grid:
            raise SdprofileError(
                "expected one limit, one number of threads and no vary, got several"
                " (profile each function, and compare the parts of the profiles)"
            )
        now, rival = run_subject(_subject(after, {}), asked, _subject(before, {}))
        if rival is None:  # which has not run where the other ended badly
            rival = run_subject(_subject(before, {}), asked)[0]
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
