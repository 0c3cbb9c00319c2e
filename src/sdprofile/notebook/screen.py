"""Where the progress of a profile is shown: a notebook, a terminal, a pipe or file."""

from __future__ import annotations

import os
import sys
import uuid
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from sdprofile.notebook.internals import is_notebook
from sdprofile.render.page.progress import progress_html
from sdprofile.render.text.progress import progress_line, progress_lines

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.progress import Standing

_PLAIN_WIDTH = 100
"""Columns of the text for a notebook that shows no HTML."""


class Screen(Protocol):
    """What the progress is drawn on."""

    ticks: bool
    """Whether it may be drawn again and again."""

    def draw(self, standing: Standing) -> None:
        """Show how far a sweep is, in place of what was shown before."""

    def clear(self) -> None:
        """Take away what was shown."""


def find_screen(shell: InteractiveShell) -> Screen:
    """Return the screen of a shell.

    It is bound to the publisher and the stream of this moment: later a cell's output is captured.
    """
    if is_notebook(shell):
        return NotebookScreen(shell.display_pub)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalScreen(sys.stderr)
    return PlainScreen(sys.stderr)


class NotebookScreen:
    """One output of a cell, which is updated by its display id."""

    ticks = True

    def __init__(self, publisher: Any) -> None:
        """Prepare an output.

        Parameters
        ----------
        publisher
            IPython's display publisher.
        """
        self._publisher = publisher
        self._display_id = uuid.uuid4().hex
        self._shown = False

    def draw(self, standing: Standing) -> None:
        """Show how far a sweep is."""
        lines = progress_lines(standing, width=_PLAIN_WIDTH, height=100)
        self._publish(progress_html(standing), "\n".join(lines))

    def clear(self) -> None:
        """Leave an empty output, for there is no message that takes away one output only."""
        self._publish("", "")

    def _publish(self, as_html: str, text: str) -> None:
        self._publisher.publish(
            data={"text/html": as_html, "text/plain": text},
            metadata={},
            transient={"display_id": self._display_id},
            update=self._shown,
        )
        self._shown = True


class TerminalScreen:
    """The lines below the cursor of a terminal.

    The cursor waits on the empty line above them. So all that is ever to be erased is below it,
    whatever else was printed meanwhile, by workers for instance, or if the window changed its size.
    """

    ticks = True

    def __init__(self, stream: TextIO) -> None:
        """Prepare; nothing is shown yet.

        Parameters
        ----------
        stream
            Of the terminal.
        """
        self._stream = stream
        self._write_text = stream.write  # as it is now: later what is written is captured
        self._ascii_only = not _takes(stream, "±–─")

    def draw(self, standing: Standing) -> None:
        """Show how far a sweep is."""
        width, height = self._size()
        # A full last column would make some terminals begin a new line.
        lines = progress_lines(
            standing, width=width - 1, height=max(1, height - 1), ascii_only=self._ascii_only
        )
        # Each line is erased only once there is a new one, lest they flicker.
        drawn = "".join(f"\n{line}\x1b[K" for line in lines)
        self._write(f"\r\x1b[K{drawn}\x1b[J\x1b[{len(lines)}A\r")

    def clear(self) -> None:
        """Erase what is below the cursor."""
        self._write("\r\x1b[J")

    def _size(self) -> tuple[int, int]:
        """Return columns and lines; unlike those of `shutil`, of this stream, and as they are."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return size.columns or 80, size.lines or 24  # a terminal may not know, and say 0

    def _write(self, text: str) -> None:
        self._write_text(text)
        self._stream.flush()


class PlainScreen:
    """A pipe or file, or a terminal that obeys nothing: a line for each run."""

    ticks = False

    def __init__(self, stream: TextIO) -> None:
        """Prepare; nothing is written yet.

        Parameters
        ----------
        stream
            Where to write.
        """
        self._stream = stream
        self._warned = False

    def draw(self, standing: Standing) -> None:
        """Write a line as a run begins, and once that it will take long."""
        if standing.step.forecast and not self._warned:
            self._warned = True
            self._stream.write(f"sdprofile: {standing.step.forecast}\n")
        if standing.step.repeat:
            self._stream.write(f"{progress_line(standing)}\n")
            self._stream.flush()

    def clear(self) -> None:
        """Leave what is written."""


def _takes(stream: TextIO, text: str) -> bool:
    # A stream in memory has no encoding, and takes everything.
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
