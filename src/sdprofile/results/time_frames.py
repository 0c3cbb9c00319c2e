"""Tables of where the time of the runs went: by cause, line and call, with other chunks, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.account import account
from sdprofile.explain.chunk_sizes import chunk_sizes
from sdprofile.explain.lines import line_uses
from sdprofile.results.frames import make_frame, which_run

if TYPE_CHECKING:
    import pandas as pd

    from sdprofile.model.measured import Measured


def account_frame(profile: Measured) -> pd.DataFrame:
    """Return where the wall time went, one row per setting and cause; see `Profile.account`."""
    return make_frame(
        [
            {
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "cause": str(part.cause),
                "seconds": part.seconds,
                "share": part.share,
            }
            for run in profile.traced_runs
            for part in account(run)
        ],
        "repeat cause seconds share",
        profile,
    )


def lines_frame(profile: Measured) -> pd.DataFrame:
    """Return what each line took, one row per setting and line; see `Profile.lines`."""
    return make_frame(
        [
            {
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "line": use.line,
                "function": use.function,
                "code": use.text,
                "seconds": use.seconds,
                "own_seconds": use.own_seconds,
                "thread_seconds": use.thread_seconds,
                "tasks": use.tasks,
                "held_bytes": use.held,
                "rise_bytes": use.rise,
            }
            for run in profile.traced_runs
            for use in line_uses(run)
        ],
        "repeat line function code seconds own_seconds thread_seconds tasks held_bytes rise_bytes",
        profile,
    )


def calls_frame(profile: Measured) -> pd.DataFrame:
    """Return what was called within the tasks and the kernel; see `Profile.calls`."""
    return make_frame(
        [
            {
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "of": tree.of,
                "depth": call.depth,
                "function": call.frame.name,
                "origin": call.frame.origin,
                "module": call.frame.module,
                "file": call.frame.file,
                "line": call.frame.line,
                "seconds": call.seconds,
                "own_seconds": call.own,
                "waiting_seconds": call.waiting,
                "share": call.seconds / tree.total if tree.total else 0.0,
                "samples": tree.samples,
            }
            for run in profile.traced_runs
            if run.trace is not None
            for tree in run.trace.inside.trees
            for call in run.trace.inside.calls(tree)
        ],
        "repeat of depth function origin module file line seconds own_seconds waiting_seconds share"
        " samples",
        profile,
    )


def chunk_frame(profile: Measured) -> pd.DataFrame:
    """Return what chunks of other sizes would take; see `Profile.chunk_sizes`."""
    return make_frame(
        [
            {**which_run(run.setting, profile), "repeat": run.repeat, **vars(size)}
            for run in profile.traced_runs
            if run.status == "ok"
            for size in chunk_sizes(run, cpus=profile.machine.cpus)
        ],
        "repeat factor chunks tasks seconds",
        profile,
    )
