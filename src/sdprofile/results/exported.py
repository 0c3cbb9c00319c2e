"""What profiles and comparisons have in common: they can be written for other programs to read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Exported(ABC):
    """Something with a table, a text and a plot."""

    @abstractmethod
    def _csv_frame(self) -> pd.DataFrame:
        """Return the table that a CSV file holds."""

    @abstractmethod
    def to_markdown(self) -> str:
        """Return the table, and what is to be said of it, in Markdown, for a pull request."""

    @abstractmethod
    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw memory over time."""

    def _other_files(self) -> Mapping[str, Callable[[], bytes]]:
        """Return what makes the files of further endings, which not both of them have."""
        return {}

    def export(self, path: str | Path) -> None:
        """Write the table or the plot to a file, by the ending of its name.

        Parameters
        ----------
        path
            ``.csv`` for the table of worker counts, ``.md`` for `to_markdown()`, ``.svg``, ``.png``
            or ``.pdf`` for `plot()`, fit for print. Of a profile also ``.trace.json`` for the tasks
            of each worker count over time, which https://ui.perfetto.dev and ``chrome://tracing``
            show, and ``.speedscope.json`` for `calls()`, which https://www.speedscope.app shows.

        Raises
        ------
        SdprofileError
            If it ends otherwise, or cannot be written.
        """
        from sdprofile.render.text.export import export

        export(
            path,
            frame=self._csv_frame,
            markdown=self.to_markdown,
            figure=self.plot,
            others=self._other_files(),
        )
