"""Lines of workers say who printed them and how often, and are never too many."""

from __future__ import annotations

from sdprofile.model.printed import Printed
from sdprofile.render.text.printed import printed_lines


def by(**texts: str) -> list[Printed]:
    """Return what workers named by a letter and a number have printed."""
    return [
        Printed(worker=name.lstrip("w"), stream="stdout", text=text) for name, text in texts.items()
    ]


def test_different_lines_stay_each_with_its_worker() -> None:
    printed = by(w0="tile (0, 0)\ntile (0, 1)\n", w1="tile (1, 0)\n")
    assert printed_lines(printed) == (
        ["worker 0: tile (0, 0)", "worker 0: tile (0, 1)", "worker 1: tile (1, 0)"],
        0,
    )


def test_equal_lines_are_one_with_their_count() -> None:
    printed = by(w0="same\n" * 120 + "mine\nmine\n", w1="same\n" * 80)
    assert printed_lines(printed) == (
        ["workers: same (200 times, on 2 workers)", "worker 0: mine (2 times)"],
        0,
    )


def test_lines_of_a_warning_stay_together() -> None:
    warning = "a.py:3: UserWarning: careful\n  warnings.warn('careful')\n"
    assert printed_lines(by(w0=warning, w1="other\n" + warning)) == (
        [
            "workers: a.py:3: UserWarning: careful (2 times, on 2 workers)\n"
            "  warnings.warn('careful')",
            "worker 1: other",
        ],
        0,
    )


def test_of_too_many_lines_each_worker_has_its_share() -> None:
    printed = by(**{f"w{n}": "".join(f"{n} {line}\n" for line in range(50)) for n in (0, 1)})
    lines, more = printed_lines(printed, most=4)
    assert lines == ["worker 0: 0 0", "worker 0: 0 1", "worker 1: 1 0", "worker 1: 1 1"]
    assert more == 96


def test_a_progress_bar_shows_how_far_it_came() -> None:
    bar = "\r 10%|#\x1b[A\r 20%|##\r100%|##########\n"
    assert printed_lines(by(w0=bar))[0] == ["worker 0: 100%|##########"]
    assert printed_lines(by(w0="half\r\n\n   \n\x1b[31mred\x1b[0m"))[0] == [
        "worker 0: half",
        "worker 0: \x1b[31mred\x1b[0m",
    ]


def test_who_printed_nothing_has_no_line() -> None:
    assert printed_lines([]) == ([], 0)
    assert printed_lines(by(w0="\n\n")) == ([], 0)
