"""Tab completion: tells IPython's completer which options of a magic fit before the cursor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sdprofile.options import ClusterOptions, Options

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
_IDENTIFIER = "sdprofile.options"


def register_completion(shell: InteractiveShell) -> None:
    """Let a shell complete the options of the magics; to call it again changes nothing."""
    unregister_completion(shell)
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:
        # IPython calls this API provisional. Without it only the completion is missing.
        return

    def match(context: CompletionContext) -> SimpleMatcherResult:
        fragment, candidates = _complete(context)
        return {
            "completions": [SimpleCompletion(text, type="option") for text in candidates],
            # Else it would be IPython's token, whose delimiters are for users to choose.
            "matched_fragment": fragment,
            # The other matchers know nothing of options, and would offer names that begin alike.
            "suppress": bool(candidates),
            "ordered": True,
        }

    _matchers(shell).append(context_matcher(identifier=_IDENTIFIER, priority=1000)(match))


def unregister_completion(shell: InteractiveShell) -> None:
    """Take the completion of the options out of a shell."""
    matchers = _matchers(shell)
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", None) != _IDENTIFIER]


def _matchers(shell: InteractiveShell) -> list[Any]:
    return getattr(getattr(shell, "Completer", None), "custom_matchers", [])


def _complete(context: CompletionContext) -> tuple[str, tuple[str, ...]]:
    before, line = context.full_text.split("\n")[: context.cursor_line], context.text_until_cursor
    magic = _LINE_MAGIC.match(line)
    if magic is None and not "".join(before).strip():
        magic = _CELL_MAGIC.match(line)
    if magic is None:
        return "", ()
    fragment, candidates = _OPTIONS[magic["name"]].complete(magic["line"])
    # A fragment without candidates stays that of the others, who may see it otherwise.
    return (fragment, candidates) if candidates else ("", ())
