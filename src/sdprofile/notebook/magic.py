"""The magics ``%sdprofile`` (line and cell), ``%sdcluster`` and ``%sdcompare``."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand

from sdprofile.errors import SdprofileError, Stopped, one_line
from sdprofile.notebook.awaiting import AwaitsMagic, awaits
from sdprofile.notebook.completion import register_completion, unregister_completion
from sdprofile.notebook.internals import is_notebook, keep_as_last, unregister_magics
from sdprofile.notebook.known import KnownProfiles
from sdprofile.options.options import ClusterOptions, Options

if TYPE_CHECKING:
    from distributed import Client
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.notebook.cell import Cell
    from sdprofile.notebook.progress import Progress
    from sdprofile.results.comparison import Comparison
    from sdprofile.results.profile import Profile
    from sdprofile.sweep import Sweep


@magics_class
class SdprofileMagics(Magics):
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        """Make the magics for a shell; `register` does."""
        super().__init__(shell)
        self._shell = shell
        self.last: Profile | None = None
        self.known = KnownProfiles(shell)
        self._busy = False

    @no_var_expand
    @line_cell_magic
    def sdprofile(  # noqa: D102
        self, line: str, cell: str | None = None
    ) -> Profile | None | Coroutine[Any, Any, Profile | None]:
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
                f" ({self.known.told()})"
            )
        from sdprofile.notebook.display import register_display
        from sdprofile.plain import compare

        register_display(self._shell)
        before, after = (self.known.find("%sdcompare", word) for word in words)
        return compare(before, after, names=(words[0], words[1]))

    def _last(self) -> Profile:
        if self.last is None:
            raise SdprofileError(
                "%sdprofile: expected code to run, or a profile to show again, got neither"
                " (%%sdprofile on top of a cell makes one)"
            )
        return self.last

    def _profile(
        self, source: str, options: Options, *, first_line: str | None
    ) -> Profile | None | Coroutine[Any, Any, Profile | None]:
        """Profile a cell; return what has to be awaited for that if the cell awaits something."""
        __tracebackhide__ = True
        from sdprofile.notebook.cell import Cell
        from sdprofile.notebook.display import register_display
        from sdprofile.notebook.progress import Progress
        from sdprofile.notebook.screen import find_screen
        from sdprofile.sweep import Sweep

        register_display(self._shell)
        may_await = awaits(self._shell, source)
        make_cell = partial(Cell, self._shell, may_await=may_await)
        cell = make_cell(source, first_line=first_line, vary=options.vary)
        before = self.known.find("--against", options.against) if options.against else None
        rival = None
        if before is not None and options.against in self.known.named:
            rival = make_cell(before.code, first_line="").subject
        progress = Progress(None if options.quiet else find_screen(self._shell))
        sweep = Sweep(cell.subject, options, rival=rival, notify=progress.show)
        if may_await:
            return self._awaited(cell, sweep, progress, options, before)
        try:
            self._sweep(sweep, progress)
        except BaseException as error:  # noqa: BLE001 - raised again
            raise self._ended(error, cell, sweep, options)  # noqa: B904 - mostly the same error
        return self._through(cell, sweep, options, before)

    async def _awaited(
        self, cell: Cell, sweep: Sweep, progress: Progress, options: Options, before: Profile | None
    ) -> Profile | None:
        __tracebackhide__ = True
        from sdprofile.notebook.on_loop import beside_loop

        try:
            await beside_loop(lambda: self._sweep(sweep, progress))
        except BaseException as error:  # noqa: BLE001 - raised again
            raise self._ended(error, cell, sweep, options)  # noqa: B904 - mostly the same error
        return self._through(cell, sweep, options, before)

    def _ended(
        self, error: BaseException, cell: Cell, sweep: Sweep, options: Options
    ) -> BaseException:
        """Show and keep what was measured before an error, and return what to raise for it."""
        from sdprofile.interrupts import ignored

        # What was measured is kept; a mistake before the first run keeps the profile before.
        reason = _reason(error, measured=bool(sweep.runs))
        with ignored():
            if sweep.runs:
                self._keep(sweep.keep(stopped=reason), options)
            cell.show()
            if any(run.status == "ok" for run in sweep.runs) and not options.quiet:
                self._show_now()
        stopped = isinstance(error, KeyboardInterrupt)
        return Stopped(reason) if stopped else cell.own_traceback(error)

    def _through(
        self, cell: Cell, sweep: Sweep, options: Options, before: Profile | None
    ) -> Profile | None:
        """Show and keep what was measured, and return what is the magic's value."""
        from sdprofile.notebook.display import show_above
        from sdprofile.results.comparison import Comparison

        profile = sweep.keep()
        self._keep(profile, options)
        from_top = is_notebook(self._shell)  # a terminal is read from the last line
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
            self.known.named[options.name] = profile
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
    AwaitsMagic(shell).register()
    register_completion(shell, lambda: magics.known.named)


def unregister(shell: InteractiveShell) -> None:
    """Take the magics out of a shell, and close the cluster that they started."""
    import sys

    AwaitsMagic(shell).unregister()
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
