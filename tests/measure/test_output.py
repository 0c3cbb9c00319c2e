"""What workers print in a run is had after it, once, and they print as before again."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import distributed
import pytest
from conftest import wait_until
from distributed import Client
from runs import LIMIT

from sdprofile.cluster.resize import resize
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.measure.caught import begin_catching
from sdprofile.measure.output import LONGEST, WorkerOutput, _expect_loss
from sdprofile.measure.run import run_once
from sdprofile.model.printed import Printed
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan

State = tuple[tuple[int, int], tuple[int, int], bool]


def streams() -> State:
    """Return, in a worker, where its two streams lead to and how they are buffered."""
    led = [(os.fstat(number).st_dev, os.fstat(number).st_ino) for number in (1, 2)]
    return led[0], led[1], sys.stdout.line_buffering  # type: ignore[union-attr]


def printed_in(
    work: Callable[[], object], client: Client, *, workers: int = 1
) -> tuple[Run, list[Printed]]:
    """Make a run, and return what the workers have printed in it."""
    setting = Setting(workers=workers, threads=1, memory_limit=LIMIT)
    plan = Plan(settings=(setting,), repeats=1)
    taken: list[Sequence[Printed]] = []
    run, _ = run_once(
        work,
        client,
        plan,
        setting=setting,
        repeat=1,
        take_printed=taken.append,
    )
    assert len(taken) == 1
    return run, list(taken[0])


def texts(printed: list[Printed]) -> dict[str, str]:
    """Return what went to each stream of the only worker."""
    assert len({each.worker for each in printed}) <= 1
    return {each.stream: each.text for each in printed}


def log_to_the_stream_of_now() -> None:
    logging.getLogger("test_output").addHandler(logging.StreamHandler())


def print_in_all_ways() -> None:
    print("by Python")  # noqa: T201 - as a user's task does
    logging.getLogger("test_output").warning("by a handler that was made before")
    logging.getLogger("test_output_without_handler").warning("by no handler")
    os.write(2, b"by C code\n")
    subprocess.run([sys.executable, "-I", "-S", "-c", "print('by a child')"], check=True)


def test_all_that_a_task_prints_is_there_after_the_run(one_worker: Client) -> None:
    one_worker.run(log_to_the_stream_of_now)
    before = one_worker.run(streams)

    run, printed = printed_in(lambda: one_worker.submit(print_in_all_ways).result(), one_worker)

    assert run.status == "ok"
    assert texts(printed) == {
        "stdout": "by Python\nby a child\n",
        "stderr": "by a handler that was made before\nby no handler\nby C code\n",
    }
    assert one_worker.run(streams) == before
    assert not one_worker.run_on_scheduler(
        lambda dask_scheduler: "sdprofile" in dask_scheduler.plugins
    )


def test_what_is_printed_between_runs_is_not_caught(one_worker: Client) -> None:
    one_worker.run(print, "between")
    _, printed = printed_in(
        lambda: one_worker.submit(print, "within", pure=False).result(), one_worker
    )
    assert texts(printed) == {"stdout": "within\n"}


def test_workers_are_let_alone_where_nobody_takes_it(one_worker: Client) -> None:
    before = one_worker.run(streams)
    with WorkerOutput(one_worker, None):
        assert one_worker.run(streams) == before


def warn() -> None:
    warnings.warn("shown once by each process", stacklevel=1)


def test_a_warning_is_shown_in_each_run(one_worker: Client) -> None:
    for _ in range(2):
        _, printed = printed_in(
            lambda: [one_worker.submit(warn, pure=False).result() for _ in range(2)], one_worker
        )
        assert texts(printed)["stderr"].count("UserWarning: shown once by each process") == 1


def print_without_end(lines: int) -> int:
    line = "x" * 99 + "\n"
    for _ in range(lines):
        sys.stdout.write(line)
    deadline = time.monotonic() + 20
    while os.fstat(1).st_size > 2 * LONGEST and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.fstat(1).st_size


def test_the_files_of_workers_that_print_without_end_are_cut(one_worker: Client) -> None:
    sizes: list[int] = []
    _, [printed] = printed_in(
        lambda: sizes.append(one_worker.submit(print_without_end, 100_000).result()), one_worker
    )
    assert sizes[0] <= 2 * LONGEST
    assert len(printed.text) == LONGEST
    assert 0 < printed.cut <= 100_000 * 100 - LONGEST


def print_and_die() -> None:
    print("last words")  # noqa: T201 - as a user's task does
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def test_last_words_of_a_worker_that_dies_are_there(one_worker: Client) -> None:
    run, printed = printed_in(
        lambda: one_worker.submit(print_and_die, pure=False).result(), one_worker
    )
    assert run.status == "killed"
    assert texts(printed)["stdout"] == "last words\n"
    resize(one_worker, 1)


def test_what_dask_sends_to_the_client_arrives(
    one_worker: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    one_worker.forward_logging("test_output_forwarded")
    records: list[logging.LogRecord] = []
    logger = logging.getLogger("test_output_forwarded")
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)

    def send() -> None:
        distributed.print("to both")
        logging.getLogger("test_output_forwarded").warning("forwarded")

    _, printed = printed_in(lambda: one_worker.submit(send, pure=False).result(), one_worker)

    assert texts(printed)["stdout"] == "to both\n"
    wait_until(lambda: bool(records))
    logger.removeHandler(handler)
    one_worker.unforward_logging("test_output_forwarded")
    assert "to both\n" in capsys.readouterr().out


def test_a_worker_whose_file_is_gone_prints_as_before(one_worker: Client) -> None:
    before = one_worker.run(streams)
    [paths] = one_worker.run(begin_catching, 1000, False).values()
    assert one_worker.run(streams) != before
    Path(paths["stdout"]).unlink()
    wait_until(lambda: one_worker.run(streams) == before)
    assert not Path(paths["stderr"]).exists()


def test_workers_print_as_before_once_the_client_has_gone(one_worker: Client) -> None:
    before = one_worker.run(streams)
    with Client(one_worker.cluster, set_as_default=False) as other:
        other.run_on_scheduler(_expect_loss, client=other.id)
        other.run(begin_catching, 1000, False)
        assert one_worker.run(streams) != before
    wait_until(lambda: one_worker.run(streams) == before)


def print_name_and_log() -> None:
    print(f"from {distributed.get_worker().name}")  # noqa: T201 - as a user's task does
    logging.getLogger("distributed.worker").warning("of dask itself")


def test_workers_of_other_hosts_keep_dasks_own_log(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        # A client that knows an address only takes all workers for those of other hosts.
        with Client(client.cluster.scheduler_address, set_as_default=False) as other:
            before = other.run(streams)
            names = {str(state.name): state.address for state in worker_states(other)}

            def work() -> None:
                for address in names.values():
                    other.submit(print_name_and_log, workers=[address], pure=False).result()

            _, printed = printed_in(work, other, workers=2)
            assert [(each.worker, each.stream, each.text) for each in printed] == [
                (name, "stdout", f"from {name}\n") for name in sorted(names)
            ]
            assert other.run(streams) == before
            # What one leaves when it dies is read by another of its host.
            first = min(names)
            run, [last] = printed_in(
                lambda: other.submit(print_and_die, workers=[names[first]], pure=False).result(),
                other,
                workers=2,
            )
            assert run.status == "killed"
            assert (last.worker, last.text) == (first, "last words\n")
        resize(client, 1)
