"""A script is profiled from the command line, as in a continuous integration."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from profiles import make_profile, make_run

import sdprofile
from sdprofile.errors import SdprofileError
from sdprofile.explain.comparison import Compared
from sdprofile.results.profile import Profile
from sdprofile.script import Condition, condition, main

SCRIPT = """
import sys
from dask import compute, delayed

def double(x):
    return 2 * x

if __name__ == "__main__":
    print(sys.argv[1:], compute(*[delayed(double)(i) for i in range(4)]))
"""


@pytest.mark.cluster
def test_a_script_is_profiled_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    options = "--workers 1,2 -r 1 --memory 500MB --save it.json --export it.md"
    done = subprocess.run(
        f"{sys.executable} -m sdprofile script.py {options} -- a 'b c'",
        shell=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("['a', 'b c'] (0, 2, 4, 6)") == 2
    assert "workers" in done.stdout
    profile = sdprofile.load(tmp_path / "it.json")
    assert [run.workers for run in profile.runs] == [1, 2]
    assert {run.status for run in profile.runs} == {"ok"}
    assert all(run.work.tasks == 4 for run in profile.runs)
    assert profile.code == SCRIPT
    lines = profile.lines()
    assert set(lines[lines["tasks"] > 0]["line"]) == {9}
    assert "compute(*[delayed" in lines[lines["line"] == 9]["code"].iloc[0]
    assert "| workers |" in (tmp_path / "it.md").read_text()


def test_a_condition_is_read_as_people_write_it() -> None:
    assert condition("slower than before.json by 20%") == Condition(
        what="slower", file="before.json", percent=20
    )
    assert condition(" More memory than my old.json by 7.5 % ") == Condition(
        what="more memory", file="my old.json", percent=7.5
    )
    with pytest.raises(SdprofileError, match="expected 'slower than FILE by N%'"):
        condition("faster than before.json")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("nothing.py", "expected a script, got 'nothing.py'"),
        ("--workers 1", "expected a script, got '--workers'"),
        ("script.py --out found", "--out: expected none for a script"),
        ("script.py --vary chunk=1,2", "--vary: expected none"),
        ("script.py --fail-if fast", "--fail-if: expected 'slower than FILE by N%'"),
        ("script.py --fail-if 'slower than gone.json by 20%'", "gone.json"),
        ("script.py --export missing/table.md", "--export: expected a file in a folder"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text(SCRIPT)
    assert main(shlex.split(arguments)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("sdprofile: ")
    assert expected in told.err
    assert told.err.count("\n") == 1


def test_help_has_the_options_of_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--fail-if" in capsys.readouterr().out


def _profile(*seconds: float, peak: int = 100) -> Profile:
    return make_profile(
        *(make_run(2, repeat=n + 1, seconds=each, peak=peak) for n, each in enumerate(seconds))
    )


@pytest.mark.parametrize(
    ("text", "after", "holds"),
    [
        ("slower than x by 20%", _profile(1.30, 1.31, 1.32, 1.33, 1.31), True),
        ("slower than x by 40%", _profile(1.30, 1.31, 1.32, 1.33, 1.31), False),
        ("slower than x by 20%", _profile(0.7, 2.9, 1.3, 0.9, 2.5), False),  # not measurably
        ("slower than x by 20%", _profile(0.5, 0.5, 0.5, 0.5, 0.5), False),
        ("more memory than x by 10%", _profile(1.0, peak=120), True),
        ("more memory than x by 30%", _profile(1.0, peak=120), False),
    ],
)
def test_a_condition_holds_only_for_what_was_measured(
    text: str, after: Profile, holds: bool
) -> None:
    before = _profile(1.0, 1.01, 1.02, 1.03, 1.01)
    (change,) = Compared(names=("before", "after"), before=before, after=after).counts
    assert condition(text).holds(change) is holds
