"""What a replay predicts for other worker counts, in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.page.markup import NOTHING, Cell, Row, key, table
from sdprofile.render.page.picture import Picture
from sdprofile.render.text.predicted import prediction_rows, prediction_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdprofile.model.measured import Measured

_KEY = "Filled: measured (medians of the times, highest peaks); empty and dashed: predicted."


def predicted_view(profile: Measured, *, picture: Picture) -> Markup:
    """Return the table of predictions and their plot; empty if there are none."""
    rows = prediction_rows(profile)
    if not rows:
        return NOTHING

    def draw() -> Figure:
        from sdprofile.render.plots.predicted import predicted_plot

        return predicted_plot(profile)

    headers, *others = rows
    shown = table(
        [Cell(text=header) for header in headers],
        [Row(cells=[Cell(text=cell) for cell in row]) for row in others],
    )
    label = "time and peaks over worker counts, measured and predicted"
    title = prediction_title(profile)
    words = f"{title[0].upper()}{title[1:]}. {_KEY}"
    return shown + picture(draw, label=label) + key(words)
