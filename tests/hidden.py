"""Names that a library keeps to itself, hidden in a process as if it did not have them."""

from __future__ import annotations

from typing import Any

from sdprofile.internals.names import Name

_look_up = Name.get


def hide(shown: str) -> None:
    """Let one name be missing, and no other; none if it is empty."""

    def get(name: Name, owner: object, otherwise: Any = None) -> Any:
        return otherwise if name.shown == shown else _look_up(name, owner, otherwise)

    Name.get = get if shown else _look_up  # type: ignore[method-assign]
