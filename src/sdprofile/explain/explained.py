"""What was measured, together with what it means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sdprofile.explain.advice import make_advice, recommended
from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import Found
from sdprofile.explain.grid import grid_advice, grid_notices
from sdprofile.explain.notices.every import make_notices
from sdprofile.explain.recommend import make_candidates
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
    def causes(self) -> tuple[Found, ...]:
        """What holds the cell back, that whose change gains most first.

        It is looked for at the count to use and at the largest that finished. Of a grid there is
        none: see those of its `parts`.
        """
        found = None if self.is_grid else recommended(self, make_candidates(self.counts))
        if found is None:
            return ()
        chosen = found[0].count
        largest = [count for count in self.counts if count.timing is not None][-1]
        return find_causes(self, [chosen] if chosen is largest else [chosen, largest])

    @cached_property
    def advice(self) -> str:
        """The count and memory to use, and what holds it back; empty where nothing could tell."""
        return grid_advice(self) if self.is_grid else make_advice(self, self.causes)
