"""One line that tells how far a profile is, and is gone at its end."""

from __future__ import annotations

import html
import sys
import time
import uuid
from typing import TYPE_CHECKING, TextIO

from sdprofile.model.units import format_seconds, plural

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.sweep import Step


class Progress:
    """Tells count, repeat and time left: in a notebook, a terminal, or a file.

    Publisher and stream are bound before a cell's output is captured.
    """

    def __init__(self, shell: InteractiveShell, *, quiet: bool) -> None:
        """Prepare; nothing is shown yet.

        Parameters
        ----------
        shell
            Where to show it.
        quiet
            Whether to show nothing.
        """
        self._quiet = quiet
        self._publisher = shell.display_pub if hasattr(shell, "kernel") else None
        self._stream: TextIO = sys.stderr
        self._display_id = uuid.uuid4().hex
        self._shown = False
        self._began: float | None = None

    def show(self, step: Step) -> None:
        """Show what comes next."""
        who = plural(step.workers, "worker")
        if step.repeat:
            text = f"{who}, run {step.repeat}: {step.done} of {step.done + step.left} runs done"
        else:
            text = f"going to {who}"
        if self._began is None and step.repeat:
            self._began = time.monotonic()  # starting the cluster says nothing about the runs
        if step.done and self._began is not None:
            each = (time.monotonic() - self._began) / step.done
            text += f", about {format_seconds(each * step.left)} left"
        self._show(text, step)

    def clear(self) -> None:
        """Take the line away."""
        if not self._shown:
            return
        if self._publisher is not None:
            self._publish("", "")
        elif self._stream.isatty():
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

    def _show(self, text: str, step: Step) -> None:
        if self._quiet:
            return
        text = f"sdprofile: {text}"
        if self._publisher is not None:
            bar = f'<progress value="{step.done}" max="{step.done + step.left}"></progress> '
            self._publish(f"<div>{bar}{html.escape(text)}</div>", text)
        elif self._stream.isatty():
            self._stream.write(f"\r\x1b[2K{text}")
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()
        self._shown = True

    def _publish(self, as_html: str, text: str) -> None:
        self._publisher.publish(  # type: ignore[union-attr] # callers have checked
            data={"text/html": as_html, "text/plain": text},
            metadata={},
            transient={"display_id": self._display_id},
            update=self._shown,
        )
