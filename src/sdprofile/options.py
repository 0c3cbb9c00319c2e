"""Every option of the magics, declared once: parser, help, completion and README come from here."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from sdprofile import values
from sdprofile.errors import SdprofileError

_OPTION = re.compile(
    r"\s*(?P<text>-{1,2}[A-Za-z][\w-]*)(?:=(?P<value>\"[^\"]*\"|'[^']*'|\S*))?(?=\s|$)"
)
_VALUE = re.compile(r"\s*(?P<value>\"[^\"]*\"|'[^']*'|\S+)")
_END = re.compile(r"\s*--(?=\s|$)")


def _option(
    parse: Callable[[object], Any],
    help: str,  # noqa: A002 - argparse's word
    *,
    metavar: str = "",
    short: str = "",
    default: Any = None,
    choices: tuple[str, ...] = (),
    may_lack: bool = False,
) -> Any:
    metadata = {"parse": parse, "help": help, "metavar": metavar, "short": short}
    metadata |= {"choices": choices, "may_lack": may_lack}
    return dataclasses.field(default=default, metadata=metadata)


def _secure_option() -> Any:
    return _option(
        values.flag,
        "keep other users of this machine out of the cluster that sdprofile starts, by TLS; workers"
        " then exchange data more slowly",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class _Declared:
    """Options whose fields know how to read, explain and name themselves."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is field.default:
                continue
            try:
                parsed = field.metadata["parse"](value)
            except SdprofileError as error:
                raise SdprofileError(f"{_spelled(field)}: {error}") from error.__cause__
            object.__setattr__(self, field.name, parsed)

    @classmethod
    def parse(cls, line: str) -> tuple[Self, str]:
        """Read the options at the start of a line.

        Parameters
        ----------
        line
            What follows the magic's name.

        Returns
        -------
        options, rest
            The options, and what follows them, untouched; ``--`` ends the options.

        Raises
        ------
        SdprofileError
            If an option is not known, comes twice, lacks its value, or has one that does not fit.
        """
        values, line = cls._split(line)
        if end := _END.match(line):
            line = line[end.end() :]
        return cls(**values), line.strip()

    @classmethod
    def complete(cls, line: str) -> tuple[str, tuple[str, ...]]:
        """Tell what may stand at the end of a line that is still being written.

        Parameters
        ----------
        line
            What stands between the magic's name and the cursor.

        Returns
        -------
        fragment, candidates
            The end of the line that a candidate replaces, and the candidates: options that are not
            given yet, or the values of the option before the cursor. There are none for a value
            that may be anything, once the options have ended, and in a line that `parse` refuses.
        """
        word = re.split(r"\s", line)[-1]
        fragment = word.split("=", 1)[-1] if word.startswith("-") else word
        # A word in the fragment's place is read as a value, or left over where an option may stand.
        try:
            given, rest = cls._split(line[: len(line) - len(fragment)] + "?")
        except SdprofileError:
            return fragment, ()
        quoted = any(str(value).startswith(("'", '"')) for value in given.values())
        if quoted or rest.strip() not in ("", "?"):
            return fragment, ()
        fields = dataclasses.fields(cls)
        if rest:
            spellings = [s for f in fields if f.name not in given for s in _spellings(f)]
            # -r would be --repeats once more; but whoever has written it is not wrong.
            known = [text for text in spellings if text.startswith("--") or text == fragment]
        else:
            known = []
        if given and (not rest or list(given.values())[-1] is True):
            last = list(given)[-1]
            known += [text for f in fields if f.name == last for text in f.metadata["choices"]]
        return fragment, tuple(text for text in known if text.startswith(fragment))

    @classmethod
    def _split(cls, line: str) -> tuple[dict[str, Any], str]:
        """Return the values of a line's options, by field, as they are written; and the rest."""
        fields = {
            spelling: field for field in dataclasses.fields(cls) for spelling in _spellings(field)
        }
        values: dict[str, Any] = {}
        while not _END.match(line) and (match := _OPTION.match(line)):
            text, line = match["text"], line[match.end() :]
            field = fields.get(text)
            if field is None:
                raise SdprofileError(_unknown(text, list(fields)))
            if field.name in values:
                raise SdprofileError(f"{text}: expected once, got it twice")
            value: object = match["value"]
            if value is None and not field.metadata["metavar"]:
                value = True
            elif value is None:
                following = _VALUE.match(line)
                if field.metadata["may_lack"] and not _is_choice(following, field):
                    values[field.name] = True
                    continue
                if following is None or following["value"].startswith("--"):
                    metavar = field.metadata["metavar"]
                    raise SdprofileError(f"{text}: expected a value ({text} {metavar}), got none")
                value, line = following["value"], line[following.end() :]
            values[field.name] = _unquoted(value) if isinstance(value, str) else value
        return values, line

    @classmethod
    def help(cls) -> str:
        """Return the options, aligned and at most 78 columns wide, for ``%%sdprofile?``."""
        rows = [(_usage(field), field.metadata["help"]) for field in dataclasses.fields(cls)]
        column = max(len(usage) for usage, _ in rows) + 4
        return "\n".join(
            textwrap.fill(
                text,
                width=78,
                initial_indent=f"  {usage}".ljust(column),
                subsequent_indent=" " * column,
            )
            for usage, text in rows
        )

    @classmethod
    def markdown(cls) -> str:
        """Return the table of options that the README shows."""
        rows = [f"| `{_usage(f)}` | {f.metadata['help']} |" for f in dataclasses.fields(cls)]
        return "\n".join(["| option | meaning |", "|---|---|", *rows])


@dataclass(frozen=True, kw_only=True)
class Options(_Declared):
    """What a profile is asked to do."""

    workers: tuple[int, ...] | None = _option(
        values.worker_counts,
        "worker counts, in the order in which they first run (default: 1, 2, 4 ... up to the CPUs"
        " here)",
        metavar="N,N,...",
    )
    memory: str | None = _option(
        values.amount,
        "memory limit of each worker, like 5GB (default: the cluster's; of a new one an equal share"
        " of the free memory for the largest count)",
        metavar="AMOUNT",
    )
    threads: int | None = _option(
        values.whole_number,
        "threads of each worker (default: the cluster's; 1 of a new one)",
        metavar="N",
    )
    repeats: int = _option(
        values.whole_number,
        "runs of the cell at each count (default: 3)",
        metavar="N",
        short="-r",
        default=3,
    )
    order: str | None = _option(
        values.order,
        "rounds: the counts take turns, 1,2,4 4,2,1 ...; grouped: all runs of a count in a row"
        " (default: rounds on a cluster that sdprofile started, if the cell needs no warm-up)",
        metavar="ORDER",
        choices=values.ORDERS,
    )
    timeout: float | None = _option(
        values.duration,
        "give a run up after this time and go on with the next count",
        metavar="SECONDS",
    )
    compute: str | None = _option(
        values.computing,
        "compute what is lazy in the cell's last value, as part of the run: each block is dropped"
        " as it is made, or kept on its worker to the end (persist)",
        metavar="[persist]",
        choices=values.COMPUTING,
        may_lack=True,
    )
    no_fuse: bool = _option(
        values.flag,
        "keep dask from fusing tasks: readable task names, steps kept apart",
        default=False,
    )
    secure: bool = _secure_option()
    report: str | None = _option(
        values.path, "write dask's performance report, one HTML file per count", metavar="FILE"
    )
    out: str | None = _option(values.variable, "keep the Profile in this variable", metavar="NAME")
    quiet: bool = _option(
        values.flag, "show neither progress nor result (see --out and %sdprofile)", default=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.report is not None and self.order == "rounds":
            raise SdprofileError(
                "--report: expected --order grouped, got rounds (a report is of one count, whose"
                " runs must come in a row)"
            )


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(_Declared):
    """What the session cluster is asked to be."""

    workers: int | None = _option(
        values.whole_number, "number of workers (default: as it is; 1 of a new one)", metavar="N"
    )
    memory: str | None = _option(
        values.amount, "memory limit of each worker, like 5GB", metavar="AMOUNT"
    )
    threads: int | None = _option(
        values.whole_number,
        "threads of each worker (default: the cluster's; 1 of a new one)",
        metavar="N",
    )
    secure: bool = _secure_option()
    close: bool = _option(values.flag, "close the cluster that sdprofile started", default=False)


def _is_choice(match: re.Match[str] | None, field: dataclasses.Field[Any]) -> bool:
    return match is not None and match["value"] in field.metadata["choices"]


def _spelled(field: dataclasses.Field[Any]) -> str:
    return f"--{field.name.replace('_', '-')}"


def _spellings(field: dataclasses.Field[Any]) -> list[str]:
    short = field.metadata["short"]
    return [_spelled(field), short] if short else [_spelled(field)]


def _usage(field: dataclasses.Field[Any]) -> str:
    return f"{', '.join(reversed(_spellings(field)))} {field.metadata['metavar']}".rstrip()


def _unknown(text: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(text, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "%%sdprofile? lists them"
    return f"unknown option {text!r} ({hint})"


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
