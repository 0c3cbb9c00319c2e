"""A figure in a page: as SVG where the page gives it its colours, as PNG where it may not."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from markupsafe import Markup

from sdprofile.render.page.markup import write

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure

# matplotlib is slow to import, and a page without plots does without.

_CSS_DPI = 100
"""Dots per inch of a page."""

_COLOURS, _OPACITIES = 28, 5
"""Colours of a picture, and in how many opacities each: together with none a palette of 141."""

_INK = "#7A7A7A"
"""Colour of words and lines: 4.3:1 on white, 4.4:1 on #111."""


class Picture(Protocol):
    """Makes HTML of a figure."""

    def __call__(self, draw: Callable[[], Figure], /, *, label: str) -> Markup:
        """Return the figure that `draw` makes; `label` is for those who do not see it."""


def svg_picture(draw: Callable[[], Figure], /, *, label: str) -> Markup:
    """Return a figure in the page's own colours, with classes for style rules."""
    from sdprofile.render.page.svg import page_svg

    return Markup(page_svg(draw, label=label))  # noqa: S704 - escaped by ElementTree


def png_picture(draw: Callable[[], Figure], /, *, label: str, dpi: int) -> Markup:
    """Return a figure as a picture, which also viewers show that take SVG out of pages."""
    png, width, height = draw_png(draw, dpi=dpi)
    data = base64.b64encode(png).decode("ascii")
    return write("png", data, width, height, label)


def draw_png(draw: Callable[[], Figure], *, dpi: int = 200) -> tuple[bytes, int, int]:
    """Return a figure as a picture for a notebook.

    Parameters
    ----------
    draw
        Makes the figure.
    dpi
        Dots per inch; 200 is sharp on screens with two device pixels per CSS pixel.

    Returns
    -------
    png, width, height : bytes, int, int
        A picture without a ground, in an ink that can be read on white and on black; the width and
        height at which to show it, in CSS pixels.
    """
    import matplotlib as mpl
    import matplotlib.style
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    from sdprofile.render.page.svg import in_ink

    # The user's own style would not go with every ground.
    with matplotlib.style.context("default"), mpl.rc_context(in_ink(_INK)):
        figure = draw()
        figure.set(dpi=dpi, facecolor="none")
        for ax in figure.axes:
            ax.patch.set_visible(False)
        for text in figure.findobj(Text):
            text.set_path_effects([])
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = np.asarray(canvas.buffer_rgba())
    height, width = drawn.shape[:2]
    return _packed(drawn), width * _CSS_DPI // dpi, height * _CSS_DPI // dpi


def _packed(drawn: npt.NDArray[np.uint8]) -> bytes:
    """Return a picture with a palette of few colours in few opacities: a third of the size."""
    import numpy as np
    from PIL import Image

    level = np.rint(drawn[..., 3] / 255 * _OPACITIES).astype(int)
    inked = drawn[level > 0, :3].astype(int)
    # As one number each, in which they are sorted ten times as fast.
    found, place, often = np.unique(
        inked @ np.array([1 << 16, 1 << 8, 1]), return_inverse=True, return_counts=True
    )
    seen = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    # What is drawn in is frequent, what comes of lines that cross is not.
    palette = seen[np.argsort(-often, kind="stable")[:_COLOURS]]
    nearest = np.abs(seen[:, None] - palette).sum(axis=2).argmin(axis=1)
    entry = np.zeros(level.shape, np.uint8)
    entry[level > 0] = nearest[place.ravel()] * _OPACITIES + level[level > 0]
    image = Image.fromarray(entry)
    colours = np.repeat(palette, _OPACITIES, axis=0)
    image.putpalette(np.concatenate([[[0, 0, 0]], colours]).astype(np.uint8).tobytes())
    opacities = np.rint(np.arange(1, _OPACITIES + 1) / _OPACITIES * 255)
    alphas = np.concatenate([[0], np.tile(opacities, len(palette))]).astype(np.uint8)
    packed = io.BytesIO()
    image.save(packed, format="png", optimize=True, transparency=alphas.tobytes())
    return packed.getvalue()
