"""The magics ``%sdprofile`` (line and cell), ``%sdcluster`` and ``%sdcompare``."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand

from sdprofile.errors import SdprofileError, closest, one_line
from sdprofile.notebook.completion import register_completion, unregister_completion
from sdprofile.notebook.internals import is_notebook, keep_as_last, unregister_magics
from sdprofile.options.options import ClusterOptions, Options

if TYPE_CHECKING:
    from distributed import Client
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.notebook.progress import Progress
    from sdprofile.results.comparison import Comparison
    from sdprofile.results.profile import Profile
    from sdprofile.sweep import Sweep


class Stopped(KeyboardInterrupt):
    """The user interrupted a profile: one line instead of a traceback, and "Run all" stops."""

    def _render_traceback_(self) -> list[str]:
        return [f"sdprofile: {self}"]


@magics_class
class SdprofileMagics(Magics):
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        """Make the magics for a shell; `register` does."""
        super().__init__(shell)
        self._shell = shell
        self.last: Profile | None = None
        self.named: dict[str, Profile] = {}
        self._busy = False

    @no_var_expand
    @line_cell_magic
    def sdprofile(self, line: str, cell: str | None = None) -> Profile | None:  # noqa: D102
        __tracebackhide__ = True
        if cell is None and not line.strip():
            return self._last()
        if self._busy:
            raise SdprofileError("expected one profile at a time, got another one inside a cell")
        options, statement = Options.parse(line)
        if cell is not None and statement:
            hint = " (write values without spaces between: 1,2,4)" if statement[0].isdigit() else ""
            raise SdprofileError(
                f"expected only options on the first line, got {statement!r}{hint}"
            )
        if cell is None and not statement:
            raise SdprofileError(
                "%sdprofile: expected a statement after the options, got none"
                " (%%sdprofile is the one for a whole cell)"
            )
        source = statement if cell is None else cell
        return self._profile(
            source, options, first_line=f"%%sdprofile {line}" if cell is not None else None
        )

    @line_magic
    def sdcluster(self, line: str) -> Client | None:  # noqa: D102
        options, rest = ClusterOptions.parse(line)
        if rest:
            raise SdprofileError(f"%sdcluster: expected only options, got {rest!r}")
        from sdprofile.notebook.cluster import close_session_cluster, session_cluster

        if options.close:
            close_session_cluster()
            return None
        return session_cluster(options)

    @line_magic
    def sdcompare(self, line: str) -> Comparison:  # noqa: D102
        try:
            words = shlex.split(line)
        except ValueError:  # a quote without its end
            words = line.split()
        if len(words) != 2:
            raise SdprofileError(
                f"%sdcompare: expected two names, variables or files of profiles, got {len(words)}"
                f" ({self._known()})"
            )
        from sdprofile.notebook.display import register_display
        from sdprofile.plain import compare

        register_display(self._shell)
        before, after = (self._find("%sdcompare", word) for word in words)
        return compare(before, after, names=(words[0], words[1]))

    def _find(self, where: str, word: str) -> Profile:
        """Return the profile that a word of the user's stands for."""
        from sdprofile.results.profile import Profile, load

        found = self.named.get(word, self._shell.user_ns.get(word))
        if isinstance(found, Profile):
            return found
        if not Path(word).expanduser().exists():
            raise SdprofileError(
                f"{where}: expected the name, the variable or the file of a profile, got"
                f" {word!r} ({self._close_to(word)}{self._known()})"
            )
        return load(word)

    def _known(self) -> str:
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

    def _last(self) -> Profile:
        if self.last is None:
            raise SdprofileError(
                "%sdprofile: expected code to run, or a profile to show again, got neither"
                " (%%sdprofile on top of a cell makes one)"
            )
        return self.last

    def _profile(self, source: str, options: Options, *, first_line: str | None) -> Profile | None:
        __tracebackhide__ = True
        from sdprofile.interrupts import ignored
        from sdprofile.notebook.cell import Cell
        from sdprofile.notebook.display import register_display, show_above
        from sdprofile.notebook.progress import Progress
        from sdprofile.notebook.screen import find_screen
        from sdprofile.results.comparison import Comparison
        from sdprofile.sweep import Sweep

        register_display(self._shell)
        cell = Cell(self._shell, source, first_line=first_line, vary=options.vary)
        before = self._find("--against", options.against) if options.against else None
        rival = None
        if before is not None and options.against in self.named:
            rival = Cell(self._shell, before.code, first_line="").subject
        progress = Progress(None if options.quiet else find_screen(self._shell))
        sweep = Sweep(cell.subject, options, rival=rival, notify=progress.show)
        try:
            self._sweep(sweep, progress)
        except BaseException as error:  # noqa: BLE001 - raised again below
            # What was measured is kept; a mistake before the first run keeps the profile before.
            reason = _reason(error, measured=bool(sweep.runs))
            with ignored():
                if sweep.runs:
                    self._keep(sweep.keep(stopped=reason), options)
                cell.show()
                if any(run.status == "ok" for run in sweep.runs) and not options.quiet:
                    self._show_now()
            if isinstance(error, KeyboardInterrupt):
                raise Stopped(reason) from None
            raise cell.own_traceback(error)  # noqa: B904 - the same error, with fewer frames
        profile = sweep.keep()
        self._keep(profile, options)
        # A notebook is read from the top, a terminal from the last line.
        from_top = is_notebook(self._shell)
        if not from_top:
            cell.show()
        if before is not None and not options.quiet:
            from IPython.display import display

            names = (options.against or "", options.name or "now")
            display(Comparison(names=names, before=sweep.rival_profile() or before, after=profile))
        if from_top:
            if not options.quiet:
                show_above(self._shell, profile)
            cell.show()
        return None if options.quiet else profile

    def _sweep(self, sweep: Sweep, progress: Progress) -> None:
        self._busy = True
        try:
            with contextlib.closing(iter(sweep)) as runs:
                for _ in runs:
                    progress.fill(sweep.profile())
        finally:
            self._busy = False
            progress.clear()

    def _keep(self, profile: Profile, options: Options) -> None:
        self.last = profile
        if options.name is not None:
            self.named[options.name] = profile
        if options.out is not None:
            self._shell.user_ns[options.out] = profile

    def _show_now(self) -> None:
        from IPython.display import display

        display(self.last)
        keep_as_last(self._shell, self.last)


def _reason(error: BaseException, *, measured: bool) -> str:
    if isinstance(error, KeyboardInterrupt) and measured:
        return "interrupted; what was measured before is kept (%sdprofile shows it)"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted before the first run had finished"
    return one_line(error)


def register(shell: InteractiveShell) -> None:
    """Register the magics in a shell."""
    magics = SdprofileMagics(shell)
    shell.register_magics(magics)
    register_completion(shell, lambda: magics.named)


def unregister(shell: InteractiveShell) -> None:
    """Take the magics out of a shell, and close the cluster that they started."""
    import sys

    unregister_completion(shell)
    magics = unregister_magics(shell, SdprofileMagics.__name__)
    for kind in ("line", "cell"):
        for name in ("sdprofile", "sdcluster", "sdcompare"):
            found = shell.magics_manager.magics[kind].get(name)
            if magics is not None and getattr(found, "__self__", None) is magics:
                del shell.magics_manager.magics[kind][name]
    # What was never imported has started nothing.
    if "sdprofile.notebook.display" in sys.modules:
        from sdprofile.notebook.display import unregister_display

        unregister_display(shell)
    if "sdprofile.cluster.session" in sys.modules:
        from sdprofile.cluster.own import close_cluster

        close_cluster()


SdprofileMagics.sdprofile.__doc__ = f"""Profile a cell or a line on several numbers of dask workers.

Usage, in cell mode::

  %%sdprofile [options]
  code

in line mode::

  %sdprofile [options] statement

and to see the last profile again::

  %sdprofile

The cell is run `--repeats` times at each worker count. What it prints and its value are shown once,
the names that it sets stay. The result is a Profile, which `_` and `--out NAME` keep:
`to_frame()`, `summary()`, `memory()`, `spans()`, `steps()` and `tasks()` give pandas tables,
`plot()` a figure, `save(path)` a file.

Options:

{Options.help()}
"""

SdprofileMagics.sdcluster.__doc__ = f"""Start, show, change or close the cluster of the session.

Usage::

  client = %sdcluster [options]

Returns the cluster's client, which becomes the session's default. If the session has a dask client
of its own, its cluster is used.

Options:

{ClusterOptions.help()}
"""

SdprofileMagics.sdcompare.__doc__ = """Compare two profiles.

Usage::

  %sdcompare BEFORE AFTER

Each is a name that ``%%sdprofile --name NAME`` gave, a variable that holds a Profile, or a file
that was saved. It begins with what became of time and memory; for each worker count that both have
there are times, peaks, memory over time and steps, and what is not alike (machine, limits).
"""
