"""Keeps what a cell prints and displays, in order, to show it once instead of at each run."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from IPython.core.displaypub import CapturingDisplayPublisher

from sdprofile.notebook.folded import folded, is_long
from sdprofile.notebook.internals import flush_figures, is_notebook
from sdprofile.render.text.printed import printed_lines

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.model.printed import Printed

LONGEST_TEXT = 1_000_000
"""Characters that a run may print; a notebook that was given far more might never open again."""


@dataclass
class Output:
    """What one run of a cell has shown, in order; of text, the first `LONGEST_TEXT` characters."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    """Pairs of kind and content: ``stdout`` or ``stderr`` with text, ``display`` with a message."""

    printed: int = 0
    """Number of characters of text, also of what is not kept."""

    by_workers: Sequence[Printed] = ()
    """What the workers have printed meanwhile; it is shown after the rest."""

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
        """Show it all now, in a notebook what is long folded."""
        for kind, content in self.events:
            if kind == "display":
                shell.display_pub.publish(**content)
            elif kind == "stdout" and is_long("".join(content)) and is_notebook(shell):
                shell.display_pub.publish(folded({"text/plain": "".join(content)}, "printed"))
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
        self._show_workers()

    def _show_workers(self) -> None:
        left_out, cut = 0, False
        for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
            printed = [each for each in self.by_workers if each.stream == name]
            lines, more = printed_lines(printed)
            stream.write("".join(f"{line}\n" for line in lines))
            stream.flush()
            left_out += more
            cut = cut or any(each.cut for each in printed)
        if left_out or cut:
            many = f"more than {left_out:,}" if cut else f"{left_out:,}"
            sys.stderr.write(
                f"sdprofile: {many} more lines of the workers are not shown"
                " (run the cell without %%sdprofile to see all)\n"
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
    does not catch ``!command`` in a terminal, nor what has got hold of a stream before, as a
    handler of the logging module does.
    """
    output = Output()
    publisher, stdout, stderr = shell.display_pub, sys.stdout, sys.stderr
    own_system = vars(shell).get("system")
    # Each place warns once only, unless the filters have changed: in each run as in the first.
    with warnings.catch_warnings():
        pass
    shell.display_pub = _Publisher(output)
    shell.system = shell.system_piped  # type: ignore[method-assign] # for this shell only
    try:
        with _diverted(stdout, output, "stdout"), _diverted(stderr, output, "stderr"):
            yield output
            flush_figures()
    finally:
        shell.display_pub, sys.stdout, sys.stderr = publisher, stdout, stderr
        if own_system is None:
            del shell.system
        else:
            shell.system = own_system  # type: ignore[method-assign] # as it was


@contextlib.contextmanager
def _diverted(stream: TextIO, output: Output, name: str) -> Iterator[None]:
    """Keep what is written to a stream, by whoever has it."""
    before = vars(stream).get("write")
    over = False

    def write(text: str, /) -> int:
        if over:  # somebody has kept this function
            return stream.write(text)
        output.add_text(name, text)
        return len(text)

    stream.write = write  # type: ignore[method-assign] # of this stream only
    try:
        yield
    finally:
        over = True
        if before is None:
            del stream.write
        else:
            stream.write = before  # type: ignore[method-assign] # as it was


class _Publisher(CapturingDisplayPublisher):
    """A display publisher that writes into an `Output`."""

    def __init__(self, output: Output) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # a traitlets class
        self._output = output

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **message: Any) -> None:
        self._output.events.append(("display", {"data": data, "metadata": metadata, **message}))

    def clear_output(self, wait: bool = False) -> None:
        self._output.events.append(("clear", {"wait": wait}))
