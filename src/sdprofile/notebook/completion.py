"""Tab completion: tells IPython's completer which options of a magic fit before the cursor."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sdprofile.options.options import ClusterOptions, Options

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>sdprofile)\s(?P<line>.*)", re.DOTALL)
# As in IPython, the first "=" of a line may assign what its magic gives.
_LINE_MAGIC = re.compile(
    r"\s*(?:[^=]+=\s*)?%(?P<name>sdprofile|sdcluster)\s(?P<line>.*)", re.DOTALL
)
_OPTIONS: dict[str, type[Options] | type[ClusterOptions]] = {
    "sdprofile": Options,
    "sdcluster": ClusterOptions,
}
_COMPARE = re.compile(r"\s*(?:[^=]+=\s*)?%sdcompare\s(?P<line>.*)", re.DOTALL)
_IDENTIFIER = "sdprofile.options"

Names = Callable[[], Iterable[str]]


def register_completion(shell: InteractiveShell, names: Names = tuple) -> None:
    """Let a shell complete what the magics take; to call it again changes nothing.

    Parameters
    ----------
    shell
        Whose completer it is.
    names
        Gives the names of the profiles that have one.
    """
    unregister_completion(shell)
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:
        # IPython calls this API provisional. Without it only the completion is missing.
        return

    def match(context: CompletionContext) -> SimpleMatcherResult:
        known = tuple(shlex.quote(name) for name in names())
        fragment, candidates = _complete(context, known)
        return {
            "completions": [SimpleCompletion(text, type="option") for text in candidates],
            # Else it would be IPython's token, whose delimiters are for users to choose.
            "matched_fragment": fragment,
            # The other matchers know nothing of options, and would offer names that begin alike;
            # but where a name stands, a variable or a file may stand too.
            "suppress": bool(set(candidates) - set(known)),
            "ordered": True,
        }

    _matchers(shell).append(context_matcher(identifier=_IDENTIFIER, priority=1000)(match))


def unregister_completion(shell: InteractiveShell) -> None:
    """Take the completion of the options out of a shell."""
    matchers = _matchers(shell)
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", None) != _IDENTIFIER]


def _matchers(shell: InteractiveShell) -> list[Any]:
    return getattr(getattr(shell, "Completer", None), "custom_matchers", [])


def _complete(context: CompletionContext, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    before, line = context.full_text.split("\n")[: context.cursor_line], context.text_until_cursor
    if compared := _COMPARE.match(line):
        fragment = re.split(r"\s", compared["line"])[-1]
        candidates = tuple(name for name in names if name.startswith(fragment))
        return (fragment, candidates) if candidates else ("", ())
    magic = _LINE_MAGIC.match(line)
    if magic is None and not "".join(before).strip():
        magic = _CELL_MAGIC.match(line)
    if magic is None:
        return "", ()
    options = _OPTIONS[magic["name"]]
    fragment, candidates = options.complete(magic["line"], known={"against": names})
    # A fragment without candidates stays that of the others, who may see it otherwise.
    return (fragment, candidates) if candidates else ("", ())
