"""What all tests of views share."""

from __future__ import annotations

import pytest

from sdprofile.explain.answer import Answer
from sdprofile.results.profile import Profile


@pytest.fixture(autouse=True)
def answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give no answer for made-up profiles, unless a test sets its own."""
    monkeypatch.setattr(Profile, "answer", Answer())
