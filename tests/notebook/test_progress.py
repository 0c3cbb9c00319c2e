"""The progress on made-up screens, by a clock that stands still unless it is told."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import make_profile, make_run, make_setting

from sdprofile.model.run import Run
from sdprofile.notebook import screen
from sdprofile.notebook.progress import APART, THREAD, Progress
from sdprofile.notebook.screen import NotebookScreen, PlainScreen, TerminalScreen, find_screen
from sdprofile.progress import Standing, Step
from sdprofile.units import plural


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Paper:
    """A screen that keeps all that was drawn on it, and when."""

    ticks = True

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.drawn: list[Standing] = []
        self.times: list[float] = []
        self.cleared = 0

    def draw(self, standing: Standing) -> None:
        assert not self.cleared
        self.drawn.append(standing)
        self.times.append(self.clock.now)

    def clear(self) -> None:
        self.cleared += 1


class Publisher:
    """Keeps the messages to a notebook."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def publish(self, **message: Any) -> None:
        self.messages.append(message)


class Terminal(io.StringIO):
    """A terminal that obeys what we send: the rows on it, and where the cursor is."""

    encoding = "utf-8"

    def __init__(self, size: tuple[int, int] = (80, 24)) -> None:
        super().__init__()
        self.size = size
        self.rows = [""]
        self.row = self.column = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for part in re.findall(r"\x1b\[\d*[A-Z]|[\r\n]|[^\x1b\r\n]+", text):
            self._obey(part)
        return len(text)

    def _obey(self, part: str) -> None:
        before = self.rows[self.row][: self.column]
        if part == "\r":
            self.column = 0
        elif part == "\n":
            self.row, self.column = self.row + 1, 0
            if self.row == len(self.rows):
                self.rows.append("")
        elif part == "\x1b[K":
            self.rows[self.row] = before
        elif part == "\x1b[J":
            self.rows[self.row :] = [before]
        elif up := re.fullmatch(r"\x1b\[(\d+)A", part):
            self.row = max(self.row - int(up[1]), len(self.rows) - self.size[1], 0)
        else:
            assert not part.startswith("\x1b")
            after = self.rows[self.row][self.column + len(part) :]
            self.rows[self.row] = before.ljust(self.column) + part + after
            self.column += len(part)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paper(clock: Clock) -> Paper:
    return Paper(clock)


@pytest.fixture
def progress(paper: Paper, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Progress:
    """A progress whose thread does not run: tests do what it would."""
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    return Progress(paper, clock=clock)


def make_step(workers: int = 1, repeat: int = 1, done: int = 0, left: int = 3) -> Step:
    return Step(
        name=plural(workers, "worker"),
        repeat=repeat,
        repeats=3,
        done=done,
        left=(make_setting(workers),) * left,
    )


def fill(progress: Progress, *runs: Run) -> None:
    progress.fill(make_profile(*runs))


def test_a_step_is_shown_at_once(progress: Progress, paper: Paper) -> None:
    progress.show(make_step(2, 0))
    assert [standing.step.name for standing in paper.drawn] == ["2 workers"]


def test_a_step_that_comes_too_early_is_shown_when_it_may(
    progress: Progress, paper: Paper, clock: Clock
) -> None:
    progress.show(make_step(repeat=0))
    clock.now += 0.1
    progress.show(make_step(repeat=1))
    progress.show(make_step(repeat=2, done=1))
    assert len(paper.drawn) == 1
    assert progress.pause() == pytest.approx(APART - 0.1)
    clock.now += progress.pause() + 1e-6
    progress.update()
    assert [standing.step.repeat for standing in paper.drawn] == [0, 2]


def test_the_times_tick_once_a_second(progress: Progress, paper: Paper, clock: Clock) -> None:
    progress.show(make_step())
    for _ in range(3):
        clock.now += progress.pause()
        progress.update()
    assert [int(standing.seconds) for standing in paper.drawn] == [0, 1, 2, 3]


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=60))
def test_no_second_has_more_than_four_updates(events: list[tuple[float, bool]]) -> None:
    clock = Clock()
    paper = Paper(clock)
    progress = Progress(paper, clock=clock)
    progress._thread = threading.Thread()  # which is never started
    progress.show(make_step())
    for seconds, is_step in events:
        clock.now += seconds
        if is_step:
            progress.show(make_step())
        else:
            progress.update()
    progress.clear()
    times = [*paper.times, clock.now]
    for first, fifth in zip(times, times[4:], strict=False):
        assert fifth - first > 1


def test_the_table_and_the_time_left_come_with_the_step_after_a_run(
    progress: Progress, paper: Paper, clock: Clock
) -> None:
    progress.show(make_step(repeat=0))
    clock.now += 5  # the cluster starts, which says nothing about the runs
    progress.show(make_step(repeat=1))
    assert paper.drawn[-1].seconds_left is None
    clock.now += 11
    fill(progress, make_run(1, seconds=10.0))
    assert len(paper.drawn) == 2
    progress.show(make_step(repeat=2, done=1, left=2))
    shown = paper.drawn[-1]
    assert [row[0] for row in shown.rows] == ["workers", "1"]
    assert (shown.done, shown.total, shown.seconds) == (1, 3, 16)
    assert shown.seconds_left == pytest.approx(2 * 11)
    clock.now += 4
    progress.update()
    assert paper.drawn[-1].seconds_left == pytest.approx(2 * 11 - 4)


def test_a_row_is_not_held_back_by_a_recovery(
    progress: Progress, paper: Paper, clock: Clock
) -> None:
    progress.show(make_step())
    clock.now += 10
    fill(progress, make_run(1, status="killed"))
    assert progress.pause() == 0
    progress.update()
    assert paper.drawn[-1].rows[1][:2] == ["1", "killed 10.0 s"]
    assert (paper.drawn[-1].done, paper.drawn[-1].seconds_left) == (1, None)


def test_a_kill_before_does_not_hide_the_time_left(
    progress: Progress, paper: Paper, clock: Clock
) -> None:
    progress.show(make_step(2))
    clock.now += 20
    fill(progress, make_run(2), make_run(1, status="killed"))
    progress.show(make_step(2, done=2, left=2))
    assert paper.drawn[-1].seconds_left == pytest.approx(20)


def test_nothing_is_shown_once_it_is_cleared(
    progress: Progress, paper: Paper, clock: Clock
) -> None:
    progress.show(make_step())
    clock.now += 1
    progress.clear()
    progress.show(make_step(repeat=2))
    progress.update()
    progress.clear()
    assert (len(paper.drawn), paper.cleared) == (1, 1)


def test_what_was_never_shown_is_not_cleared(progress: Progress, paper: Paper) -> None:
    progress.clear()
    assert not paper.cleared


def ticking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def test_the_thread_shows_what_came_too_early_and_ends_with_the_display(clock: Clock) -> None:
    shown = threading.Event()

    class Screen(Paper):
        def draw(self, standing: Standing) -> None:
            super().draw(standing)
            if standing.step.repeat == 2:
                assert threading.current_thread().name == THREAD
                shown.set()

    paper = Screen(clock)
    progress = Progress(paper, clock=clock)
    progress.show(make_step(repeat=1))
    assert len(ticking()) == 1
    clock.now += APART / 2
    progress.show(make_step(repeat=2))
    assert not shown.is_set()
    clock.now += APART
    assert shown.wait(20)
    progress.clear()
    assert not ticking()
    assert len(paper.drawn) == 2


def test_an_interrupt_while_it_is_cleared_leaves_no_thread(clock: Clock) -> None:
    class Screen(Paper):
        def clear(self) -> None:
            raise KeyboardInterrupt

    progress = Progress(Screen(clock), clock=clock)
    progress.show(make_step())
    (thread,) = ticking()
    with pytest.raises(KeyboardInterrupt):
        progress.clear()
    thread.join(20)
    assert not ticking()


@pytest.mark.parametrize("nowhere", [None, PlainScreen(io.StringIO())])
def test_a_screen_that_does_not_tick_has_no_thread(nowhere: PlainScreen | None) -> None:
    progress = Progress(nowhere)
    progress.show(make_step())
    fill(progress, make_run())
    progress.show(make_step(repeat=2))
    assert not ticking()
    progress.clear()


def test_a_notebook_has_one_output_that_is_empty_at_the_end(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    publisher = Publisher()
    progress = Progress(NotebookScreen(publisher), clock=clock)
    progress.show(make_step())
    clock.now += 10
    fill(progress, make_run())
    progress.show(make_step(repeat=2, done=1, left=2))
    progress.clear()
    first, second, last = publisher.messages
    assert [message["update"] for message in publisher.messages] == [False, True, True]
    assert len({message["transient"]["display_id"] for message in publisher.messages}) == 1
    assert 'class="sdp-progress"' in first["data"]["text/html"]
    assert "<table>" in second["data"]["text/html"]
    assert "run 2 of 3: 1 of 3 runs done" in second["data"]["text/plain"]
    assert last["data"] == {"text/html": "", "text/plain": ""}


def drawn(terminal: Terminal, *, monkeypatch: pytest.MonkeyPatch, **step: int) -> TerminalScreen:
    """Return a screen on a terminal with something above, after it was drawn on twice."""
    monkeypatch.setattr(TerminalScreen, "_size", lambda self: terminal.size)
    terminal.write("In [1]: %%sdprofile\n")
    screen = TerminalScreen(terminal)
    rows = [["workers", "time"], ["1", "10.0 s"], ["2", "5.00 s"]]
    for seconds in (1.0, 2.0):
        screen.draw(
            Standing(
                step=make_step(**step), done=0, seconds=seconds, seconds_left=None, rows=rows[:3]
            )
        )
    return screen


def test_a_terminal_is_drawn_again_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    drawn(terminal, monkeypatch=monkeypatch)
    assert terminal.rows == [
        "In [1]: %%sdprofile",
        "",
        "sdprofile: 1 worker, run 1 of 3: 0 of 3 runs done, 2 s",
        "workers    time",
        "───────  ──────",
        "      1  10.0 s",
        "      2  5.00 s",
    ]


def test_nothing_is_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    drawn(terminal, monkeypatch=monkeypatch).clear()
    assert terminal.rows == ["In [1]: %%sdprofile", ""]
    assert (terminal.row, terminal.column) == (1, 0)


def test_what_others_print_stays_and_nothing_of_ours_does(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    screen = drawn(terminal, monkeypatch=monkeypatch)
    terminal.write("a worker's warning\n")
    screen.clear()
    assert terminal.rows == ["In [1]: %%sdprofile", "a worker's warning", ""]


def test_a_table_that_has_no_room_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(size=(40, 5))
    screen = drawn(terminal, monkeypatch=monkeypatch)
    assert terminal.rows[2:] == ["sdprofile: 1 worker, run 1 of 3: 0 of 3", "runs done, 2 s"]
    screen.clear()
    assert terminal.rows == ["In [1]: %%sdprofile", ""]


def test_a_pipe_gets_a_line_for_each_run() -> None:
    stream = io.StringIO()
    progress = Progress(PlainScreen(stream))
    progress.show(make_step(repeat=0))
    progress.show(make_step(repeat=1))
    fill(progress, make_run())
    progress.show(make_step(repeat=2, done=1, left=2))
    progress.clear()
    lines = stream.getvalue().splitlines()
    assert [line.partition(", about")[0] for line in lines] == [
        "sdprofile: 1 worker, run 1 of 3: 0 of 3 runs done, 0 s",
        "sdprofile: 1 worker, run 2 of 3: 1 of 3 runs done, 0 s",
    ]


class Shell:
    """A shell without a kernel."""


@pytest.mark.parametrize(
    ("stream", "term", "kind"),
    [
        (Terminal(), "xterm", TerminalScreen),
        (Terminal(), "dumb", PlainScreen),
        (io.StringIO(), "xterm", PlainScreen),
    ],
)
def test_the_screen_is_what_standard_error_is(
    stream: Any, term: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    assert isinstance(find_screen(Shell()), kind)  # type: ignore[arg-type] # a stand-in


def test_a_kernel_shows_it_in_the_notebook() -> None:
    shell = Shell()
    shell.kernel, shell.display_pub = object(), Publisher()  # type: ignore[attr-defined]
    assert isinstance(find_screen(shell), NotebookScreen)  # type: ignore[arg-type]
