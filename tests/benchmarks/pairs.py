"""The magic against the same by hand, in pairs."""

from __future__ import annotations

import ast
import statistics
import time
from collections.abc import Callable
from typing import Any


def timed(source: str, names: dict[str, Any]) -> float:
    """Run a cell by hand, as a notebook does, and return how long it took, in seconds.

    Parameters
    ----------
    source
        The cell; it ends with an expression.
    names
        Where it runs: those of the user's main module.

    Notes
    -----
    Functions of a cell have the module ``__main__``. In a namespace without ``__name__`` they have
    none, and cloudpickle looks through all modules for each of them, which takes such a cell 4
    times as long. A notebook keeps the last value, so freeing it is no part of the time.
    """
    assert names["__name__"] == "__main__"
    tree = ast.parse(source)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    body = compile(tree, "cell", "exec")
    value = compile(ast.Expression(last.value), "cell", "eval")
    start = time.perf_counter()
    exec(body, names)
    kept = eval(value, names)
    seconds = time.perf_counter() - start
    del kept
    return seconds


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
