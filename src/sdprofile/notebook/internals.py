"""What IPython, and its backend for figures, keep to themselves: the only page that names it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from sdprofile.internals.names import Name, missing_imports, missing_notices, missing_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.model.notice import Notice

SYNTAX_TB = Name(
    of="IPython.InteractiveShell",
    name="SyntaxTB",
    kind="shell",
    without="of a cell that is no Python only the error is shown, not its line",
)
PROMPT_COUNT = Name(
    of="IPython.DisplayHook",
    name="prompt_count",
    kind="hook",
    without="a traceback may give a cell another number",
)
UPDATE_USER_NS = Name(
    of="IPython.DisplayHook",
    name="update_user_ns",
    kind="hook",
    without="what was measured before an error is not kept as _",
)
REGISTRY = Name(
    of="IPython.MagicsManager",
    name="registry",
    kind="magics",
    without="%unload_ext leaves the magics in the session",
    common=True,
)
FLUSH_FIGURES = Name(
    of="matplotlib_inline.backend_inline",
    name="flush_figures",
    without="figures are shown after the report, by each run",
)

NAMES = (SYNTAX_TB, PROMPT_COUNT, UPDATE_USER_NS, REGISTRY, FLUSH_FIGURES)


def missing_here(shell: InteractiveShell) -> tuple[Notice, ...]:
    """Return what has to be left out, for IPython lacks a name; one notice for each feature."""
    return missing_notices(
        (
            *missing_imports(NAMES),
            *missing_of(shell, NAMES, "shell"),
            *missing_of(shell.displayhook, NAMES, "hook"),
            *missing_of(shell.magics_manager, NAMES, "magics"),
        ),
        _version,
    )


def is_notebook(shell: InteractiveShell) -> bool:
    """Whether a shell is that of a kernel, which has one; a terminal's has none."""
    return hasattr(shell, "kernel")


def shown_error(shell: InteractiveShell, error: SyntaxError) -> list[str]:
    """Return a syntax error as IPython shows it: its line and the message."""
    formatter = SYNTAX_TB.get(shell)
    if formatter is None:
        return [f"{type(error).__name__}: {error}"]
    return list(formatter.structured_traceback(type(error), error, None))


def prompt_number(shell: InteractiveShell) -> int:
    """Return the number of the cell that is being run.

    The shell's own count is one ahead in IPython 9.
    """
    return int(PROMPT_COUNT.get(shell.displayhook, shell.execution_count))


def keep_as_last(shell: InteractiveShell, value: object) -> None:
    """Let ``_`` be a value, as if a cell had ended with it."""
    keep = UPDATE_USER_NS.get(shell.displayhook)
    if keep is not None:
        keep(value)


def unregister_magics(shell: InteractiveShell, name: str) -> Any:
    """Take the magics of a class out of a shell's list and return them; None if there are none."""
    return (REGISTRY.get(shell.magics_manager) or {}).pop(name, None)


def flush_figures() -> None:
    """Show open figures now: the inline backend does so only once the whole cell is through."""
    matplotlib = sys.modules.get("matplotlib")
    if FLUSH_FIGURES.of in sys.modules and matplotlib is not None:
        flush = FLUSH_FIGURES.found()
        if flush is not None and "inline" in matplotlib.get_backend():
            flush()


def _version(library: str) -> str:
    from importlib import metadata

    with contextlib.suppress(metadata.PackageNotFoundError):
        return f" {metadata.version(library)}"
    return ""
