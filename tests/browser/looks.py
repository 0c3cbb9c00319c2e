"""What a page looks like: what is visible, how strong its colours are, and pictures of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

_SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
_BROKEN = re.compile("error displaying widget|loading widget|model not found", re.IGNORECASE)


def take_picture(what: Page | Locator, name: str) -> None:
    """Take a picture, for people to look at after the tests."""
    _SCREENSHOTS.mkdir(exist_ok=True)
    what.screenshot(path=_SCREENSHOTS / f"{name}.png")


def assert_whole_report(output: Locator) -> None:
    """Assert that all of the static report is there: table, picture, and what is folded."""
    report = output.locator(".sdp-static")
    table = report.locator("table").first
    expect(table).to_be_visible()
    assert "workers" in table.inner_text()
    expect(output.locator(".sdp-live")).to_have_count(0)
    image = output.locator("img").last
    expect(image).to_be_visible()
    assert image.evaluate("async image => {await image.decode(); return image.naturalWidth}") > 0
    folded = report.locator("details").all()
    assert len(folded) >= 4
    for details in folded:
        details.locator("summary").click()
        expect(details.locator("> :not(summary)").first).to_be_visible()
    expect(output.page.get_by_text(_BROKEN).filter(visible=True)).to_have_count(0)


def opacity(element: Locator) -> float:
    """Return how opaque an element is, with all that it is in."""
    return float(
        element.evaluate(
            """element => {
              let product = 1;
              for (let each = element; each; each = each.parentElement) {
                product *= getComputedStyle(each).opacity;
              }
              return product;
            }"""
        )
    )


def contrast(element: Locator) -> float:
    """Return the contrast of an element's text against what is behind it, as in WCAG 2.1."""
    colours: list[list[float]] = element.evaluate(
        """element => {
          const channels = text => {
            const [red, green, blue, alpha = 1] = text.match(/[\\d.]+/g).map(Number);
            return [red, green, blue, alpha];
          };
          const layers = [channels(getComputedStyle(element).color)];
          for (let each = element; each; each = each.parentElement) {
            layers.push(channels(getComputedStyle(each).backgroundColor));
          }
          return layers;
        }"""
    )
    text, *behind = colours
    background = [255.0, 255.0, 255.0]
    for layer in reversed(behind):
        background = _over(layer, background)
    brighter, darker = sorted((_luminance(_over(text, background)), _luminance(background)))[::-1]
    return (brighter + 0.05) / (darker + 0.05)


def _over(layer: list[float], background: list[float]) -> list[float]:
    *colour, alpha = layer
    return [alpha * c + (1 - alpha) * b for c, b in zip(colour, background, strict=True)]


def _luminance(colour: list[float]) -> float:
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def sideways(page: Page, scroller: str) -> float:
    """Return by how many pixels the content of a scrolled element is wider than it is."""
    wider: Any = page.locator(scroller).first.evaluate("e => e.scrollWidth - e.clientWidth")
    return float(wider)
