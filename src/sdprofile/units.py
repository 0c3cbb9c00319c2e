"""Bytes and seconds as text that people read, in the unit that the user wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(nbytes: float, *, decimal: bool) -> str:
    """Return an amount of memory with three significant digits.

    Parameters
    ----------
    nbytes
        Amount in bytes.
    decimal
        True for powers of 1000 (``GB``), False for powers of 1024 (``GiB``).

    Returns
    -------
    str
        For instance ``4.79 GB``.

    Examples
    --------
    >>> format_bytes(4_788_305_920, decimal=True), format_bytes(4_788_305_920, decimal=False)
    ('4.79 GB', '4.46 GiB')
    """
    step, units = (1000.0, _DECIMAL) if decimal else (1024.0, _BINARY)
    value, unit = float(nbytes), units[0]
    for unit in units:
        # 999.5 would be rounded to 1000, which belongs to the next unit.
        if abs(value) < 999.5 or unit == units[-1]:
            break
        value /= step
    if unit == units[0]:
        return f"{value:.0f} {unit}"
    return f"{value:.{_decimals(value)}f} {unit}"


def large_unit(*, decimal: bool) -> tuple[float, str]:
    """Return how many bytes a gigabyte has, and what it is called.

    Examples
    --------
    >>> large_unit(decimal=True), large_unit(decimal=False)
    ((1000000000.0, 'GB'), (1073741824.0, 'GiB'))
    """
    return (1e9, "GB") if decimal else (2.0**30, "GiB")


def format_limit(nbytes: int, *, decimal: bool) -> str:
    """Return an amount of memory rounded up, as `--memory` takes it.

    Parameters
    ----------
    nbytes
        Amount in bytes; above 0.
    decimal
        True for powers of 1000 (``GB``), False for powers of 1024 (``GiB``).

    Returns
    -------
    str
        Two significant digits, never less than the amount, for instance ``2.3GB``.

    Examples
    --------
    >>> format_limit(2_210_000_000, decimal=True), format_limit(2_210_000_000, decimal=False)
    ('2.3GB', '2.1GiB')
    """
    step, units = (1000, _DECIMAL) if decimal else (1024, _BINARY)
    # In whole hundredths of a unit, for floats would round some amounts down.
    size, hundredths, unit = 1, 0, units[0]
    for unit in units:
        exact = nbytes * 100 / size
        last_digit = next(
            digit for digit in (1, 10, 100, 1000) if exact < 100 * digit or digit == 1000
        )
        hundredths = -(-nbytes * 100 // (size * last_digit)) * last_digit
        if hundredths < 100_000 or unit == units[-1]:
            break
        size *= step
    return f"{hundredths / 100:g}{unit}"


def listed(items: Sequence[str]) -> str:
    """Return items as in a sentence.

    Examples
    --------
    >>> listed(["1"]), listed(["1", "2"]), listed(["1", "2", "4"])
    ('1', '1 and 2', '1, 2 and 4')
    """
    *others, last = items
    return f"{', '.join(others)} and {last}" if others else last


def capitalized(clause: str) -> str:
    """Return a clause as the beginning of a sentence.

    Examples
    --------
    >>> capitalized("the graph is large"), capitalized("aggregate (line 2) takes 80 %")
    ('The graph is large', 'aggregate (line 2) takes 80 %')
    """
    first, _, rest = clause.partition(" ")
    if re.search(r"[_.]", first) or rest.startswith("(line "):
        return clause  # the name of something
    return f"{clause[:1].upper()}{clause[1:]}"


def looks_decimal(nbytes: int) -> bool:
    """Whether an amount in bytes was probably meant in powers of 1000, as 5,000,000,000 is."""
    return nbytes % 10**6 == 0


def format_seconds(seconds: float) -> str:
    """Return a duration with three significant digits, or in minutes above 100 s.

    Parameters
    ----------
    seconds
        Duration in seconds.

    Returns
    -------
    str
        For instance ``12.3 s``, ``450 ms`` or ``3 min 20 s``.

    Examples
    --------
    >>> format_seconds(12.345), format_seconds(0.45), format_seconds(200)
    ('12.3 s', '450 ms', '3 min 20 s')
    """
    if seconds >= 99.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    if seconds >= 0.9995:
        return f"{seconds:.{_decimals(seconds)}f} s"
    if seconds >= 0.0009995:
        return f"{seconds * 1e3:.{_decimals(seconds * 1e3)}f} ms"
    return f"{seconds * 1e6:.0f} us"


def format_seconds_between(low: float, high: float) -> str:
    """Return a range of durations with two significant digits, or in minutes above 100 s.

    Examples
    --------
    >>> format_seconds_between(0.912, 1.23), format_seconds_between(12.4, 15.6)
    ('0.91 to 1.2 s', '12 to 16 s')
    >>> format_seconds_between(0.0123, 0.2), format_seconds_between(90, 150)
    ('12 to 200 ms', '90 s to 2 min 30 s')
    """
    if high >= 99.95:
        first = f"{low:.0f} s" if low < 99.95 else format_seconds(low)
        return f"{first} to {format_seconds(high)}"
    scale, unit = (1.0, "s") if high >= 0.9995 else (1e3, "ms")
    return f"{_two_digits(low * scale)} to {_two_digits(high * scale)} {unit}"


def _two_digits(value: float) -> str:
    return f"{value:.{0 if value >= 9.95 else 1 if value >= 0.995 else 2}f}"


def format_ratio(ratio: float) -> str:
    """Return a ratio with one digit after the point, without one from 10 on.

    Examples
    --------
    >>> format_ratio(1.62), format_ratio(12.4)
    ('1.6', '12')
    """
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def format_whole_seconds(seconds: int) -> str:
    """Return a duration for a display that ticks.

    Parameters
    ----------
    seconds
        Duration in whole seconds.

    Returns
    -------
    str
        In minutes from 100 s on, in hours from one hour on.

    Examples
    --------
    >>> format_whole_seconds(12), format_whole_seconds(200), format_whole_seconds(7620)
    ('12 s', '3 min 20 s', '2 h 07 min')
    """
    if seconds < 100:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, ``1 worker`` or ``2 workers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def each_of(number: int, noun: str) -> str:
    """Return whom something is said of, ``1 worker`` or ``each of 2 workers``."""
    return plural(number, noun) if number == 1 else f"each of {plural(number, noun)}"


def _decimals(value: float) -> int:
    if abs(value) < 9.995:
        return 2
    return 1 if abs(value) < 99.95 else 0
