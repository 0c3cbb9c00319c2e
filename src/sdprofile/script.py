"""Profiles a script from the command line: ``python -m sdprofile script.py --workers 1,2,4``."""

from __future__ import annotations

import contextlib
import re
import runpy
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from sdprofile.errors import SdprofileError
from sdprofile.explain.comparison import CountChange
from sdprofile.explain.verdict import SLOWER
from sdprofile.options.declared import option
from sdprofile.options.options import Options
from sdprofile.output_files import check_file
from sdprofile.plain import run_subject
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile, load
from sdprofile.spatial.scope import Scope
from sdprofile.subject import Subject
from sdprofile.units import format_ratio

USAGE = "python -m sdprofile SCRIPT [options] [-- arguments of the script]"

_CONDITION = re.compile(
    r"(?P<what>slower|more memory) than (?P<file>.+) by (?P<percent>\d+(\.\d+)?) ?%", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What makes a profile fail."""

    what: str
    """``"slower"`` or ``"more memory"``."""

    file: str
    """The profile that it is held against, which `Profile.save` wrote."""

    percent: float
    """By how much, at any worker count."""

    def ratio(self, change: CountChange) -> float | None:
        """Return how many times the time, or the peak, a worker count took; None where not known.

        Nor is there one for a time that is not measurably longer.
        """
        if self.what != "slower":
            return change.peak_ratio
        verdict = change.verdict
        return 1 / verdict.ratio if verdict is not None and verdict.word == SLOWER else None

    def holds(self, change: CountChange) -> bool:
        """Whether a worker count fails."""
        ratio = self.ratio(change)
        return ratio is not None and ratio > 1 + self.percent / 100


def condition(text: str) -> Condition:
    """Read what makes a profile fail.

    Parameters
    ----------
    text
        For instance ``slower than before.json by 20%``.

    Raises
    ------
    SdprofileError
        If it reads otherwise.
    """
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise SdprofileError(
            f"expected 'slower than FILE by N%' or 'more memory than FILE by N%', got {text!r}"
        )
    return Condition(
        what=match["what"].lower(), file=match["file"], percent=float(match["percent"])
    )


def _conditions(given: object) -> tuple[Condition, ...]:
    texts = given if isinstance(given, list | tuple) else [given]
    return tuple(condition(str(text)) for text in texts)


@dataclass(frozen=True, kw_only=True)
class ScriptOptions(Options):
    """What a profile of a script is asked to do."""

    export: str | None = option(
        str,
        "write the result to this file, by its ending: .md for a pull request, .csv, .svg, .png,"
        " .trace.json (the tasks over time, for ui.perfetto.dev), .speedscope.json (the calls)",
        metavar="FILE",
    )
    fail_if: tuple[Condition, ...] = option(
        _conditions,
        "end with exit code 1 if the result is measurably slower, or took more memory, than a saved"
        " profile, like 'slower than before.json by 20%'; may come again",
        metavar="CONDITION",
        default=(),
        repeated=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Profile a script, print the report, and return the exit code.

    Parameters
    ----------
    arguments
        Of the command line, without the name of the program.

    Returns
    -------
    int
        0; 1 if a condition of ``--fail-if`` holds; 2 if something was asked that cannot be.
    """
    try:
        return _main(arguments)
    except SdprofileError as error:
        sys.stderr.write(f"sdprofile: {error}\n")
        return 2


def _main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(f"{USAGE}\n\n{ScriptOptions.help()}\n")
        return 0 if arguments else 2
    script, *rest = arguments
    path = Path(script)
    if script.startswith("-") or not path.is_file():
        raise SdprofileError(f"expected a script, got {script!r} ({USAGE})")
    options, own = ScriptOptions.parse(shlex.join(rest))
    for field in fields(Options):
        if field.metadata["in_python"] is None and getattr(options, field.name) != field.default:
            raise SdprofileError(f"--{field.name}: expected none for a script, got one")
    if options.vary:
        raise SdprofileError("--vary: expected none, for a script sets its own variables, got one")
    if options.export is not None:
        check_file("--export", options.export)
    before = {each.file: load(each.file) for each in options.fail_if}
    profile, _ = run_subject(_subject(path, shlex.split(own)), options)
    sys.stdout.write(f"{profile}\n")
    if options.export is not None:
        profile.export(options.export)
    failed = [
        line for each in options.fail_if for line in _failed(each, before[each.file], profile)
    ]
    sys.stdout.write("".join(f"{line}\n" for line in failed))
    return 1 if failed else 0


def _failed(each: Condition, before: Profile, after: Profile) -> Iterator[str]:
    """Yield a line for each worker count at which a condition holds."""
    compared = Comparison(names=(each.file, "this"), before=before, after=after)
    if not compared.counts:
        raise SdprofileError(
            f"--fail-if: expected a profile with the same --workers, got {each.file} with"
            f" {', '.join(count.setting.label for count in before.counts)}"
        )
    for change in compared.counts:
        ratio = each.ratio(change)
        if ratio is not None and each.holds(change):
            yield (
                f"failed: {change.after.setting.name}: {format_ratio(ratio)}x the"
                f" {'time' if each.what == 'slower' else 'peak memory'} of {each.file}, more than"
                f" {each.percent:g} % above"
            )


def _subject(path: Path, arguments: Sequence[str]) -> Subject:
    text = path.read_text(encoding="utf-8")
    code = compile(text, str(path), "exec")

    def work() -> None:
        with _as_main(path, arguments):
            runpy.run_path(str(path), run_name="__main__")

    # Its names are gone when it ends; where it gives them their values is known all the same.
    return Subject(work=work, code=text, scope=Scope([code], {}))


@contextlib.contextmanager
def _as_main(path: Path, arguments: Sequence[str]) -> Iterator[None]:
    """Let a script find its arguments, and the modules beside it, as when it is run."""
    before, search = sys.argv, sys.path[:]
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = before, search
