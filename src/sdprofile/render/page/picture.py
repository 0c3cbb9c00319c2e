"""A figure in a page: as SVG where the page gives it its colours, as PNG where it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# matplotlib is slow to import, and a page without plots does without.


class Picture(Protocol):
    """Makes HTML of a figure."""

    def __call__(self, draw: Callable[[], Figure], /, *, label: str) -> Markup:
        """Return the figure that `draw` makes; `label` is for those who do not see it."""


def svg_picture(draw: Callable[[], Figure], /, *, label: str) -> Markup:
    """Return a figure in the page's own colours, with classes for style rules."""
    from sdprofile.render.page.svg import page_svg

    return Markup(page_svg(draw, label=label))  # noqa: S704 - escaped by ElementTree


def png_picture(draw: Callable[[], Figure], /, *, label: str, dpi: int) -> Markup:
    """Return a figure in black on white, which also viewers show that take SVG out of pages."""
    from sdprofile.render.page.png import page_png

    return page_png(draw, label=label, dpi=dpi)
