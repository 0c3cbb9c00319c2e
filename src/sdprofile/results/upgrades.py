"""What older sdprofiles wrote, brought to the newest format: one step for each change of it.

Each step takes the object of a profile as the file has it, and changes it in place. What is damaged
it leaves as it is, for whoever reads it to name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

_PLACES = {
    "setting": {
        "workers": "workers",
        "threads": "threads",
        "memory_limit": "memory_limit",
        "variables": "variables",
    },
    "memory": {
        "worker_peaks": "worker_peaks",
        "cluster_peak": "cluster_peak",
        "curves": "curves",
        "task_memory": "prefixes",
    },
    "work": {
        "tasks": "tasks",
        "spans": "spans",
        "cpu_seconds": "cpu_seconds",
        "spilled": "spilled",
    },
    "transfers": {"transferred": "nbytes"},
    "steps": {"steps": "calls", "repeated": "recomputed"},
    "data": {
        "elements": "elements",
        "finer_than_needed": "finer_than_needed",
        "lazy": "lazy",
    },
}
"""For each reading of a run: what its values were called when the run had them itself."""

_OF_CIRCUMSTANCES = {"memory": "swapped", "transfers": "gathered"}
"""For each reading: what of its values was in `circumstances`."""

_OF_FAILURE = ("workers", "repeat", "seconds", "memory_limit")
"""What a failure repeated of its run."""


def upgraded(profile: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the object of a profile as the newest format has it.

    Parameters
    ----------
    profile
        As a file has it; it is changed.
    number
        The file's format.
    """
    for step in STEPS[number - 1 :]:
        step(profile)
    return profile


def _pack_curves(profile: dict[str, Any]) -> None:
    """From format 1: amounts of a curve became differences; its seconds may stay as they are."""
    for run in _objects(profile, "runs"):
        for curve in _objects(run, "curves"):
            amounts = curve.pop("nbytes", None)
            whole = isinstance(amounts, list) and all(type(each) is int for each in amounts)
            curve["steps"] = (
                [one - other for one, other in zip(amounts, (0, *amounts), strict=False)]
                if whole
                else amounts
            )


def _name_what_was_varied(profile: dict[str, Any]) -> None:
    """From format 2: the runs of a profile came to differ in more than their workers."""
    for run in _objects(profile, "runs"):
        run.setdefault("variables", [])


def _predict(profile: dict[str, Any]) -> None:
    """From format 3: predictions came."""
    profile.setdefault("predictions", None)


def _part_readings(profile: dict[str, Any]) -> None:
    """From format 4: a run became a setting and readings, and a failure repeats nothing of it.

    What was predicted of measured counts was predicted from them, too, and so is no error.
    """
    if isinstance(predictions := profile.get("predictions"), dict):
        predictions["measured"] = []
    for run in _objects(profile, "runs"):
        readings = {
            reading: {new: run.pop(old) for old, new in values.items() if old in run}
            for reading, values in _PLACES.items()
        }
        around = run.get("circumstances")
        if isinstance(around, dict):
            for reading, name in _OF_CIRCUMSTANCES.items():
                if name in around:
                    readings[reading][name] = around.pop(name)
        run.update(readings)
        if "held" in run:
            run["throttled"] = run.pop("held")
        _rename(_objects(run["steps"], "calls"), "merged", "fused")
        for element in _objects(run["data"], "elements"):
            element.pop("held_bytes", None)
        status, failure = run.pop("status", "ok"), run.get("failure")
        if isinstance(failure, dict):
            run["failure"] = {k: value for k, value in failure.items() if k not in _OF_FAILURE}
        elif status != "ok" and failure is None:
            run["failure"] = {"status": status, "message": ""}


def _rename(objects: Iterable[dict[str, Any]], old: str, new: str) -> None:
    for each in objects:
        if old in each:
            each[new] = each.pop(old)


STEPS: tuple[Callable[[dict[str, Any]], None], ...] = (
    _pack_curves,
    _name_what_was_varied,
    _predict,
    _part_readings,
)
"""The first leads from format 1 to format 2, and so on."""


def _objects(parent: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = parent.get(name)
    return (
        (each for each in found if isinstance(each, dict)) if isinstance(found, list) else iter(())
    )
