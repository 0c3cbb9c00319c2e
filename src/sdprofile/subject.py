"""What is run again and again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from sdprofile.extras.scope import Scope

Around = Callable[[], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A cell, or a function."""

    work: Callable[[], object]
    """What is measured."""

    code: str
    """How to show it."""

    scope: Scope | None = None
    """The names that it uses; None where they are not known."""

    around: Around = contextlib.nullcontext
    """Gives a context that is entered before each run and left after it, outside the clock."""
