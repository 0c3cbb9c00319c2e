"""A profile or a comparison for a report or a pull request: CSV, Markdown, or the plot."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdprofile.errors import SdprofileError
from sdprofile.output_files import write_whole
from sdprofile.render.text.predicted import prediction_rows, prediction_title
from sdprofile.render.text.rows import NO_RUNS, conditions, detail_rows, table_rows
from sdprofile.render.text.steps import STEP
from sdprofile.render.text.wrapping import clean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from sdprofile.explain.answer import Answer
    from sdprofile.explain.comparison import Compared
    from sdprofile.explain.explained import Explained
    from sdprofile.model.notice import Notice

FIGURES = (".svg", ".png", ".pdf")
"""Endings of files in which the plot is drawn."""

_PRINTED_DPI = 300

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")

_FOR_PRINT = {
    "svg.fonttype": "none",  # words stay words
    "pdf.fonttype": 42,  # as publishers ask for
    "savefig.facecolor": "white",
}


def export(
    path: str | Path,
    *,
    frame: Callable[[], pd.DataFrame],
    markdown: Callable[[], str],
    figure: Callable[[], Figure],
    others: Mapping[str, Callable[[], bytes]],
) -> None:
    """Write what the ending of a file's name asks for; see `Exported.export`.

    Parameters
    ----------
    path
        Where to write.
    frame, markdown, figure
        Make what ``.csv``, ``.md`` and each of `FIGURES` ask for.
    others
        Make the whole file for further endings.
    """
    name = Path(path).name.lower()
    ending = Path(name).suffix
    if made := [make for other, make in others.items() if name.endswith(other)]:
        data = made[0]()
    elif ending == ".csv":
        data = frame().to_csv(index=False).encode()
    elif ending == ".md":
        data = f"{markdown()}\n".encode()
    elif ending in FIGURES:
        data = _printed(figure, ending)
    else:
        *most, last = (".csv", ".md", *FIGURES, *others)
        raise SdprofileError(
            f"expected a file name that ends in {', '.join(most)} or {last}, got {str(path)!r}"
        )
    write_whole(path, data)


def profile_markdown(profile: Explained) -> str:
    """Return the answer, the table of a profile, what held for all runs, the notices, details."""
    if not profile.runs:
        return NO_RUNS
    parts = [
        "\n".join(_told(each for each in profile.notices if each.leading)),
        *_answer(profile.answer),
        _table(table_rows(profile)),
        escaped(", ".join([*conditions(profile), *_versions(profile)])),
        *_predicted(profile),
        *([f"stopped: {escaped(profile.stopped)}"] if profile.stopped else []),
        "\n".join(_told(each for each in profile.notices if not each.leading)),
        *([] if profile.is_for_nothing else ["Details", _table(detail_rows(profile))]),
    ]
    return "\n\n".join(part for part in parts if part)


def _answer(answer: Answer) -> Iterator[str]:
    """Yield the headline, then the lines as a list."""
    if answer.headline:
        yield f"**{escaped(answer.first)}**"
    yield "\n".join(f"- {escaped(line.text)}" for line in answer.lines)


def _predicted(profile: Explained) -> Iterator[str]:
    if rows := prediction_rows(profile):
        yield escaped(prediction_title(profile))
        yield _table(rows)


def comparison_markdown(comparison: Compared) -> str:
    """Return the tables of a comparison, and what is not alike."""
    from sdprofile.render.text.comparison import (
        NOTHING_SHARED,
        change_rows,
        ratio_words,
        speedup_words,
        step_change_rows,
        title,
        unlike,
    )

    parts = [
        *_answer(comparison.answer),
        f"**{escaped(title(comparison))}**",
        escaped(unlike(comparison)),
    ]
    if comparison.counts:
        words = f"{speedup_words(comparison)}; {ratio_words(comparison)}"
        parts += [_table(change_rows(comparison)), escaped(words)]
    else:
        parts.append(NOTHING_SHARED)
    if rows := step_change_rows(comparison):
        parts.append(_table(rows))
    return "\n\n".join(part for part in parts if part)


def escaped(text: str) -> str:
    r"""Return text of which Markdown changes nothing.

    Examples
    --------
    >>> print(escaped("a_b | <c>"))
    a\_b \| \<c\>
    """
    return _SPECIAL.sub(r"\\\1", clean(text))


def _table(rows: Sequence[Sequence[str]]) -> str:
    headers = rows[0]
    # Steps are indented by blanks, which Markdown would drop.
    names, *numbers = [[escaped(cell).replace("  ", "&emsp;") for cell in row] for row in rows]
    rule = [":---" if headers[0] == STEP else "---:", *["---:"] * (len(headers) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (names, rule, *numbers))


def _versions(profile: Explained) -> list[str]:
    return [f"{name} {version}" for name, version in profile.versions]


def _told(notices: Iterable[Notice]) -> Iterator[str]:
    for notice in notices:
        yield f"- {escaped(notice.fact)}\n  → {escaped(notice.advice)}"


def _printed(draw: Callable[[], Figure], ending: str) -> bytes:
    import matplotlib.style

    written = io.BytesIO()
    # The user's own style, a dark one for instance, is not for paper.
    with matplotlib.style.context(["default", _FOR_PRINT]):
        draw().savefig(written, format=ending[1:], dpi=_PRINTED_DPI)
    return written.getvalue()
