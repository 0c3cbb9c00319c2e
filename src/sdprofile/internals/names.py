"""A name that a library keeps to itself: looked up here, and told of where it is missing."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sdprofile.model.notice import Notice

Kind = Literal[
    "import",
    "client",
    "comm",
    "cluster",
    "scheduler",
    "worker",
    "nanny",
    "process",
    "shell",
    "hook",
    "magics",
]

_LARGE = ("dask.array", "dask.dataframe", "matplotlib_inline.backend_inline")
"""Modules that are not imported only to look whether they have a name."""

_GONE = object()


@dataclass(frozen=True, kw_only=True)
class Name:
    """A private or undocumented name of a library, and what is left out without it."""

    of: str
    """Module, or module and class, that has it."""

    name: str
    """What it is called there."""

    without: str
    """What is left out where it is missing, as the end of a sentence."""

    kind: Kind = "import"
    """How to come by what has it: by an import, or which object of a running cluster it is."""

    common: bool = False
    """Whether it is a word that other objects use too, so that no test can tell whose it is."""

    @property
    def library(self) -> str:
        """Whose it is."""
        library = self.of.partition(".")[0]
        return "Python" if library in ("multiprocessing", "types") else library

    @property
    def shown(self) -> str:
        """Name with what has it, as users may look it up."""
        library = self.of.partition(".")[0]
        of = self.of if self.library == "Python" else self.of.removeprefix(f"{library}.")
        return f"{of}.{self.name}"

    def get(self, owner: object, otherwise: Any = None) -> Any:
        """Return what an object has under this name; every look-up goes through here."""
        return getattr(owner, self.name, otherwise)

    def set(self, owner: object, value: object) -> None:
        """Give an object something else under this name, if it has the name at all."""
        if self.get(owner, _GONE) is not _GONE:
            setattr(owner, self.name, value)

    def found(self, otherwise: Any = None) -> Any:
        """Return what is imported under this name."""
        owner = _imported(self.of)
        return otherwise if owner is None else self.get(owner, otherwise)

    def is_there(self, owner: object) -> bool:
        """Whether an object has the name."""
        return self.get(owner, _GONE) is not _GONE


@functools.cache  # asked for each task
def _imported(path: str) -> Any:
    """Return a module, or what is within one; None where there is none of this name."""
    module, _, name = path.rpartition(".")
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        owner = _imported(module) if module else None
    return getattr(owner, name, None)


def missing_imports(names: Iterable[Name]) -> tuple[Name, ...]:
    """Return those names of modules and classes that are missing; what is large is only looked up.

    Parameters
    ----------
    names
        Of any kind; those of running objects are passed over.
    """
    return tuple(
        each
        for each in names
        if each.kind == "import" and not _not_loaded(each) and each.found(_GONE) is _GONE
    )


def missing_of(owner: object, names: Iterable[Name], kind: Kind) -> tuple[Name, ...]:
    """Return those names of one kind that an object does not have; none where it is None."""
    if owner is None:
        return ()
    return tuple(each for each in names if each.kind == kind and not each.is_there(owner))


def _not_loaded(name: Name) -> bool:
    return any(name.of.startswith(each) and each not in sys.modules for each in _LARGE)


def missing_notices(
    missing: Iterable[Name], version: Callable[[str], str] = lambda library: ""
) -> tuple[Notice, ...]:
    """Return one notice for each feature that is left out.

    Parameters
    ----------
    missing
        Names, in any order, perhaps several of one feature.
    version
        Gives the version of a library, with a space before it; empty where it is not known.
    """
    features: dict[tuple[str, str], list[str]] = {}
    for each in missing:
        shown = features.setdefault((each.library, each.without), [])
        if each.shown not in shown:
            shown.append(each.shown)
    return tuple(
        Notice(
            fact=f"This {library}{version(library)} has no {' and no '.join(shown)}: {without}",
            advice=f"Look for a newer sdprofile, or take an older {library}",
        )
        for (library, without), shown in features.items()
    )
