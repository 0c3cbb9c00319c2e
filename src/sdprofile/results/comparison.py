"""What the user holds of a comparison: two profiles side by side, as table, plot and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdprofile.explain.comparison import Compared
from sdprofile.results.exported import Exported
from sdprofile.results.profile import Profile

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Comparison(Compared, Exported):
    """Two profiles side by side."""

    before: Profile
    """The one that the other is held against."""

    after: Profile
    """The other."""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per worker count that both have.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `before_seconds` and `after_seconds` (medians), `speedup` (the one
            over the other), `speedup_low` and `speedup_high` (by the runs that lie closest and
            farthest), `verdict` (see `sdprofile.explain.verdict`), `before_peak_bytes` and
            `after_peak_bytes` (of the fullest worker), `peak_ratio`, `tasks_ratio` (later over
            earlier). What is not known is `NA`.
        """
        from sdprofile.results.frames import comparison_frame

        return comparison_frame(self)

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw time and peak memory, before left and after right, a line for each worker count.

        Parameters
        ----------
        ax
            Where to draw the times alone; a new figure by default.

        Returns
        -------
        matplotlib.figure.Figure
            The figure drawn in; it is not shown.
        """
        from sdprofile.render.plots.slope import slope_plot

        return slope_plot(self, ax=ax)

    def to_markdown(self) -> str:
        """Return the tables in Markdown, for a pull request."""
        from sdprofile.render.text.export import comparison_markdown

        return comparison_markdown(self)

    def _csv_frame(self) -> pd.DataFrame:
        """Return `to_frame()`, which a CSV file holds."""
        return self.to_frame()

    def __str__(self) -> str:
        from sdprofile.render.text.comparison import comparison_report

        return comparison_report(self)

    def _repr_mimebundle_(
        self, include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
    ) -> dict[str, Any]:
        from sdprofile.render.page.comparison import comparison_page

        return {"text/plain": str(self), "text/html": comparison_page(self, with_plot=True)}
