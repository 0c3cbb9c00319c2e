"""A profile as pandas tables."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sdprofile.explain.verdict import verdict_of
from sdprofile.model.setting import LIMIT, THREADS, Setting, column_name
from sdprofile.model.spans import EXECUTE

if TYPE_CHECKING:
    import pandas as pd

    from sdprofile.explain.comparison import Compared
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

_COLUMNS = (
    "workers",
    "threads",
    "memory_limit_bytes",
    "repeat",
    "status",
    "seconds",
    "tasks",
    "scheduler",
)
"""Names that a variable may have too, and whose columns must stay apart from its own."""


_OF_GPUS = {
    "peak_gpu_worker_bytes": "most",
    "peak_gpu_torch_bytes": "torch",
    "peak_gpu_torch_reserved_bytes": "torch_reserved",
    "gpu_cupy_bytes": "cupy",
    "peak_gpu_workers_bytes": "held",
    "peak_gpu_bytes": "peak",
    "gpu_bytes": "nbytes",
    "gpu_busy": "busy",
}
"""Columns that are there if a run used a GPU, and what each is of a `Card`."""

_COUNT_OF_GPUS = {
    "peak_gpu_worker_bytes": "gpu_worker",
    "gpu_fraction": "gpu_fraction",
    "gpu_busy": "gpu_busy",
}
"""The same of the summary, and of a `CountSummary`."""


def runs_frame(profile: Measured) -> pd.DataFrame:
    """Return one row per run; see `Profile.to_frame`."""
    alone = ["scheduler"] if any(not run.workers for run in profile.runs) else []
    of_gpus = _OF_GPUS if any(run.memory.used_cards for run in profile.runs) else {}
    return make_frame(
        [
            {
                "workers": run.workers,
                "threads": run.threads,
                "memory_limit_bytes": run.memory_limit,
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "status": run.status,
                "seconds": run.seconds,
                "tasks": run.work.tasks,
                "peak_worker_bytes": run.peak_worker,
                "peak_cluster_low_bytes": run.memory.cluster_peak and run.memory.cluster_peak.low,
                "peak_cluster_high_bytes": run.memory.cluster_peak and run.memory.cluster_peak.high,
                "baseline_bytes": run.memory.baseline,
                "peak_children_bytes": run.memory.children,
                "peak_kernel_bytes": run.circumstances.kernel_peak,
                "spilled_bytes": run.work.spilled,
                "transferred_bytes": run.transfers.nbytes,
                "read_bytes": run.disk.read,
                "written_bytes": run.disk.written,
                "cpu_seconds": run.work.cpu_seconds,
                "kernel_cpu_seconds": run.circumstances.kernel_cpu_seconds,
                **{name: ", ".join(run.work.schedulers) for name in alone},
                **{name: run.memory.highest(of) for name, of in of_gpus.items()},
            }
            for run in profile.runs
        ],
        "threads memory_limit_bytes repeat status seconds tasks peak_worker_bytes"
        " peak_cluster_low_bytes peak_cluster_high_bytes baseline_bytes peak_children_bytes"
        " peak_kernel_bytes spilled_bytes transferred_bytes read_bytes written_bytes cpu_seconds"
        " kernel_cpu_seconds" + "".join(f" {name}" for name in (*alone, *of_gpus)),
        profile,
    )


def summary_frame(profile: Measured) -> pd.DataFrame:
    """Return one row per worker count; see `Profile.summary`."""
    rows = []
    used = any(count.gpu_fraction is not None for count in profile.counts)
    of_gpus = _COUNT_OF_GPUS if used else {}
    for count in profile.counts:
        timing, verdict = count.timing, verdict_of(count)
        rows.append(
            {
                **which_run(count.setting, profile),
                "status": count.status,
                "runs": len(timing.seconds) if timing else 0,
                "median_seconds": timing and timing.median,
                "mean_seconds": timing and timing.mean,
                "std_seconds": timing and timing.std,
                "min_seconds": timing and timing.shortest,
                "speedup": count.speedup,
                "efficiency": count.efficiency,
                "serial_fraction": count.serial_fraction,
                "verdict": verdict and verdict.words,
                "peak_worker_bytes": count.peak_worker,
                "peak_cluster_low_bytes": count.cluster_peak and count.cluster_peak.low,
                "peak_cluster_high_bytes": count.cluster_peak and count.cluster_peak.high,
                "memory_limit_bytes": count.memory_limit,
                "limit_fraction": count.limit_fraction,
                **{name: getattr(count, of) for name, of in of_gpus.items()},
            }
        )
    return make_frame(
        rows,
        "status runs median_seconds mean_seconds std_seconds min_seconds speedup"
        " efficiency serial_fraction verdict peak_worker_bytes peak_cluster_low_bytes"
        " peak_cluster_high_bytes memory_limit_bytes limit_fraction"
        + "".join(f" {name}" for name in of_gpus),
        profile,
    )


def memory_frame(profile: Measured) -> pd.DataFrame:
    """Return the memory curves, one row per sample; see `Profile.memory`."""
    return make_frame(
        [
            {
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "source": curve.source,
                "worker": curve.worker,
                "measure": curve.measure,
                "seconds": seconds,
                "bytes": nbytes,
            }
            for run in profile.runs
            for curve in run.memory.curves
            for seconds, nbytes in zip(curve.seconds, curve.nbytes, strict=True)
        ],
        "repeat source worker measure seconds bytes",
        profile,
    )


def spans_frame(profile: Measured) -> pd.DataFrame:
    """Return where the workers' time went; see `Profile.spans`."""
    return make_frame(
        [
            {
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "span": part.span,
                "context": part.context,
                "prefix": part.prefix,
                "activity": part.activity,
                "seconds": part.seconds,
                "bytes": part.nbytes,
            }
            for run in profile.runs
            for part in run.work.spans
        ],
        "repeat span context prefix activity seconds bytes",
        profile,
    )


def steps_frame(profile: Measured) -> pd.DataFrame:
    """Return the calls that are steps, one row per run and step; see `Profile.steps`."""
    return make_frame(
        [
            {
                **which_run(run.setting, profile),
                "repeat": run.repeat,
                "step": step.span,
                "calls": step.calls,
                "kernel_seconds": step.seconds,
                "thread_seconds": sum(
                    part.seconds for part in run.work.spans if part.span == step.span
                ),
                "merged": ", ".join(step.fused),
            }
            for run in profile.runs
            for step in run.steps.calls
            if step.calls
        ],
        "repeat step calls kernel_seconds thread_seconds merged",
        profile,
    )


def tasks_frame(profile: Measured) -> pd.DataFrame:
    """Return time and memory of each task prefix; see `Profile.tasks`."""
    return make_frame(
        [
            {**which_run(run.setting, profile), "repeat": run.repeat, **row}
            for run in profile.runs
            for row in _task_rows(run)
        ],
        "repeat prefix tasks seconds cpu_seconds peak_worker_bytes rise_low_bytes rise_high_bytes",
        profile,
    )


def comparison_frame(comparison: Compared) -> pd.DataFrame:
    """Return one row per worker count that both have; see `Comparison.to_frame`."""
    rows = []
    for change in comparison.counts:
        before, after, verdict = change.before.timing, change.after.timing, change.verdict
        rows.append(
            {
                "workers": change.workers,
                "before_seconds": before and before.median,
                "after_seconds": after and after.median,
                "speedup": verdict and verdict.ratio,
                "speedup_low": verdict and verdict.ratio_low,
                "speedup_high": verdict and verdict.ratio_high,
                "verdict": verdict and verdict.words,
                "before_peak_bytes": change.before.peak_worker,
                "after_peak_bytes": change.after.peak_worker,
                "peak_ratio": change.peak_ratio,
                "tasks_ratio": change.tasks_ratio,
            }
        )
    return make_frame(
        rows,
        "before_seconds after_seconds speedup speedup_low speedup_high verdict"
        " before_peak_bytes after_peak_bytes peak_ratio tasks_ratio",
    )


def _task_rows(run: Run) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for part in run.work.spans:
        if part.context == EXECUTE:
            row = rows.setdefault(part.prefix, {"seconds": 0.0, "cpu_seconds": 0.0})
            row["seconds"] += part.seconds
            row["cpu_seconds"] += part.seconds if part.activity == "thread-cpu" else 0.0
    for memory in run.memory.prefixes:
        rows.setdefault(memory.prefix, {}).update(
            tasks=memory.tasks,
            peak_worker_bytes=memory.peak,
            rise_low_bytes=memory.rise_low,
            rise_high_bytes=memory.rise_high,
        )
    return [{"prefix": prefix, **row} for prefix, row in rows.items()]


def which_run(setting: Setting, profile: Measured) -> dict[str, Any]:
    """Return the cells that tell a setting from the others of a profile."""
    varied = profile.varied.own
    return {
        "workers": setting.workers,
        **({"threads": setting.threads} if THREADS in varied else {}),
        **({"memory_limit_bytes": setting.memory_limit} if LIMIT in varied else {}),
        **{column_name(name, _COLUMNS): _literal(value) for name, value in setting.variables},
    }


def _literal(text: str) -> Any:
    """Return the number that a text is, else the text."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def make_frame(
    rows: list[dict[str, Any]], columns: str, profile: Measured | None = None
) -> pd.DataFrame:
    """Return rows as a frame, the cells that tell settings apart first."""
    import pandas as pd

    which = which_run(profile.runs[0].setting, profile) if profile and profile.runs else ["workers"]
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys([*which, *columns.split()])))
    # Nullable integers, so that a missing peak does not turn bytes into floats.
    whole = [name for name in frame.columns if name.endswith("bytes") or name == "tasks"]
    return frame.astype(dict.fromkeys(whole, "Int64"))
