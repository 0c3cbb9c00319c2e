"""Profiles in files: JSON with a format number, written whole or not at all.

What is in a file:

========== =============================================================================
format     `FORMAT`; what an older sdprofile wrote is read too, what a newer one wrote is not
sdprofile  the version that wrote it
advice     `Profile.advice` and
notices    `Profile.notices`, for readers; `read` makes both anew from what was measured
profile    the `Profile`: each dataclass an object whose keys are its fields, tuples as lists
========== =============================================================================

A memory curve has, instead of `seconds` and `nbytes`, the differences from one sample to the next:
`ticks` in 0.1 ms and `steps` in bytes, the first from 0. (`seconds` stays where a time is no whole
number of ticks. Where `thresholds` is missing, they were dask's own.) Arrays, and the tasks of a
run, are as `sdprofile.results.packed` has them. How older formats differ is in
`sdprofile.results.upgrades`.
"""

from __future__ import annotations

import functools
import json
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_origin

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_structure_fn

from sdprofile.errors import SdprofileError
from sdprofile.explain.explained import Explained
from sdprofile.model.memory import Curve
from sdprofile.model.trace import Real, Trace, Whole
from sdprofile.output_files import reason, write_whole
from sdprofile.results.packed import as_it_was, close_by, packed, unpacked
from sdprofile.results.upgrades import STEPS, upgraded

FORMAT = 1 + len(STEPS)
"""Number of the format that `save` writes, and the newest that `read` reads."""

_TICKS = 10_000
"""Ticks in a second; samples have their times to 0.1 ms."""

_EXPECTED = "expected an sdprofile profile, got"

_Hook = Callable[[Any, Any], Any]

Kept = TypeVar("Kept", bound=Explained)


def save(profile: Explained, path: str | Path) -> None:
    """Write a profile to a file, which `read` reads.

    Parameters
    ----------
    profile
        What was measured.
    path
        Where to write; a file that is there is replaced once the new one is complete.

    Raises
    ------
    SdprofileError
        If the file cannot be written there.
    """
    document = {
        "format": FORMAT,
        "sdprofile": _version(),
        "advice": profile.advice,
        "notices": [[notice.fact, notice.advice] for notice in profile.notices],
        "profile": _converter().unstructure(profile),
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    write_whole(path, text.encode("ascii"))


def read(path: str | Path, kind: type[Kept]) -> Kept:
    """Read a profile that was saved.

    Parameters
    ----------
    path
        A file that `save` wrote.
    kind
        What to return it as.

    Returns
    -------
    Kept
        Equal to the one that was saved. Nothing that the file holds is executed.

    Raises
    ------
    SdprofileError
        If the file cannot be read, is not a saved profile, is damaged, or was written by a newer
        sdprofile in a format that this one does not know.
    """
    try:
        document = json.loads(Path(path).expanduser().read_bytes(), parse_constant=_refuse_constant)
    except OSError as error:
        raise SdprofileError(f"{path}: {_EXPECTED} {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise SdprofileError(f"{path}: {_EXPECTED} what is not JSON") from error
    if not _is_document(document):
        raise SdprofileError(f"{path}: {_EXPECTED} other JSON")
    number = document["format"]
    if type(number) is not int or number < 1:
        raise SdprofileError(f"{path}: {_EXPECTED} format {number!r}")
    if number > FORMAT:
        raise SdprofileError(
            f"{path}: expected format {FORMAT}, got {number}, written by sdprofile"
            f" {document['sdprofile']!r} (update sdprofile)"
        )
    try:
        profile = _converter().structure(upgraded(document["profile"], number), kind)
    except BaseValidationError as error:
        raise SdprofileError(f"{path}: {_EXPECTED} {_damage(error)}") from error
    if contradiction := _contradiction(profile):
        raise SdprofileError(f"{path}: {_EXPECTED} {contradiction}")
    return profile


def _is_document(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and {"format", "sdprofile"} <= set(document)
        and isinstance(document.get("profile"), dict)
    )


@functools.cache
def _converter() -> Converter:
    converter = Converter()
    # By itself cattrs makes 3 of "3" and of 3.7, "None" of None, and ("a", "b") of "ab".
    for kind, accepted in ((int, int), (float, (int, float)), (str, str), (bool, bool)):
        converter.register_structure_hook(kind, _exactly(accepted))
    converter.register_structure_hook_factory(
        is_dataclass, lambda kind: _only(dict, make_dict_structure_fn(kind, converter))
    )
    converter.register_structure_hook_factory(
        _is_tuple, lambda kind: _only(list, _tuple_hook(kind, converter))
    )
    as_it_is = converter.get_structure_hook(Curve)
    converter.register_structure_hook(Curve, lambda value, kind: as_it_is(_unpacked(value), kind))
    converter.register_unstructure_hook(Curve, _packed)
    for numbers, real in ((Whole, False), (Real, True)):
        ours = functools.partial(operator.is_, numbers)
        converter.register_unstructure_hook_func(ours, packed)
        converter.register_structure_hook_func(ours, _array_hook(real=real))
    of_trace = converter.get_unstructure_hook(Trace)
    into_trace = converter.get_structure_hook(Trace)
    converter.register_unstructure_hook(Trace, lambda trace: of_trace(close_by(trace)))
    converter.register_structure_hook(Trace, lambda value, kind: as_it_was(into_trace(value, kind)))
    return converter


def _packed(curve: Curve) -> dict[str, Any]:
    """Return a curve with the differences from one sample to the next."""
    ticks = [round(each * _TICKS) for each in curve.seconds]
    whole = all(tick / _TICKS == each for tick, each in zip(ticks, curve.seconds, strict=True))
    return {
        "source": curve.source,
        "worker": curve.worker,
        "measure": curve.measure,
        **({"ticks": _differences(ticks)} if whole else {"seconds": list(curve.seconds)}),
        "steps": _differences(curve.nbytes),
    }


def _unpacked(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    value = dict(value)
    if "ticks" in value:
        value["seconds"] = [tick / _TICKS for tick in _sums("ticks", value.pop("ticks"))]
    if "steps" in value:
        value["nbytes"] = _sums("steps", value.pop("steps"))
    return value


def _differences(numbers: Sequence[int]) -> list[int]:
    return [one - other for one, other in zip(numbers, (0, *numbers), strict=False)]


def _sums(name: str, differences: Any) -> list[int]:
    if not isinstance(differences, list) or set(map(type, differences)) - {int}:
        raise TypeError(f"other than whole numbers as {name}")
    return list(accumulate(differences))


def _exactly(accepted: type | tuple[type, ...]) -> _Hook:
    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number without end")
        return kind(value)

    return hook


def _only(accepted: type, structure: _Hook) -> _Hook:
    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, accepted):
            raise TypeError(f"{type(value).__name__} instead of {accepted.__name__}")
        return structure(value, kind)

    return hook


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _array_hook(*, real: bool) -> _Hook:
    return lambda value, _: unpacked(value, real=real)


def _tuple_hook(kind: Any, converter: Converter) -> _Hook:
    kinds = get_args(kind)
    if kinds[-1] is Ellipsis:
        items = list[kinds[0]]  # type: ignore[valid-type]  # known at run time only
        structure = converter.get_structure_hook(items)
        return lambda value, _: tuple(structure(value, items))
    hooks = [(converter.get_structure_hook(each), each) for each in kinds]

    def structure_each(value: Any, _: Any) -> tuple[Any, ...]:
        if len(value) != len(hooks):
            raise ValueError(f"{len(value)} values instead of {len(hooks)}")
        return tuple(hook(item, each) for (hook, each), item in zip(hooks, value, strict=True))

    return structure_each


def _contradiction(profile: Explained) -> str:
    """Return what no profile can say although each of its values is of the right kind."""
    for run in profile.runs:
        if run.workers < 0:
            return f"a run on {run.workers} workers"
        if run.setting.threads < 1:
            return f"workers with {run.setting.threads} threads"
        if any(len(curve.seconds) != len(curve.nbytes) for curve in run.memory.curves):
            return "a memory curve with unequal numbers of times and amounts"
    return ""


def _damage(error: BaseValidationError) -> str:
    """Return the first thing that is wrong, and where, in one line."""
    first = transform_error(error, path="profile", format_exception=_in_words)[0]
    return first.replace(" @ ", " at ")


def _in_words(error: BaseException, _kind: type | None) -> str:
    return "nothing" if isinstance(error, KeyError) else str(error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _version() -> str:
    try:
        return version("sdprofile")
    except PackageNotFoundError:
        # Run from a source tree that is not installed.
        return "unknown"
