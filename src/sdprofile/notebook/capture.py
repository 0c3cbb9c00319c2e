"""Keeps what a cell prints and displays, in order, to show it once instead of at each run."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.core.displaypub import CapturingDisplayPublisher

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LONGEST_TEXT = 1_000_000
"""Characters that a run may print; a notebook that was given far more might never open again."""


@dataclass
class Output:
    """What one run of a cell has shown, in order; of text, the first `LONGEST_TEXT` characters."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    """Pairs of kind and content: ``stdout`` or ``stderr`` with text, ``display`` with a message."""

    printed: int = 0
    """Number of characters of text, also of what is not kept."""

    def add_text(self, stream: str, text: str) -> None:
        """Append text, to the event before it where that is of the same stream."""
        room = max(LONGEST_TEXT - self.printed, 0)
        self.printed += len(text)
        text = text[:room]
        if not text:
            return
        if self.events and self.events[-1][0] == stream:
            self.events[-1][1].append(text)
        else:
            self.events.append((stream, [text]))

    def show(self, shell: InteractiveShell) -> None:
        """Show it all now."""
        for kind, content in self.events:
            if kind == "display":
                shell.display_pub.publish(**content)
            elif kind == "clear":
                shell.display_pub.clear_output(**content)
            else:
                stream = sys.stdout if kind == "stdout" else sys.stderr
                stream.write("".join(content))
                stream.flush()
        if self.printed > LONGEST_TEXT:
            sys.stderr.write(
                f"sdprofile: of {self.printed:,} characters that the cell printed, the first"
                f" {LONGEST_TEXT:,} are shown (run it without %%sdprofile to see all)\n"
            )


@contextlib.contextmanager
def captured(shell: InteractiveShell) -> Iterator[Output]:
    """Keep what is printed and displayed in this context.

    Parameters
    ----------
    shell
        Whose display publisher is exchanged meanwhile.

    Yields
    ------
    Output
        Filled as the context goes on.

    Notes
    -----
    `IPython.utils.capture` keeps all text apart from all displays, so their order is lost, and
    does not catch ``!command`` in a terminal.
    """
    output = Output()
    publisher, stdout, stderr = shell.display_pub, sys.stdout, sys.stderr
    own_system = vars(shell).get("system")
    shell.display_pub = _Publisher(output)
    sys.stdout, sys.stderr = _Stream(output, "stdout"), _Stream(output, "stderr")
    shell.system = shell.system_piped  # type: ignore[method-assign] # for this shell only
    try:
        yield output
        _flush_figures()
    finally:
        shell.display_pub, sys.stdout, sys.stderr = publisher, stdout, stderr
        if own_system is None:
            del shell.system
        else:
            shell.system = own_system  # type: ignore[method-assign] # as it was


class _Stream(io.TextIOBase):
    """A text stream that writes into an `Output`."""

    def __init__(self, output: Output, name: str) -> None:
        super().__init__()
        self._output = output
        self._name = name

    @property
    def encoding(self) -> str:  # type: ignore[override] # TextIOBase declares an attribute
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        self._output.add_text(self._name, text)
        return len(text)


class _Publisher(CapturingDisplayPublisher):
    """A display publisher that writes into an `Output`."""

    def __init__(self, output: Output) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # a traitlets class
        self._output = output

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **message: Any) -> None:
        self._output.events.append(("display", {"data": data, "metadata": metadata, **message}))

    def clear_output(self, wait: bool = False) -> None:
        self._output.events.append(("clear", {"wait": wait}))


def _flush_figures() -> None:
    """Show open figures now: the inline backend does so only once the whole cell is through."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    matplotlib = sys.modules.get("matplotlib")
    if backend is not None and matplotlib is not None and "inline" in matplotlib.get_backend():
        backend.flush_figures()
