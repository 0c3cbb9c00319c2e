"""In the process of a worker: leads its standard output and error into files for a while."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Literal, TextIO

_LOOK = 0.5
"""Seconds after which a worker cuts what has become too long."""

StreamName = Literal["stdout", "stderr"]

DESCRIPTORS: dict[StreamName, int] = {"stdout": 1, "stderr": 2}

Kept = tuple[str, int]
"""Text, and the number of bytes that are left out of it."""

_caught: dict[StreamName, Caught] = {}
"""The streams of this process that are led into files."""


async def begin_catching(room: int, keep_log: bool) -> dict[StreamName, str]:
    """Lead the streams of this process into files.

    Parameters
    ----------
    room
        How many bytes of each are kept.
    keep_log
        Whether what dask itself logs goes where it went: into a log that others read.

    Returns
    -------
    dict
        Paths of the files. If one is removed, the streams go where they went before.
    """
    end_catching()  # an earlier run may have got no answer
    # Each place warns once only, unless the filters have changed: in each run as in the first.
    with warnings.catch_warnings():
        pass
    try:
        for stream in DESCRIPTORS:
            _caught[stream] = Caught(stream, room, keep_log=keep_log)
    except OSError:
        end_catching()
        raise
    asyncio.get_running_loop().call_later(_LOOK, _look, tuple(_caught.values()))
    return {stream: caught.path for stream, caught in _caught.items()}


def end_catching() -> dict[StreamName, Kept]:
    """Lead the streams to where they went before, and return what went into the files."""
    kept = {stream: caught.end() for stream, caught in _caught.items()}
    _caught.clear()
    return kept


def take_file(path: str, room: int) -> Kept:
    """Return the text of a file, and by how many bytes it is longer; remove the file."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(room).decode(errors="replace")
            cut = max(0, os.fstat(file.fileno()).st_size - room)
        Path(path).unlink(missing_ok=True)
    except OSError:
        return "", 0
    return text, cut


def take_files(paths: dict[StreamName, str], room: int) -> dict[StreamName, Kept]:
    """Return what a process that has died left in its files."""
    return {stream: take_file(path, room) for stream, path in paths.items()}


class Caught:
    """One of the streams of this process, as long as it is led into a file."""

    def __init__(self, stream: StreamName, room: int, *, keep_log: bool) -> None:
        """Lead it into a file; for the parameters see `begin_catching`."""
        self._stream: TextIO | None = getattr(sys, stream)
        self._room = room
        self._cut = 0
        self._descriptor = DESCRIPTORS[stream]
        self._before = os.dup(self._descriptor)
        handle, self.path = tempfile.mkstemp(prefix="sdprofile-", suffix=f".{stream}")
        os.close(handle)
        # Appending, so that the file can be cut while others write.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        self._flush()
        os.dup2(handle, self._descriptor)
        os.close(handle)
        self._by_line = getattr(self._stream, "line_buffering", True)
        self._buffer_by_line(True)  # lest the last lines die with the worker
        self._log: TextIO | None = None
        if keep_log:
            self._log = os.fdopen(os.dup(self._before), "w", buffering=1)
            _exchange(self._stream, self._log)

    def cut(self) -> bool:
        """Cut the file if it has become too long; say whether it is still there."""
        try:
            surplus = os.stat(self.path).st_size - self._room
            if surplus > self._room:
                os.truncate(self.path, self._room)
                self._cut += surplus
        except FileNotFoundError:
            return False
        return True

    def end(self) -> Kept:
        """Lead the stream to where it went before, and return what went into the file."""
        self._flush()
        os.dup2(self._before, self._descriptor)
        os.close(self._before)
        self._buffer_by_line(self._by_line)
        if self._log is not None:
            _exchange(self._log, self._stream)
            self._log.close()
        text, cut = take_file(self.path, self._room)
        return text, cut + self._cut

    def _flush(self) -> None:
        with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or closed
            self._stream.flush()  # type: ignore[union-attr] # as said

    def _buffer_by_line(self, by_line: bool) -> None:
        if isinstance(self._stream, io.TextIOWrapper) and not self._stream.closed:
            self._stream.reconfigure(line_buffering=by_line)


def _exchange(stream: TextIO | None, other: TextIO | None) -> None:
    """Let the handlers of dask's own log (`distributed.config`) write to another stream."""
    for handler in logging.getLogger("distributed").handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            handler.setStream(other)


def _look(watched: tuple[Caught, ...]) -> None:
    if watched != tuple(_caught.values()):
        return
    if all(caught.cut() for caught in watched):
        asyncio.get_running_loop().call_later(_LOOK, _look, watched)
    else:
        end_catching()
