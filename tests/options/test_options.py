"""Options are read, refused in one line, and shown as they are."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdprofile
from sdprofile.errors import SdprofileError
from sdprofile.options import values
from sdprofile.options.declared import option
from sdprofile.options.options import ClusterOptions, Options
from sdprofile.options.values import is_decimal, nbytes
from sdprofile.script import ScriptOptions


def test_options_are_read_and_the_statement_is_left_as_it_is() -> None:
    line = "--workers 1,2,4 --memory=5GB -r 2 --no-fuse x  =  {'a': \"$b\"} -- --memory"
    options, rest = Options.parse(line)
    assert options == Options(workers=(1, 2, 4), memory="5GB", repeats=2, no_fuse=True)
    assert rest == "x  =  {'a': \"$b\"} -- --memory"


def test_two_dashes_end_the_options() -> None:
    options, rest = Options.parse("--quiet -- -x")
    assert options.quiet
    assert rest == "-x"


def test_values_may_be_quoted() -> None:
    options, rest = Options.parse("--report 'my report.html' --out kept")
    assert (options.report, options.out, rest) == ("my report.html", "kept", "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--workers two", "--workers: expected whole numbers like 1,2,4, got 'two'"),
        ("--workers 1,two", "--workers: expected whole numbers like 1,2,4, got '1,two'"),
        ("--workers -1", "--workers: expected whole numbers like 1,2,4, got '-1'"),
        (
            "--workers 0,1 --threads 1,2",
            "--workers: expected no 0 with several --memory or --threads, which are of workers,"
            " got one (profile the cell without a cluster by itself: --workers 0)",
        ),
        (
            "--scheduler threads --memory 1GB,2GB",
            "--scheduler: expected none with several --memory or --threads, which are of workers,"
            " got one (profile the cell without a cluster by itself: --workers 0)",
        ),
        (
            "--scheduler dask",
            "--scheduler: expected threads, processes or synchronous, got 'dask'",
        ),
        (
            "--workers 1,2 --scheduler threads",
            "--scheduler: expected 0 among --workers, for workers have a scheduler of their own,"
            " got 1,2 (write --workers 0,1,2)",
        ),
        ("--workers", "--workers: expected a value (--workers N,N,...), got none"),
        ("--workers --quiet", "--workers: expected a value (--workers N,N,...), got none"),
        ("--memory 5XB", "--memory: expected an amount like 5GB or 4.5GiB, got '5XB'"),
        ("--memory 5", "--memory: expected an amount like 5GB or 4.5GiB, got '5' (5GB?)"),
        ("--memory 1,500", "--memory: expected an amount like 5GB or 4.5GiB, got '1' (1GB?)"),
        ("--memory 500", "--memory: expected an amount like 5GB or 4.5GiB, got '500' (500MB?)"),
        ("--memory 5MB", "--memory: expected at least 100MB for each worker, got '5MB'"),
        ("--memory 5 GB", "--memory: expected an amount like 5GB or 4.5GiB, got '5' (5GB?)"),
        (
            "--workers 1, 2",
            "--workers: expected no spaces between values, got '1, 2' (write --workers 1,2)",
        ),
        (
            "--workers 1 , 2 ,4 x",
            "--workers: expected no spaces between values, got '1 , 2 ,4' (write --workers 1,2,4)",
        ),
        (
            "--vary n=1, 2",
            "--vary: expected no spaces between values, got 'n=1, 2' (write --vary n=1,2)",
        ),
        (
            "--memory 1GB, 2GB",
            "--memory: expected no spaces between values, got '1GB, 2GB' (write --memory 1GB,2GB)",
        ),
        (
            "--workers 1, --quiet",
            "--workers: expected whole numbers like 1,2,4, got '1,' (write 1)",
        ),
        (
            "--workers 1-4",
            "--workers: expected whole numbers like 1,2,4, got '1-4' (write 1,2,3,4)",
        ),
        (
            "--threads 2..32",
            "--threads: expected whole numbers like 1,2,4, got '2..32' (write 2,4,8,16,32)",
        ),
        (
            "--workers [1;2]",
            "--workers: expected whole numbers like 1,2,4, got '[1;2]' (write 1,2)",
        ),
        ("--workers 4-1", "--workers: expected whole numbers like 1,2,4, got '4-1'"),
        (
            "--task-memory add=3",
            "--task-memory: expected an amount like 5GB or 4.5GiB, got '3' (3GB?)",
        ),
        (
            "--task-memory add",
            "--task-memory: expected prefixes of tasks like add=3GB,mean=1GB, got 'add'",
        ),
        ("--predict 0", "--predict: expected whole numbers like 1,2,4, got '0'"),
        (
            "--workers 0 --predict 8",
            "--predict: expected --workers with a count, from whose tasks it is told, got 0 only"
            " (--workers 0,1)",
        ),
        (
            "--predict 8 --threads 1,2",
            "--predict: expected one --memory and one --threads, and no --vary, got several"
            " (profile the one to predict from by itself)",
        ),
        ("--task-memory add=x", "--task-memory: expected an amount like 5GB or 4.5GiB, got 'x'"),
        ("--task-memory add=0", "--task-memory: expected an amount above 0, got '0'"),
        ("--threads 1.5", "--threads: expected whole numbers like 1,2,4, got '1.5'"),
        ("-r 0", "--repeats: expected a whole number from 1 up, got '0'"),
        ("--timeout soon", "--timeout: expected a time like 90 or 2min, got 'soon'"),
        ("--timeout -5", "--timeout: expected a time like 90 or 2min, got '-5'"),
        ("--timeout 0", "--timeout: expected a time above 0, got '0'"),
        ("--out my-name", "--out: expected a variable name, got 'my-name'"),
        ("--out class", "--out: expected a variable name, got 'class'"),
        ("--quiet=1", "--quiet: expected no value, got '1'"),
        ("--quiet --quiet", "--quiet: expected once, got it twice"),
        ("--wrokers 1", "unknown option '--wrokers' (did you mean --workers?)"),
        ("-x", "unknown option '-x' (%%sdprofile? lists them)"),
    ],
)
def test_a_mistake_is_one_clear_line(line: str, message: str) -> None:
    with pytest.raises(SdprofileError) as caught:
        Options.parse(line)
    assert str(caught.value) == message


def test_python_callers_get_the_same_errors() -> None:
    with pytest.raises(SdprofileError, match="^--workers: expected whole numbers"):
        Options(workers=(-1,))
    with pytest.raises(SdprofileError, match="^--workers: expected whole numbers"):
        Options(workers=(True,))
    with pytest.raises(SdprofileError, match=r"^--memory: expected an amount .* \(5GB\?\)$"):
        Options(memory=5)  # type: ignore[arg-type]


def test_counts_keep_their_order_and_come_once() -> None:
    assert Options.parse("--workers 4,1,2,4")[0].workers == (4, 1, 2)
    assert Options.parse("--workers 0,2,0")[0].workers == (0, 2)


def refusal(make: Callable[[], object]) -> str:
    """Return how an option is refused; empty if it is taken."""
    try:
        make()
    except SdprofileError as error:
        return str(error)
    return ""


@given(st.text(max_size=60))
def test_any_line_is_read_or_refused_in_one_line(line: str) -> None:
    for kind in (Options, ClusterOptions):
        assert "\n" not in refusal(lambda kind=kind: kind.parse(line))


class Lines:
    """Something that no option is, written in two lines."""

    def __repr__(self) -> str:
        return "a\nb"


ANY = st.recursive(
    st.text(max_size=20)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.binary(max_size=20)
    | st.builds(Path, st.text(max_size=20))
    | st.builds(np.array, st.lists(st.integers(0, 9), max_size=2))
    | st.builds(lambda sign: sign * 10**5000, st.sampled_from([1, -1]))
    | st.builds(Lines),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.sampled_from(
        [(k, f.name) for k in (Options, ClusterOptions) for f in dataclasses.fields(k)]
    ),
    ANY,
)
def test_any_value_is_read_or_refused_in_one_line(
    option: tuple[type[Options | ClusterOptions], str], value: object
) -> None:
    kind, name = option
    said = refusal(lambda: kind(**{name: value}))
    assert "\n" not in said
    assert len(said) < 400
    assert not said or said.startswith(f"--{name.replace('_', '-')}: expected ")


@pytest.mark.parametrize("name", ["out", "order", "memory", "timeout"])
def test_what_only_reads_like_a_value_is_refused(name: str) -> None:
    for value in (float("nan"), [1], b"x", {}):
        assert refusal(lambda value=value: Options(**{name: value})) != ""


def test_a_file_name_may_be_a_path() -> None:
    assert Options(report=Path("a.html")).report == "a.html"  # type: ignore[arg-type]
    with pytest.raises(SdprofileError, match="^--report: expected a file name, got 5$"):
        Options(report=5)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 10**6), min_size=1, unique=True))
def test_counts_come_back_as_they_were_written(counts: list[int]) -> None:
    text = ",".join(map(str, counts))
    assert Options.parse(f"--workers {text}")[0].workers == tuple(counts)


def test_units_are_powers_of_1000_or_1024() -> None:
    assert nbytes("5GB") == 5_000_000_000
    assert nbytes("5GiB") == 5 * 2**30
    assert is_decimal("5GB")
    assert not is_decimal("5GiB")


def test_help_names_every_option() -> None:
    for kind in (Options, ClusterOptions):
        for field in dataclasses.fields(kind):
            assert f"--{field.name.replace('_', '-')}" in kind.help()


def test_help_fits_into_a_terminal() -> None:
    assert all(len(line) <= 78 for line in Options.help().splitlines())


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("2min", 120), ("2.5 min", 150), ("1h", 3600), ("500ms", 0.5)]
)
def test_a_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    options, _ = Options.parse(f'--timeout "{text}" --budget "{text}"')
    assert options.timeout == options.budget == seconds


_PROJECT = Path(__file__).parents[2]


_PAGES = ["README.md", "docs/*.md", "docs/how_to/*.md"]


@pytest.mark.parametrize("page", [page for each in _PAGES for page in _PROJECT.glob(each)])
def test_pages_name_only_options_that_there_are(page: Path) -> None:
    # Those of a magic; of another command's the lines are not looked at.
    found = re.findall(r"^%%?sd\w+.*|`(?:%%\w+ )?--[a-z][^`]*`", page.read_text(), re.M)
    fields = [*dataclasses.fields(ScriptOptions), *dataclasses.fields(ClusterOptions)]
    known = {f"--{field.name.replace('_', '-')}" for field in fields}
    assert {name for text in found for name in re.findall(r"--[a-z][a-z-]*", text)} <= known


@pytest.mark.parametrize("options", [Options, ClusterOptions])
def test_the_table_for_the_docs_has_every_option(options: type[Options | ClusterOptions]) -> None:
    table = options.markdown()
    for field in dataclasses.fields(options):
        assert f"--{field.name.replace('_', '-')}" in table
        assert field.metadata["help"] in table


def test_one_declaration_is_all_that_a_new_option_takes() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class More(Options):
        depth: int = option(values.whole_number, "how deep it goes", metavar="N", default=1)

    assert More.parse("--depth 3 1 + 1") == (More(depth=3), "1 + 1")
    assert "--depth N" in More.help()
    assert "how deep it goes" in More.help()
    assert More.complete("--dep") == ("--dep", ("--depth",))
    assert "| `--depth N` | how deep it goes |" in More.markdown()
    assert More.signature()[-1].name == "depth"
    assert More.parameters().endswith("depth\n    How deep it goes.")


def test_profile_takes_and_explains_the_declared_options() -> None:
    signature = inspect.signature(sdprofile.profile)

    assert list(signature.parameters.values())[1:] == Options.signature()
    assert "quiet" not in signature.parameters  # of the magic only
    assert signature.parameters["repeats"].default is None
    assert Options.parameters() in (sdprofile.profile.__doc__ or "")


def test_profile_refuses_what_is_no_option_before_anything_runs() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'wrokers'"):
        sdprofile.profile(lambda: None, wrokers=(1, 2))


ALL = [f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(Options)]


@pytest.mark.parametrize(
    ("line", "fragment", "candidates"),
    [
        ("", "", ALL),
        ("-", "-", ALL),
        ("--", "--", ALL),
        ("--re", "--re", ["--repeats", "--report"]),
        ("--quiet", "--quiet", ["--quiet"]),
        ("-r", "-r", ["-r"]),
        ("--order ", "", ["rounds", "grouped"]),
        ("--order=", "", ["rounds", "grouped"]),
        ("--order ro", "ro", ["rounds"]),
        ("--quiet --order=ro", "ro", ["rounds"]),
        ("--out rounds --order gr", "gr", ["grouped"]),
        ("--report 'my report.html' --o", "--o", ["--oversubscribe", "--on", "--order", "--out"]),
    ],
)
def test_what_may_follow_is_offered(line: str, fragment: str, candidates: list[str]) -> None:
    assert Options.complete(line) == (fragment, tuple(candidates))


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("--repeats 2", "--report"),
        ("--repeats=2", "--report"),
        ("-r 2", "--report"),
        ("-r=2", "--report"),
        ("--report 'my report.html'", "--repeats"),
    ],
)
def test_an_option_is_offered_until_it_is_given(given: str, left: str) -> None:
    assert Options.complete(f"{given} --re") == ("--re", (left,))
    assert len(Options.complete(f"{given} ")[1]) == len(ALL) - 1
    assert Options.complete(f"{given} -r")[1] == (("-r",) if left == "--repeats" else ())


@pytest.mark.parametrize(
    "line",
    [
        *("--workers ", "--workers=", "--workers 1,", "--workers -", "--workers --", "--out r"),
        *("--report ", "--report=", "--report 'my ", "--report 'my --", "--report 'a b' --order '"),
        *("--order rounds,", "--order --", "--order 'ro", "--quiet=", "--quiet=r"),
        *("-- ", "-- --", "--quiet -- --", "--quiet -- --order "),
        *("x", "x ", "x --", "x = --order ", "x=--", "-x.", "--quiet f(", "--quiet -1 --"),
        *("--wrokers 1 --", "--quiet --quiet --", "--workers --quiet --"),
    ],
)
def test_nothing_is_offered_where_anything_may_stand(line: str) -> None:
    assert Options.complete(line)[1] == ()


def test_each_magic_offers_its_own_options() -> None:
    assert ClusterOptions.complete("-r")[1] == ()
    offered = ClusterOptions.complete("--memory 1GB --")[1]
    assert offered == ("--workers", "--oversubscribe", "--threads", "--secure", "--close")


GIVEN = ("--quiet", "--memory=1GB", "-r 2", "--out 'x'", "--report 'x y'", "--report 'x", "--", "x")
LAST = (
    "",
    "-",
    "--",
    "-r",
    "--r",
    "--q",
    "--order ",
    "--order=",
    "--order r",
    "--order=r",
    "x",
    "'",
)


@given(
    st.text(max_size=60)
    | st.builds(
        lambda given, last: " ".join([*given, last]),
        st.lists(st.sampled_from(GIVEN), max_size=3),
        st.sampled_from(LAST),
    )
)
def test_a_candidate_adds_no_mistake_to_a_line(line: str) -> None:
    for kind in (Options, ClusterOptions):
        fragment, candidates = kind.complete(line)
        assert line.endswith(fragment)
        for text in candidates:
            written = line[: len(line) - len(fragment)] + text
            said = refusal(lambda kind=kind, written=written: kind.parse(written))
            # Its value may have to follow, and another one may be wrong.
            mistakes = ("unknown", f"{text}: expected once") if text[0] == "-" else ("--order: ",)
            assert not said.startswith(mistakes)
            assert said or kind.parse(written)[1] == ""
