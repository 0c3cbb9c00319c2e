"""How options are declared: parser, help, completion and the docs' table from one declaration."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sdprofile.errors import SdprofileError, closest
from sdprofile.units import capitalized

_OPTION = re.compile(
    r"\s*(?P<text>-{1,2}[A-Za-z][\w-]*)(?:=(?P<value>\"[^\"]*\"|'[^']*'|\S*))?(?=\s|$)"
)
_VALUE = re.compile(r"\s*(?P<value>\"[^\"]*\"|'[^']*'|\S+)")
_END = re.compile(r"\s*--(?=\s|$)")


def option(
    parse: Callable[[object], Any],
    help: str,  # noqa: A002 - argparse's word
    *,
    metavar: str = "",
    short: str = "",
    default: Any = None,
    choices: tuple[str, ...] = (),
    may_lack: bool = False,
    repeated: bool = False,
    in_python: str | None = "",
) -> Any:
    """Declare an option: a field of a `Declared`.

    Parameters
    ----------
    parse
        Gives the value of what was written, or raises `SdprofileError`.
    help
        What it means, as help and docs say it.
    metavar
        Stands for the value; an option without one is a switch.
    short
        A second spelling, like ``-r``.
    default
        The value of an option that was not given.
    choices
        The only values that there are.
    may_lack
        Whether it may stand without its value, which is then ``True``.
    repeated
        Whether it may come several times; its value is then what all of them say, in a list.
    in_python
        What a Python function takes for it, where that is more than its help says; None for an
        option that makes sense in a magic only.
    """
    metadata = {"parse": parse, "help": help, "metavar": metavar, "short": short}
    metadata |= {"choices": choices, "may_lack": may_lack, "repeated": repeated}
    metadata |= {"in_python": in_python}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Declared:
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
    def complete(
        cls, line: str, *, known: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    ) -> tuple[str, tuple[str, ...]]:
        """Tell what may stand at the end of a line that is still being written.

        Parameters
        ----------
        line
            What stands between the magic's name and the cursor.
        known
            Values that are worth offering, by field, beside the choices of an option.

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
            fits = [f for f in fields if f.name not in given or f.metadata["repeated"]]
            spellings = [spelling for field in fits for spelling in _spellings(field)]
            # -r would be --repeats once more; but whoever has written it is not wrong.
            fitting = [text for text in spellings if text.startswith("--") or text == fragment]
        else:
            fitting = []
        if given and (not rest or list(given.values())[-1] is True):
            last = list(given)[-1]
            fitting += [text for f in fields if f.name == last for text in f.metadata["choices"]]
            fitting += known.get(last, ())
        return fragment, tuple(text for text in fitting if text.startswith(fragment))

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
            if field.name in values and not field.metadata["repeated"]:
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
            if isinstance(value, str):
                _check_spaces(text, value, line, field)
                value = _unquoted(value)
            if field.metadata["repeated"]:
                value = [*values.pop(field.name, []), value]
            values[field.name] = value
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
    def signature(cls) -> list[inspect.Parameter]:
        """Return the options as keyword parameters of a Python function."""
        return [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field.type,
            )
            for field in _for_python(cls)
        ]

    @classmethod
    def parameters(cls) -> str:
        """Return the options as the parameters of a docstring (numpydoc)."""
        lines = []
        for field in _for_python(cls):
            text = field.metadata["help"]
            more = field.metadata["in_python"]
            text = f"{capitalized(text)}{f'; {more}' if more else ''}."
            lines += [
                field.name,
                *textwrap.wrap(text, 92, initial_indent="    ", subsequent_indent="    "),
            ]
        return "\n".join(lines)

    @classmethod
    def markdown(cls) -> str:
        """Return the table of options that the docs show."""
        rows = [f"| `{_usage(f)}` | {f.metadata['help']} |" for f in dataclasses.fields(cls)]
        return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _check_spaces(text: str, value: str, line: str, field: dataclasses.Field[Any]) -> None:
    """Refuse a list that was written with spaces between, whose rest would be taken for code."""
    words = [value]
    while words[-1].endswith(",") or line.lstrip().startswith(","):
        match = _VALUE.match(line)
        if match is None or match["value"].startswith("-"):
            break
        words.append(match["value"])
        line = line[match.end() :]
    if len(words) == 1:
        return
    joined = "".join(words)
    given = [joined] if field.metadata["repeated"] else joined
    try:
        field.metadata["parse"](given)
    except SdprofileError:
        return  # it is another mistake, or no list
    raise SdprofileError(
        f"{text}: expected no spaces between values, got {' '.join(words)!r}"
        f" (write {text} {joined})"
    )


def _for_python(cls: type[Declared]) -> list[dataclasses.Field[Any]]:
    fields = dataclasses.fields(cls)
    return [field for field in fields if field.metadata["in_python"] is not None]


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
    close = closest(text, known)
    hint = f"did you mean {close}?" if close else "%%sdprofile? lists them"
    return f"unknown option {text!r} ({hint})"


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
