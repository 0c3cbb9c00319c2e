"""Runs on real workers, and tasks that take a known amount of memory or time."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distributed import Client, get_worker

from sdprofile.measure.run import run_once
from sdprofile.model.memory import Curve
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.options.options import Options
from sdprofile.plan import Plan
from sdprofile.spatial.scope import scope_of
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep

MIB = 2**20
LIMIT = 1_000_000_000


def measure(
    work: Callable[[], object],
    client: Client,
    *,
    workers: int = 1,
    threads: int = 1,
    memory_limit: int | None = LIMIT,
    **plan: Any,
) -> tuple[Run, BaseException | None]:
    """Make one run under all instruments: 1 worker of 1 GB with 1 thread, unless told otherwise."""
    setting = Setting(workers=workers, threads=threads, memory_limit=memory_limit)
    made = Plan(settings=(setting,), repeats=1, **plan)
    return run_once(
        work,
        client,
        made,
        setting=setting,
        repeat=1,
        scope=scope_of(work),
    )


def sweep_of(work: Callable[[], object], **options: Any) -> Sweep:
    """Return a sweep with these options; nothing is started yet."""
    return Sweep(Subject(work=work, code="work()"), Options(**options))


def curves(run: Run, source: str, measure: str = "process") -> list[Curve]:
    """Return the curves of a source and a measure."""
    return [c for c in run.memory.curves if (c.source, c.measure) == (source, measure)]


def hold(mib: int, seconds: float = 0.0) -> int:
    """Have so much memory in use for a moment, every page of it touched."""
    payload = b"x" * (mib * MIB)
    time.sleep(seconds)
    return len(payload)


def hold_together(mib: int, folder: Path, tasks: int, seconds: float = 0.1) -> int:
    """Have so much memory in use at the same time as the other tasks that meet in a folder."""
    payload = b"x" * (mib * MIB)
    (folder / uuid.uuid4().hex).touch()
    while len(list(folder.iterdir())) < tasks:
        time.sleep(0.01)
    time.sleep(seconds)  # for the sampler, which looks every 20 ms
    return len(payload)


_holding: set[str] = set()


def hold_beside_others(mib: int) -> None:
    """Have so much memory in use until all tasks that run beside this one have."""
    worker, key = get_worker(), get_worker().get_current_task()
    payload = b"x" * (mib * MIB)
    _holding.add(key)
    while any(task.key not in _holding for task in list(worker.state.executing)):
        time.sleep(0.01)
    time.sleep(0.3)  # for the nanny, which looks every 0.1 s
    assert len(payload) == mib * MIB


def where(_: int) -> str:
    """Return the name of the worker, after a moment in which others get some of the tasks."""
    time.sleep(0.05)
    return str(get_worker().name)


def wait_for(path: Path) -> None:
    """Take until a file is there."""
    while not path.exists():
        time.sleep(0.01)


def hold_in_child(mib: int, seconds: float) -> int:
    """Have so much memory in use in a child process."""
    code = f"import time; payload = b'x' * ({mib} << 20); time.sleep({seconds})"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True).returncode
