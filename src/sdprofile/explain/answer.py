"""The answer: what a report begins with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the answer: a fact, what to change, and what that gains."""

    fact: str
    """What was seen, as a sentence without a full stop."""

    change: str = ""
    """What to change, as a clause in the imperative; empty for nothing."""

    gain: str = ""
    """What that gains: ``about 1.9 to 2.3x faster``; empty where it is not known."""

    @property
    def text(self) -> str:
        """All of it as one sentence, without a full stop."""
        gain = f" ({self.gain})" if self.gain else ""
        return f"{self.fact}: {self.change}{gain}" if self.change else self.fact


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to do: the count and memory to use, and what holds the cell back."""

    headline: str = ""
    """The count and memory to use and what it gains; empty where nothing could tell."""

    remark: str = ""
    """How sure that is, and what it takes in all."""

    lines: tuple[Line, ...] = ()
    """What else is to be known, the most important first."""

    def __bool__(self) -> bool:
        return bool(self.headline or self.lines)

    @property
    def first(self) -> str:
        """The headline with its remark in brackets."""
        return f"{self.headline} ({self.remark})" if self.remark else self.headline

    @property
    def text(self) -> str:
        """All of it as sentences; empty where there is none."""
        sentences = filter(None, (self.first, *(line.text for line in self.lines)))
        return " ".join(f"{sentence}." for sentence in sentences)


def joined_lines(lines: Iterable[Line | None]) -> tuple[Line, ...]:
    """Return the lines that there are."""
    return tuple(line for line in lines if line is not None)
