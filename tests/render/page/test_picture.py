"""A picture is small, sharp, and legible on light and dark pages whatever the user's style."""

from __future__ import annotations

import base64
import io

import matplotlib.style
import numpy as np
import pytest
from pages import Page
from PIL import Image
from profiles import GB, make_profile, make_run

from sdprofile.render.page.picture import draw_png, png_picture
from sdprofile.render.plots.memory import memory_plot
from sdprofile.results.profile import Profile

RAMP = (GB, 4 * GB)


def opened(profile: Profile) -> Image.Image:
    return Image.open(io.BytesIO(draw_png(lambda: memory_plot(profile))[0]))


def test_png_has_two_device_pixels_per_css_pixel_and_a_palette() -> None:
    profile = make_profile(make_run(curve=RAMP))

    png, width, height = draw_png(lambda: memory_plot(profile))

    image = Image.open(io.BytesIO(png))
    assert (width, height) == (720, 310)
    assert image.size == (1440, 620)
    assert image.mode == "P"
    assert len(png) < 60_000


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_png_has_no_ground_and_an_ink_for_light_and_dark_pages(style: str) -> None:
    with matplotlib.style.context(style):
        pixels = np.asarray(opened(make_profile(make_run(curve=RAMP))).convert("RGBA"))

    assert (pixels[..., 3] == 0).mean() > 0.8
    ink = pixels[(pixels[..., 3] == 255) & (np.ptp(pixels[..., :3].astype(int), axis=2) == 0)]
    assert len(ink) > 1000
    assert {*ink[:, 0].tolist()} <= {0x7A, 0x80}  # of words and frame, and of the grid


@pytest.mark.parametrize("dpi", [150, 200])
def test_png_keeps_the_colours_of_the_curves(dpi: int) -> None:
    profile = make_profile(*(make_run(n, curve=[GB * n, GB * n]) for n in (1, 2, 4, 8)))

    png, _, _ = draw_png(lambda: memory_plot(profile), dpi=dpi)

    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)

    for wanted in ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)):
        distance = np.abs(pixels - (*wanted, 255)).sum(axis=2)
        assert (distance == 0).sum() > 100


def test_picture_in_a_page_has_its_size_and_says_what_it_shows() -> None:
    profile = make_profile(make_run(curve=RAMP))

    html = png_picture(lambda: memory_plot(profile), label='"memory" <b>', dpi=200)

    [image] = Page(html).attributes["img"]
    prefix, data = str(image["src"]).split(",")
    assert prefix == "data:image/png;base64"
    png = Image.open(io.BytesIO(base64.b64decode(data)))
    assert png.size == (2 * int(image["width"] or 0), 2 * int(image["height"] or 0))
    assert image["alt"] == '"memory" <b>'
