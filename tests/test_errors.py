"""Any error can be told in one short line."""

from __future__ import annotations

import pytest

import sdprofile
from sdprofile.errors import LONGEST, one_line


class MuteError(Exception):
    """Cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("cannot be shown")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "ValueError: first"),
        (SystemExit(3), "SystemExit: 3"),
        (MuteError(), "MuteError: (its message cannot be shown)"),
        (ValueError("x" * 10**6), f"ValueError: {'x' * (LONGEST - 13)}…"),
    ],
)
def test_an_error_is_one_line(error: BaseException, line: str) -> None:
    assert one_line(error) == line


def test_dir_names_everything_public() -> None:
    assert set(sdprofile.__all__) <= set(dir(sdprofile))
