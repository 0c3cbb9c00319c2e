"""What the workers have printed, as lines that say who printed them and how often."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from sdprofile.model.printed import Printed

MOST = 100
"""Lines that are shown of each stream, so that the report below them is still found."""

_CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]")
"""Sequences that move the cursor or erase; colours stay."""


def printed_lines(printed: Sequence[Printed], *, most: int = MOST) -> tuple[list[str], int]:
    r"""Return the lines of one stream, each with its worker, and how many more there are.

    Parameters
    ----------
    printed
        Of each worker.
    most
        How many different lines are shown; each worker gets its share.

    Returns
    -------
    lines, more : list of str, int
        Equal lines are one, with their count, where the first of them is. Lines that are indented
        belong to the one before, as those of a warning do.

    Examples
    --------
    >>> both = [Printed(worker=name, stream="stdout", text="hi\nhi\n") for name in "01"]
    >>> printed_lines([*both, Printed(worker="2", stream="stdout", text="ho")])
    (['workers: hi (4 times, on 2 workers)', 'worker 2: ho'], 0)
    """
    counts: dict[str, Counter[str]] = {}
    places: dict[str, int] = {}
    for each in printed:
        for place, record in enumerate(dict.fromkeys(_records(each.text))):
            places.setdefault(record, place)
        for record in _records(each.text):
            counts.setdefault(record, Counter())[each.worker] += 1
    shown = set(sorted(counts, key=places.__getitem__)[:most])
    lines = [_line(record, by) for record, by in counts.items() if record in shown]
    return lines, sum(by.total() for record, by in counts.items() if record not in shown)


def _line(record: str, counts: Counter[str]) -> str:
    first, *others = record.split("\n")
    if len(counts) > 1:
        first = f"workers: {first} ({counts.total():,} times, on {len(counts)} workers)"
    else:
        [(worker, count)] = counts.items()
        times = f" ({count:,} times)" if count > 1 else ""
        first = f"worker {worker}: {first}{times}"
    return "\n".join([first, *others])


def _records(text: str) -> Iterator[str]:
    """Yield each line, with the indented lines that follow it, as a terminal would leave it."""
    record: list[str] = []
    for raw in _CURSOR.sub("", text).split("\n"):
        line = raw.rstrip().rpartition("\r")[2]  # a progress bar writes over itself
        if not line:
            continue
        if record and not line[0].isspace():
            yield "\n".join(record)
            record = []
        record.append(line)
    if record:
        yield "\n".join(record)
