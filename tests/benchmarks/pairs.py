"""The magic against the same by hand, in pairs."""

from __future__ import annotations

import statistics
from collections.abc import Callable


def median_ratio(
    by_hand: Callable[[], float], by_magic: Callable[[], float], *, pairs: int
) -> float:
    """Return the median of the magic's time over that by hand, and print every figure.

    Parameters
    ----------
    by_hand, by_magic
        Run something and return how long it took, in seconds.
    pairs
        How many pairs to measure; which goes first changes from pair to pair.
    """
    ratios = []
    for pair in range(pairs):
        if pair % 2:
            magic, hand = by_magic(), by_hand()
        else:
            hand, magic = by_hand(), by_magic()
        ratios.append(magic / hand)
        print(f"pair {pair + 1:2}: by hand {hand:.3f} s, magic {magic:.3f} s, {magic / hand:.3f}")
    return statistics.median(ratios)
