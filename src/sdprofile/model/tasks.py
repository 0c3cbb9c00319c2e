"""How much memory the tasks of each prefix took."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SHORT_HASH = re.compile("[a-f]{8}")
_HASH = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class PrefixMemory:
    """Memory of a worker while tasks of one prefix ran on it: the most of all such tasks.

    With several threads in a worker nobody can tell which task took what. The rise is then a range.
    """

    prefix: str
    """Prefix of the tasks' keys, as `dask.utils.key_split` gives it."""

    tasks: int
    """How many ran to their end."""

    peak: int
    """Highest resident memory of a worker while one of them ran, in bytes."""

    rise_low: int
    """Highest rise above the start of a task that one of them must have made itself, in bytes: the
    whole rise of a task that ran alone, an equal share of that of several of this prefix, nothing
    of that of several of unlike prefixes."""

    rise_high: int
    """Highest rise above the start of a task, whoever made it, in bytes. One thread: `rise_low`."""

    @property
    def in_finalize(self) -> bool:
        """Whether it is the task that puts a result together; see `Failure.in_finalize`."""
        return self.prefix.startswith("finalize")


@dataclass(frozen=True, kw_only=True)
class Throttled:
    """Tasks of a prefix, throttled so that those that ran side by side fitted into a worker."""

    prefix: str
    """Prefix of the tasks' keys, or of one of those that were fused into them."""

    nbytes: int
    """What each was said to need, in bytes."""

    tasks: int
    """How many there were."""


def task_prefix(key: str) -> str:
    """Return the prefix of a task's key, as dask groups tasks by it.

    Parameters
    ----------
    key
        The key as text, also of a tuple.

    Notes
    -----
    What `dask.utils.key_split` gives: the first word of the name, and those that follow it up to
    the first that is a hash or has a number.

    Examples
    --------
    >>> task_prefix("('random_sample-add-0123abcd', 0, 1)")
    'random_sample-add'
    """
    first, *others = key.lstrip("_'()\"").split("-")
    words = [first.split(",")[0].rstrip("_'()\"")]
    for word in others:
        if not word.isalpha() or _SHORT_HASH.fullmatch(word):
            break
        words.append(word)
    prefix = "-".join(words)
    return "data" if _HASH.fullmatch(prefix) else prefix


def merge(parts: Iterable[PrefixMemory]) -> tuple[PrefixMemory, ...]:
    """Return one entry for each prefix, the highest rise first.

    Parameters
    ----------
    parts
        What several workers saw.
    """
    by_prefix: dict[str, list[PrefixMemory]] = {}
    for part in parts:
        by_prefix.setdefault(part.prefix, []).append(part)
    merged = (
        PrefixMemory(
            prefix=prefix,
            tasks=sum(part.tasks for part in same),
            peak=max(part.peak for part in same),
            rise_low=max(part.rise_low for part in same),
            rise_high=max(part.rise_high for part in same),
        )
        for prefix, same in by_prefix.items()
    )
    return tuple(sorted(merged, key=lambda part: (-part.rise_high, part.prefix)))
