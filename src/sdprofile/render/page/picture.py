"""A figure in a page: as SVG where the page gives it its colours, as PNG where it may not."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from markupsafe import Markup

from sdprofile.render.page.markup import write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# matplotlib is slow to import, and a page without plots does without.

_CSS_DPI = 100
"""Dots per inch of a page."""

_FEW_COLOURS = 32
"""Colours of a picture within a page, where the size of the file counts for more."""


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
    png, width, height = draw_png(draw, dpi=dpi, colours=_FEW_COLOURS)
    data = base64.b64encode(png).decode("ascii")
    return write("png", data, width, height, label)


def draw_png(
    draw: Callable[[], Figure], *, dpi: int = 200, colours: int = 64
) -> tuple[bytes, int, int]:
    """Return a figure as a picture for a notebook.

    Parameters
    ----------
    draw
        Makes the figure.
    dpi
        Dots per inch; 200 is sharp on screens with two device pixels per CSS pixel.
    colours
        How many the palette has.

    Returns
    -------
    png, width, height : bytes, int, int
        An opaque picture; the width and height at which to show it, in CSS pixels.
    """
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    # The user's own style, a dark one for instance, would not go with the white ground.
    with matplotlib.style.context("default"):
        figure = draw()
        figure.set(dpi=dpi, facecolor="white")
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    # A palette makes the file a third as large, and the picture looks the same. By coverage: the
    # default takes a colour with few pixels, as a curve has, for a neighbour of others.
    image = drawn.convert("RGB").quantize(
        colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    packed = io.BytesIO()
    image.save(packed, format="png", optimize=True)
    return (
        packed.getvalue(),
        image.width * _CSS_DPI // dpi,
        image.height * _CSS_DPI // dpi,
    )
