"""Runs a cell as IPython does, several times from the same names."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import tokenize
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

from sdprofile.errors import SdprofileError
from sdprofile.notebook.capture import Output, captured
from sdprofile.notebook.folded import folded, is_long
from sdprofile.notebook.internals import is_notebook, missing_here, prompt_number, shown_error
from sdprofile.notebook.on_loop import on_loop
from sdprofile.notebook.sources import with_sources
from sdprofile.notebook.varied import check_named, evaluated, without_assignments
from sdprofile.options.variations import Variations
from sdprofile.spatial.scope import Scope
from sdprofile.subject import Subject

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.model.printed import Printed

_EMPTY = "expected some code to run, got an empty cell (write it below the line of %%sdprofile)"


class InvalidCellError(SdprofileError):
    """The cell is no Python: shown as IPython shows it, its line and the message alone.

    Notes
    -----
    Of a SyntaxError that a magic raises IPython shows all frames, whatever its traceback says.
    """

    def __init__(self, shell: InteractiveShell, error: SyntaxError) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self._shown = shown_error(shell, error)

    def _render_traceback_(self) -> list[str]:
        return self._shown


class Cell:
    """A cell that can be run again and again.

    It is compiled once. Each run starts from the names that were there at first, so that
    ``x = x + 1`` gives the same each time, and results of earlier runs are dropped. Objects that
    the cell changes in place stay changed.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        source: str,
        *,
        first_line: str | None,
        vary: Variations = (),
        may_await: bool = False,
    ) -> None:
        """Compile a cell.

        Parameters
        ----------
        shell
            In whose namespace it runs.
        source
            The cell without the magic's line.
        first_line
            The magic's line, so that tracebacks count lines as the notebook does; None for none.
        vary
            Variables that are set to one value after another.
        may_await
            Whether it is run on a loop, from a thread beside it.

        Raises
        ------
        SdprofileError
            If the cell is empty or awaits something where it may not, or if what is to be varied
            cannot be.
        InvalidCellError
            If it is no Python.
        """
        if not source.strip():
            raise SdprofileError(_EMPTY)
        self._shell = shell
        self.source = source.strip("\n")
        self._may_await = may_await
        self._names = _own_names(shell)
        self._value: Any = None
        self._output = Output()
        varied = [name for name, _ in vary]
        check_named(varied, source, shell.user_ns)
        self._parts, self._shows_value = _compile(shell, source, first_line, varied)
        if not may_await and any(map(_is_awaited, self._parts)):
            raise SdprofileError(
                "expected code without await at its top level to hold against a cell that has none,"
                " got some (await something in the cell, too)"
            )
        self._values = evaluated(vary, shell.user_ns)
        self.scope = Scope(self._parts, shell.user_ns)

    @property
    def subject(self) -> Subject:
        """What a sweep runs."""
        return Subject(
            work=self.run,
            code=self.source,
            scope=self.scope,
            around=self.fresh,
            take_printed=self._take_printed,
            values=self._values,
            remarks=missing_here(self._shell),
        )

    def run(self, **values: object) -> object:
        """Execute the cell once and return its last value; call it inside `fresh`.

        Parameters
        ----------
        values
            What is set before; what the cell itself sets these variables to is left out.
        """
        shell = self._shell
        shell.user_ns.update(values)
        if self._may_await:
            on_loop(self._run_on_loop())
        else:
            for part in self._parts:
                self._value = eval(part, shell.user_global_ns, shell.user_ns)  # noqa: S307
        return self._value

    async def _run_on_loop(self) -> None:
        shell = self._shell
        for part in self._parts:
            value = eval(part, shell.user_global_ns, shell.user_ns)  # noqa: S307
            self._value = await value if _is_awaited(part) else value

    @contextlib.contextmanager
    def fresh(self) -> Iterator[None]:
        """Drop what an earlier run left, and keep what is shown in this context."""
        self._value, self._output = None, Output()
        self._restore_names()
        with captured(self._shell) as output:
            self._output = output
            yield

    def _take_printed(self, printed: Sequence[Printed]) -> None:
        self._output.by_workers = printed

    def show(self) -> None:
        """Show the output and the value of the last run, as if the cell had been run once.

        Variables that were varied have the value that they had before.
        """
        for name in self._values:
            self._shell.user_ns.pop(name, None)
            if name in self._names:
                self._shell.user_ns[name] = self._names[name]
        self._output.show(self._shell)
        if self._shows_value and self._value is not None:
            self._show_value()
        self._value, self._output = None, Output()

    def _show_value(self) -> None:
        from IPython.display import display

        formatter = self._shell.display_formatter
        if not is_notebook(self._shell) or formatter is None:
            display(self._value)
            return
        data, metadata = formatter.format(self._value)
        if data:  # else it has displayed itself
            kept = {} if is_long(data.get("text/plain", "")) else metadata
            self._shell.display_pub.publish(folded(data, "value of the cell"), kept)

    def own_traceback(self, error: BaseException) -> BaseException:
        """Return an error of the cell without the frames above the cell, and with its sources."""
        codes = set(self._parts)
        with_sources(error, codes, self._shell.user_ns)
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_frame.f_code not in codes:
            traceback = traceback.tb_next
        return error.with_traceback(traceback) if traceback is not None else error

    def _restore_names(self) -> None:
        names = self._shell.user_ns
        for name in _own_names(self._shell).keys() - self._names.keys():
            del names[name]
        names.update(self._names)


def _own_names(shell: InteractiveShell) -> dict[str, Any]:
    """Return the names in the user's namespace, but not those by which Python runs the module."""
    return {
        name: value
        for name, value in shell.user_ns.items()
        if not (name.startswith("__") and name.endswith("__"))
    }


def _compile(
    shell: InteractiveShell, source: str, first_line: str | None, varied: Sequence[str]
) -> tuple[list[CodeType], bool]:
    """Return the compiled parts, the last one an expression if there is one, and if it is shown."""
    blank = len(source) - len(source.lstrip("\n"))  # transform_cell takes these lines off
    above = "\n" * blank if first_line is None else f"# {first_line}" + "\n" * (blank + 1)
    transformed = above + shell.transform_cell(source)
    name = shell.compile.cache(transformed, prompt_number(shell), raw_code=transformed)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0
    with shell.compile.extra_flags(flags):
        try:
            tree = shell.transform_ast(shell.compile.ast_parse(transformed, filename=name))
            if not tree.body:  # comments only
                raise SdprofileError(_EMPTY)
            parts = [
                shell.compile(part, name, mode)  # type: ignore[arg-type] # takes trees
                for part, mode in _parted(tree.body, varied)
            ]
        except SyntaxError as error:
            raise InvalidCellError(shell, error) from None
    return parts, not _ends_with_semicolon(source)


def _parted(body: list[ast.stmt], varied: Sequence[str]) -> Iterator[tuple[ast.AST, str]]:
    """Yield all but a last expression, and that, each with how it is compiled."""
    kept = without_assignments(body, varied)
    last = kept[-1] if kept and kept[-1] is body[-1] else None
    if isinstance(last, ast.Expr):
        kept = kept[:-1]
    if kept:
        yield ast.Module(kept, type_ignores=[]), "exec"
    if isinstance(last, ast.Expr):
        yield ast.Expression(last.value), "eval"


def _is_awaited(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _ends_with_semicolon(source: str) -> bool:
    ignored = (
        tokenize.ENDMARKER,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.COMMENT,
        tokenize.INDENT,
        tokenize.DEDENT,
    )
    last = ""
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in ignored:
                last = token.string
    return last == ";"
