"""The work of a run under its clock, and what it leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from sdprofile.measure.clock import Clock
from sdprofile.model.elements import Data
from sdprofile.model.lazy import LazyValue
from sdprofile.plan import Plan
from sdprofile.spatial.elements import Elements
from sdprofile.spatial.lazy import compute_lazy, describe
from sdprofile.spatial.partitioned import partitioned
from sdprofile.spatial.scope import Scope

Work = Callable[[], object]


class TimedWork:
    """The work of one run: it is timed, then what is lazy of its value and its elements is seen."""

    def __init__(self, work: Work, plan: Plan, clock: Clock, *, scope: Scope | None) -> None:
        """Prepare.

        Parameters
        ----------
        work
            What is measured.
        plan
            Whether what is lazy is computed, and whether elements are looked at.
        clock
            Runs while the work does.
        scope
            The names that the work uses; None where they are not known.
        """
        self._work, self._plan, self._clock, self._scope = work, plan, clock, scope
        self._value: object = None
        self._lazy: LazyValue | None = None
        self._elements: Elements | None = None

    def run(self) -> None:
        """Do the work; what it raises is raised."""
        ours = os.getpid()
        try:
            with self._clock:
                self._value = self._work()
                if self._plan.compute is not None:
                    compute_lazy(self._value, how=self._plan.compute)
        finally:
            if os.getpid() != ours:
                os._exit(0)  # a copy that the cell has forked must not go on as if it were us

    def look(self) -> None:
        """See what it left, and let its value go."""
        value, self._value = self._value, None
        self._lazy = describe(value)
        self._elements = Elements(self._scope, value) if self._plan.steps else None

    def data(self, layers: set[str] | None) -> Data:
        """Return what was worked on.

        Parameters
        ----------
        layers
            The layers whose tasks were sent; None where none were, or they are not known.
        """
        found = Data(lazy=self._lazy)
        if self._elements is not None:
            found = self._elements.reading(layers, lazy=self._lazy)
        return replace(
            found, partitioned=partitioned(self._scope) if self._scope is not None else ()
        )
