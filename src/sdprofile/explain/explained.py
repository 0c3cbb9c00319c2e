"""What was measured, together with what it means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sdprofile.explain.advice import make_answer
from sdprofile.explain.answer import Answer
from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import Found
from sdprofile.explain.causes.kernel import WORKS_ITSELF
from sdprofile.explain.grid import grid_answer, grid_choice, grid_notices
from sdprofile.explain.notices.every import make_notices
from sdprofile.explain.recommend import Recommendation, recommend
from sdprofile.model.measured import Measured, traced
from sdprofile.model.notice import Notice
from sdprofile.model.run import CountSummary, Run


@dataclass(frozen=True, kw_only=True)
class Explained(Measured):
    """What was measured and what it means: what a view shows."""

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """Facts that make a number doubtful, or that explain it, each with advice.

        Among them are the causes that hold the cell back, but for the one in `answer`.
        """
        found = grid_notices(self) if self.is_grid else make_notices(self)
        causes = [cause.notice for cause in self._untold[1:]]
        every = (*self.remarks, *causes, *found)
        return tuple(sorted(every, key=lambda notice: not notice.leading))

    @cached_property
    def causes(self) -> tuple[Found, ...]:
        """What holds the cell back, that whose change gains most first.

        It is looked for at the count to use and at the largest that finished; where no cluster is
        needed, without a cluster only. Of a grid there is none: see those of its `parts`.
        """
        if self._recommendation is None:
            return ()
        chosen = self._recommendation.chosen.count
        largest = self._recommendation.candidates[-1].count
        alone = chosen is largest or not chosen.workers
        return find_causes(self, [chosen] if alone else [chosen, largest])

    @property
    def advice(self) -> str:
        """The count and memory to use, and what holds it back; empty where nothing could tell."""
        return self.answer.text

    @cached_property
    def answer(self) -> Answer:
        """The same in its parts, as a report shows it."""
        if self.is_grid:
            return grid_answer(self)
        return make_answer(self, self._recommendation, causes=self._untold)

    @cached_property
    def chosen(self) -> CountSummary | None:
        """The worker count to use, of a grid the setting; None where nothing could tell."""
        if self.is_grid:
            choice = grid_choice(self)
            return None if choice is None else choice.count
        return None if self._recommendation is None else self._recommendation.chosen.count

    @property
    def shown_run(self) -> Run | None:
        """The run that stands for all where one is shown: of the count to use, if there is one."""
        chosen = [] if self.chosen is None else [self.chosen]
        runs = (traced(count.runs) for count in (*chosen, *reversed(self.counts)))
        return next((run for run in runs if run is not None and run.trace), None)

    @cached_property
    def _recommendation(self) -> Recommendation | None:
        return None if self.is_grid else recommend(self)

    @property
    def _untold(self) -> tuple[Found, ...]:
        """The causes that no sentence about the count tells of."""
        found = self._recommendation
        told = WORKS_ITSELF if found is not None and found.kernel is not None else ""
        return tuple(cause for cause in self.causes if cause.name != told)
