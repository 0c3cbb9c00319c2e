"""Files that are written for the user: whole or not at all, and refused before anything is run."""

from __future__ import annotations

import os
from pathlib import Path

from sdprofile.errors import SdprofileError


def check_file(option: str, path: str) -> None:
    """Make sure, before anything is run, that a file can be written.

    Parameters
    ----------
    option
        The option that it was given with.
    path
        The file.

    Raises
    ------
    SdprofileError
        If its folder cannot be written to, or it is a folder itself.
    """
    file = Path(path).expanduser()
    folder = file.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise SdprofileError(
            f"{option}: expected a file in a folder that can be written to, got {path!r}"
        )
    if file.is_dir():
        raise SdprofileError(f"{option}: expected a file name, got the folder {path!r}")


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file; one that is there is replaced once the new one is complete.

    Parameters
    ----------
    path
        Where to write; where a link is written to, its target is replaced, not the link.
    data
        What to write.

    Raises
    ------
    SdprofileError
        If it cannot be written there.
    """
    target = Path(path).expanduser().resolve()
    # In the same folder, for a file can only be renamed within one file system.
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        try:
            part.write_bytes(data)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise SdprofileError(
            f"{path}: expected a file that can be written, got {reason(error)}"
        ) from error


def reason(error: OSError) -> str:
    """Return why something cannot be done with a file, in words to go on with."""
    words = error.strerror or type(error).__name__
    return f"{words[0].lower()}{words[1:]}"
