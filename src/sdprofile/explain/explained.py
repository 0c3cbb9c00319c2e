"""What was measured, together with what it means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sdprofile.explain.advice import make_advice
from sdprofile.explain.grid import grid_advice, grid_notices
from sdprofile.explain.notices.every import make_notices
from sdprofile.model.measured import Measured
from sdprofile.model.notice import Notice


@dataclass(frozen=True, kw_only=True)
class Explained(Measured):
    """What was measured and what it means: what a view shows."""

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """Facts that make a number doubtful, or that explain it, each with advice."""
        found = grid_notices(self) if self.is_grid else make_notices(self)
        return tuple(sorted((*self.remarks, *found), key=lambda notice: not notice.leading))

    @cached_property
    def advice(self) -> str:
        """The count to use and why, and the memory to give it; empty where nothing could tell."""
        return grid_advice(self) if self.is_grid else make_advice(self)
