"""Finds a profile by a word of the user's: its name, a variable, a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sdprofile.errors import SdprofileError, closest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.results.profile import Profile


class KnownProfiles:
    """The profiles of a session."""

    def __init__(self, shell: InteractiveShell) -> None:
        """Prepare; none has a name yet."""
        self._shell = shell
        self.named: dict[str, Profile] = {}

    def find(self, where: str, word: str) -> Profile:
        """Return the profile that a word of the user's stands for.

        Parameters
        ----------
        where
            What asks for it, for the error.
        word
            A name, a variable or a file.

        Raises
        ------
        SdprofileError
            If it is none of these.
        """
        from sdprofile.results.profile import Profile, load

        found = self.named.get(word, self._shell.user_ns.get(word))
        if isinstance(found, Profile):
            return found
        if not Path(word).expanduser().exists():
            raise SdprofileError(
                f"{where}: expected the name, the variable or the file of a profile, got"
                f" {word!r} ({self._close_to(word)}{self.told()})"
            )
        return load(word)

    def told(self) -> str:
        """Return which there are."""
        known = {"names here": self.named, "variables": self._variables()}
        told = "; ".join(f"{what}: {', '.join(names)}" for what, names in known.items() if names)
        return told or "%%sdprofile --name gives one a name"

    def _variables(self) -> list[str]:
        """Return the user's variables that hold profiles, but not IPython's own of its history."""
        from sdprofile.results.profile import Profile

        found = [name for name, each in self._shell.user_ns.items() if isinstance(each, Profile)]
        return [name for name in found if not name.startswith("_")]

    def _close_to(self, word: str) -> str:
        """Return what a word may be a slip of the pen for, as a question; empty for nothing."""
        known = [*self.named, *self._variables(), *(str(path) for path in Path().glob("*.json"))]
        return f"did you mean {close}? " if (close := closest(word, known)) else ""
