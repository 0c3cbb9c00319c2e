"""What all tests of views share."""

from __future__ import annotations

import pytest

from sdprofile.results.profile import Profile


@pytest.fixture(autouse=True)
def advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give no advice on made-up profiles, unless a test sets its own."""
    monkeypatch.setattr(Profile, "advice", "")
