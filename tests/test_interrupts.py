"""An interrupt waits until what must not be left half done is through."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from sdprofile.interrupts import held_back, ignored, let_in


def press() -> None:
    """Do what Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def handler_is_put_back() -> object:
    """What Ctrl-C does is the same after each test."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


def test_interrupt_comes_at_the_end() -> None:
    steps = []

    def work() -> None:
        with held_back():
            press()
            steps.append("all is done")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["all is done"]


def test_without_an_interrupt_nothing_is_raised() -> None:
    with held_back(), let_in(), ignored():
        pass


def test_interrupt_is_let_in_where_the_user_waits() -> None:
    steps = []

    def work() -> None:
        with held_back():
            with let_in():
                press()
                steps.append("never")
            steps.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == []


def test_interrupt_from_before_is_let_in_at_once() -> None:
    steps = []

    def work() -> None:
        with held_back():
            press()
            with let_in():
                steps.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == []


def test_interrupt_that_was_let_in_does_not_come_again() -> None:
    with held_back(), pytest.raises(KeyboardInterrupt), let_in():
        press()


def test_another_error_goes_first() -> None:
    def work() -> None:
        with held_back():
            press()
            raise LookupError

    with pytest.raises(LookupError):
        work()


def test_interrupt_is_forgotten_where_order_is_made() -> None:
    with ignored():
        press()
        with let_in():
            press()


def test_only_what_comes_while_order_is_made_is_forgotten() -> None:
    def work() -> None:
        with held_back():
            press()
            with ignored():
                press()

    with pytest.raises(KeyboardInterrupt):
        work()


def test_inner_context_leaves_it_to_the_outer_one() -> None:
    steps = []

    def work() -> None:
        with held_back():
            with held_back():
                press()
            steps.append("inner")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["inner"]


def test_handler_that_is_set_where_it_is_let_in_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    pressed = []
    with held_back(), let_in():
        signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    press()
    signal.signal(signal.SIGINT, before)
    assert pressed == [signal.SIGINT]


def test_other_threads_change_nothing() -> None:
    seen = []

    def work() -> None:
        with held_back(), let_in(), ignored():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
