"""A fact that makes a number doubtful or that explains it, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A fact about the profile, and what to do about it."""

    fact: str
    """What was seen, a sentence without the full stop."""

    advice: str
    """What to do about it, a sentence without the full stop."""

    leading: bool = False
    """Whether it has to be read before any number: a report begins with it."""
