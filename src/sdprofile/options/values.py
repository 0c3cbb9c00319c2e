"""Reads the values of options as people write them; an SdprofileError says what was expected."""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Mapping, Sequence

from sdprofile.errors import SdprofileError, shown

SMALLEST_MEMORY = 100_000_000
"""Bytes below which a worker cannot even start: a wrong unit, or none."""

ORDERS = ("rounds", "grouped")
"""Values of ``--order``."""

SCHEDULERS = ("threads", "processes", "synchronous")
"""Dask's schedulers that need no cluster."""

STEPS = ("auto", "off")
"""Which calls become steps."""

COMPUTING = ("discard", "persist")
"""Values of ``--compute``, the first if it has none."""

_FEW_NUMBERS = 16
"""Numbers that a hint writes out."""

_POWERS_OF_TWO = tuple(str(2**power) for power in range(12))

_FEWEST_MB = 100
"""A number without a unit from which MB are meant rather than GB."""

_LONGEST = 4000
"""Characters of a value that are read: Python reads no whole number of more than 4300 digits."""


def whole_number(value: object, *, least: int = 1) -> int:
    """Return a whole number from 1 up."""
    text = _text(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or int(text) < least:
        raise SdprofileError(f"expected a whole number from {least} up, got {shown(value)}")
    return int(text)


def worker_counts(value: object) -> tuple[int, ...]:
    """Return worker counts, each once, in their order; 0 is for no cluster at all."""
    return whole_numbers(value, least=0)


def whole_numbers(value: object, *, least: int = 1) -> tuple[int, ...]:
    """Return whole numbers from 1 up, each once, in their order."""
    try:
        numbers = tuple(dict.fromkeys(whole_number(item, least=least) for item in _items(value)))
    except SdprofileError:
        numbers = ()
    if not numbers:
        hint = _meant(_text(value))
        raise SdprofileError(f"expected whole numbers like 1,2,4, got {shown(value)}{hint}")
    return numbers


def _meant(text: str) -> str:
    """Return in brackets which numbers somebody meant who wrote ``1-4`` or ``[1, 2]``."""
    ends = re.fullmatch(r"\s*(\d{1,4})\s*(?:-|:|\.{2,3}|to)\s*(\d{1,4})\s*", text, re.ASCII)
    if ends is None:
        several = re.fullmatch(r"[\s\[({]*\d+(?:[\s,;/+|&]+\d+)*[\s\])},;]*", text, re.ASCII)
        numbers = re.findall(r"\d+", text) if several else []
    else:
        numbers = [str(each) for each in range(int(ends[1]), int(ends[2]) + 1)]
        if len(numbers) > _FEW_NUMBERS:
            numbers = [each for each in numbers if each in (*ends.groups(), *_POWERS_OF_TWO)]
    if not numbers or "0" in numbers or len(numbers) > _FEW_NUMBERS:
        return ""
    return f" (write {','.join(numbers)})"


def amount(value: object, *, least: int = SMALLEST_MEMORY) -> str:
    """Return an amount of memory as it was written, once it is known to make sense."""
    from dask.utils import parse_bytes

    text = _text(value).strip()
    text = f"{text}B" if isinstance(value, int) else text
    try:
        found = parse_bytes(text)
    except (ValueError, OverflowError) as error:
        raise SdprofileError(
            f"expected an amount like 5GB or 4.5GiB, got {shown(value)}"
        ) from error
    if 0 < found < SMALLEST_MEMORY and (number := _without_unit(value)):
        unit = "GB" if float(number) < _FEWEST_MB else "MB"
        raise SdprofileError(
            f"expected an amount like 5GB or 4.5GiB, got {shown(value)} ({number}{unit}?)"
        )
    if found < SMALLEST_MEMORY == least:
        raise SdprofileError(f"expected at least 100MB for each worker, got {shown(value)}")
    if found < least:
        raise SdprofileError(f"expected an amount above 0, got {shown(value)}")
    return text


def _without_unit(value: object) -> str:
    """Return a number that was written without the unit of an amount; empty if it was not."""
    text = _text(value).strip()
    return text if re.fullmatch(r"\d+\.?\d*|\.\d+", text, re.ASCII) else ""


def amounts(value: object) -> tuple[str, ...]:
    """Return amounts of memory as they were written, each once, in their order."""
    found: dict[int, str] = {}
    for item in _items(value) or [value]:
        text = amount(item)
        found.setdefault(nbytes(text), text)
    return tuple(found.values())


def task_memory(value: object) -> tuple[tuple[str, str], ...]:
    """Return what the tasks of each prefix need, as ``PREFIX=3GB`` or a mapping says."""
    if isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        items = _text(value).split(",") if isinstance(value, str) else _items(value)
        pairs = [_pair(item) for item in items]
    if not pairs or not all(isinstance(prefix, str) and prefix for prefix, _ in pairs):
        raise SdprofileError(
            f"expected prefixes of tasks like add=3GB,mean=1GB, got {shown(value)}"
        )
    return tuple((prefix, amount(need, least=1)) for prefix, need in pairs)


def duration(value: object) -> float:
    """Return a time in seconds."""
    from dask.utils import parse_timedelta

    # Dask knows minutes as "m" and "minutes" only.
    text = re.sub(r"(?<=[\d.\s])mins?$", "m", _text(value).strip())
    try:
        seconds = float(parse_timedelta(text))
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise SdprofileError(f"expected a time like 90 or 2min, got {shown(value)}") from error
    if not (math.isfinite(seconds) and seconds > 0):
        raise SdprofileError(f"expected a time above 0, got {shown(value)}")
    return seconds


def path(value: object) -> str:
    """Return a file name."""
    text = str(value) if isinstance(value, (str, os.PathLike)) else ""
    if not text or "\0" in text:
        raise SdprofileError(f"expected a file name, got {shown(value)}")
    return text


def name(value: object) -> str:
    """Return a name of the user's, of any letters."""
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise SdprofileError(f"expected a name, got {shown(value)}")
    return text


def names(value: object) -> tuple[str, ...]:
    """Return names, each once, in their order."""
    items = value.split(",") if isinstance(value, str) else _items(value)
    if not items:
        raise SdprofileError(f"expected names, got {shown(value)}")
    return tuple(dict.fromkeys(name(item) for item in items))


def variable(value: object) -> str:
    """Return the name of a variable."""
    import keyword

    text = value if isinstance(value, str) else ""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise SdprofileError(f"expected a variable name, got {shown(value)}")
    return text


def order(value: object) -> str:
    """Return one of `ORDERS`."""
    return _one_of(ORDERS, value)


def scheduler(value: object) -> str:
    """Return one of `SCHEDULERS`."""
    return _one_of(SCHEDULERS, value)


def steps(value: object) -> str:
    """Return one of `STEPS`."""
    return _one_of(STEPS, value)


def computing(value: object) -> str | None:
    """Return one of `COMPUTING`; None for not."""
    if value is False:
        return None
    return _one_of(COMPUTING, COMPUTING[0] if value is True else value)


def flag(value: object) -> bool:
    """Return whether a flag is set."""
    if not isinstance(value, bool):
        raise SdprofileError(f"expected no value, got {shown(value)}")
    return value


def nbytes(memory: str) -> int:
    """Return an amount of memory such as ``5GB`` in bytes."""
    from dask.utils import parse_bytes

    return int(parse_bytes(memory))


def is_decimal(memory: str) -> bool:
    """Whether an amount is written in powers of 1000 (``5GB``) rather than of 1024 (``5GiB``)."""
    return not memory.lower().rstrip("b").endswith("i")


def _items(value: object) -> list[object]:
    """Return what was written with commas between, or given as a sequence."""
    if isinstance(value, (str, int)):
        return list(_text(value).split(","))
    return list(value) if isinstance(value, Sequence) else []


def _pair(item: object) -> tuple[object, object]:
    if isinstance(item, str):
        prefix, _, need = item.rpartition("=")
        return prefix.strip(), need
    return (item[0], item[1]) if isinstance(item, tuple) and len(item) == 2 else (None, None)


def _one_of(choices: tuple[str, ...], value: object) -> str:
    text = _text(value)
    if text not in choices:
        *others, last = choices
        raise SdprofileError(f"expected {', '.join(others)} or {last}, got {shown(value)}")
    return text


def _text(value: object) -> str:
    """Return text and numbers as text; nothing for what no option is written as."""
    written = isinstance(value, (str, numbers.Real))
    try:
        return str(value)[:_LONGEST] if written else ""
    except ValueError:  # a whole number of too many digits
        return ""
