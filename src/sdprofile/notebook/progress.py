"""Tells how far a profile is while it runs, and is gone at its end."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sdprofile.progress import Standing, Step, seconds_left
from sdprofile.render.text.rows import table_rows

if TYPE_CHECKING:
    from sdprofile.model.run import Run
    from sdprofile.notebook.screen import Screen
    from sdprofile.results.profile import Profile

THREAD = "sdprofile-progress"
"""Name of the thread by which the display ticks."""

APART = 0.35
"""Seconds between updates: with the one that clears the display, no second has more than four."""

_TICK = 1.0
"""Seconds after which the times are shown anew."""

_LATE = 0.01
"""Seconds by which the thread wakes after a full second, so that this is what it shows."""


class Progress:
    """Shows count, repeat, elapsed time, time left and the table of the runs so far.

    While a run goes on, a thread draws; it does nothing else, for it takes its time from the run.
    """

    def __init__(
        self, screen: Screen | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; nothing is shown yet.

        Parameters
        ----------
        screen
            Where to show it; None for nowhere.
        clock
            Gives seconds.
        """
        self._screen = screen
        self._clock = clock
        self._gate = threading.Condition()
        self._thread: threading.Thread | None = None
        self._over = False
        self._step: Step | None = None
        self._runs: Sequence[Run] = ()
        self._rows: Sequence[Sequence[str]] = ()
        self._began = 0.0
        self._first_run: float | None = None
        self._last_end = 0.0
        self._drawn: float | None = None
        self._changed = False

    def show(self, step: Step) -> None:
        """Show what comes next; call it outside the clock of any run."""
        if self._screen is None or self._over:
            return
        with self._gate:
            now = self._clock()
            if self._step is None:
                self._began = now
            if step.repeat and self._first_run is None:
                self._first_run = now  # starting the cluster says nothing about the runs
            self._step = step
            self._changed = True
            if not self._screen.ticks:
                self._screen.draw(self._standing(step, now))
                return
            self.update()
            self._gate.notify()
        if self._thread is None:
            # Its context tells ipykernel to which cell the output belongs.
            target = contextvars.copy_context().run
            self._thread = threading.Thread(
                target=target, args=(self._tick,), name=THREAD, daemon=True
            )
            self._thread.start()

    def fill(self, profile: Profile) -> None:
        """Take in the runs so far; call it as one ends, outside the clock of any run.

        They are shown with the step that follows, or by the thread if that takes long.
        """
        if self._screen is None:
            return
        ended = self._clock()
        rows = table_rows(profile)
        with self._gate:
            self._runs, self._rows, self._last_end = profile.runs, rows, ended
            self._changed = True

    def clear(self) -> None:
        """Take the display away, for good."""
        self._over = True  # first, so that an interrupt in here does not leave the thread
        with self._gate:
            self._gate.notify()
            if self._screen is not None and self._step is not None:
                self._step = None
                self._screen.clear()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()

    def pause(self) -> float:
        """Return the seconds until the next update is due."""
        now = self._clock()
        gate = 0.0 if self._drawn is None else max(0.0, self._drawn + APART - now)
        if self._changed:
            return gate
        return max(gate, _TICK - (now - self._began) % _TICK + _LATE)

    def update(self) -> None:
        """Draw, unless it is too early or over."""
        now = self._clock()
        if self._over or self._screen is None or self._step is None:
            return
        if self._drawn is not None and now < self._drawn + APART:
            return
        self._screen.draw(self._standing(self._step, now))
        self._drawn, self._changed = now, False

    def _standing(self, step: Step, now: float) -> Standing:
        done = max(step.done, len(self._runs))
        left = None
        # After a run that did not end well, which runs are left is known with the next step only.
        known = done == step.done or self._runs[-1].status == "ok"
        if self._first_run is not None and known:
            left = seconds_left(
                self._runs,
                step.left[done - step.done :],
                seconds=self._last_end - self._first_run,
                since=now - self._last_end,
            )
        return Standing(
            step=step,
            done=done,
            seconds=now - self._began,
            seconds_left=left,
            work=step.look() if step.look is not None and done == step.done else None,
            rows=self._rows,
        )

    def _tick(self) -> None:
        with self._gate:
            while not self._over:
                self._gate.wait(self.pause())
                self.update()
