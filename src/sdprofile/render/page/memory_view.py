"""What each worker count took of memory, and what dask says that it was used for."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.model.setting import column_name
from sdprofile.render.curves import is_sampled
from sdprofile.render.page.markup import NOTHING, Cell, Row, bar, glyph, joined, key, table, write
from sdprofile.render.page.picture import Picture
from sdprofile.render.palette import Mark, marked, of_count
from sdprofile.render.text.allocations import (
    allocation_rows,
    allocations_key,
    allocations_title,
)
from sdprofile.render.text.rows import (
    GPU,
    MISSING,
    OF_GPU,
    gpu_worker,
    of_gpu,
    of_limit,
    peak_worker,
)
from sdprofile.units import capitalized, format_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

_OWN = {"in torch": "torch", "in cupy": "cupy"}
"""What libraries count themselves of a GPU, and what that is of a `Card`."""

_BY_DASK = ("managed", "unmanaged", "spilled")

_HEADERS = (
    *("workers", "at start", "peak/worker", "of limit", "all workers"),
    *_BY_DASK,
    *("transferred", "read", "written"),
    *(GPU, *_OWN, OF_GPU, "gpu busy"),
)

_LEFT_OUT = ("at start", "managed", "unmanaged", "transferred", "read", "written", *_OWN)
"""Columns that a narrow page does without."""

_KEY = (
    "Most of any run. At start and peak/worker: of the fullest worker, the bar against its limit."
    " All workers: their peak together lies in this range. Managed, unmanaged and spilled: of all"
    " workers, as dask saw it."
)

_DISK_KEY = (
    " Read and written: what all workers asked for of files and pipes, also where the system had it"
    " in memory; in the median run."
)

_TLS_KEY = " With TLS it holds what workers send each other."

_LITTLE = 10_000_000
"""Bytes below which a worker reads or writes for dask alone, and they are not shown."""

_GPU_KEY = (
    " gpu/worker: the most that any worker held of a GPU, with what its allocator kept for later."
    " Of gpu: in use of the fullest GPU, by whomever. Gpu busy: the share of the time in which it"
    " computed, however little of it, in the median run."
)

_OWN_KEY = (
    " In torch: what it had in use at most, by its own count; in cupy: what its pool had at the"
    " end, in use or not."
)


def memory_view(profile: Measured) -> Markup:
    """Return the table of memory."""
    texts = [_texts(profile, count) for count in profile.counts]
    names = [name for name in _HEADERS if _tells(name, texts)]
    rows = [
        Row(cells=_cells(profile, count, how, each, names), classes=of_count(count.workers))
        for (count, how), each in zip(marked(profile), texts, strict=True)
    ]
    axes = [Cell(text=column_name(axis.name, _HEADERS)) for axis in profile.varied.of_kind]
    first, *others = [Cell(text=name, classes=_classes(name)) for name in names]
    headers = [first, *axes, *others]
    disk = _DISK_KEY + (_TLS_KEY if profile.secure else "")
    words = [
        _KEY,
        disk if {"read", "written"} & {*names} else "",
        _GPU_KEY if OF_GPU in names else "",
        _OWN_KEY if {*_OWN} & {*names} else "",
    ]
    return table(headers, rows) + key("".join(words))


def allocations_view(profile: Measured) -> Markup:
    """Return the table of what a task had allocated at its peak; empty without it."""
    found = profile.allocated
    if found is None:
        return NOTHING
    headers, *body = [
        [*(Cell(text=text) for text in row[:-1]), Cell(text=row[-1], classes="sdp-name")]
        for row in allocation_rows(profile)
    ]
    words = f"{capitalized(allocations_title(profile))}. {allocations_key(found)}"
    return table(headers, [Row(cells=cells) for cells in body]) + key(words)


def memory_panels(profile: Measured, *, picture: Picture) -> Markup:
    """Return a plot for each count: each worker's memory, and that of all workers by use."""
    return joined(
        write(
            "panel",
            count.workers,
            how,
            profile.varied.name(count.setting),
            _panel(profile, index, picture),
        )
        for index, (count, how) in enumerate(marked(profile))
        if any(is_sampled(run) for run in count.runs)
    )


def _panel(profile: Measured, index: int, picture: Picture) -> Markup:
    def draw() -> Figure:
        from sdprofile.render.plots.workers import worker_plot

        return worker_plot(profile, index)

    def draw_gpus() -> Figure:
        from sdprofile.render.plots.gpu import gpu_plot

        return gpu_plot(profile, index)

    count = profile.counts[index]
    setting = profile.varied.name(count.setting)
    label = f"memory over time with {setting}: each worker, and all of them by use"
    shown = picture(draw, label=label)
    if count.gpu_fraction is not None:
        label = f"GPU memory over time with {setting}: each worker, and each GPU as a whole"
        shown += picture(draw_gpus, label=label)
    return shown


def _tells(name: str, texts: Sequence[Mapping[str, str]]) -> bool:
    """Whether a column has a number, and one that is not in another: of one worker, all are it."""
    as_in = {"all workers": "peak/worker"}.get(name)
    return any(each[name] not in (MISSING, each.get(as_in or "")) for each in texts)


def _texts(profile: Measured, count: CountSummary) -> dict[str, str]:
    decimal, cluster = profile.decimal, count.cluster_peak
    return {
        "workers": count.setting.label,
        "at start": _amount(max(run.memory.baseline or 0 for run in count.runs), decimal=decimal),
        "peak/worker": peak_worker(count, decimal=decimal),
        "of limit": of_limit(count, profile.thresholds),
        "all workers": _range(cluster.low, cluster.high, decimal=decimal) if cluster else MISSING,
        **{name: _amount(_most_by_dask(count, name), decimal=decimal) for name in _BY_DASK},
        "transferred": _amount(max(run.transfers.nbytes for run in count.runs), decimal=decimal),
        "read": _moved((run.disk.read for run in count.runs), decimal=decimal),
        "written": _moved((run.disk.written for run in count.runs), decimal=decimal),
        GPU: gpu_worker(count, decimal=decimal),
        **{name: _amount(_most_of_gpu(count, of), decimal=decimal) for name, of in _OWN.items()},
        OF_GPU: of_gpu(count),
        "gpu busy": MISSING if count.gpu_busy is None else f"{100 * count.gpu_busy:.0f} %",
    }


def _cells(
    profile: Measured,
    count: CountSummary,
    how: Mark,
    texts: Mapping[str, str],
    names: Sequence[str],
) -> list[Cell]:
    peak, peaks = count.peak_worker, [each.peak_worker or 0 for each in profile.counts]
    scale = count.memory_limit or max(peaks)
    before = {"workers": glyph(how)}
    bars = {"peak/worker": bar(peak / scale, how.colour) if peak and scale else NOTHING}
    first, *others = [
        Cell(
            text=texts[name],
            before=before.get(name, NOTHING),
            bar=bars.get(name, NOTHING),
            classes=_classes(name),
        )
        for name in names
    ]
    return [first, *(Cell(text=a.value(count.setting)) for a in profile.varied.of_kind), *others]


def _classes(name: str) -> str:
    return "sdp-extra" if name in _LEFT_OUT else ""


def _most_by_dask(count: CountSummary, measure: str) -> int:
    return max(
        (
            max(curve.nbytes, default=0)
            for run in count.runs
            for curve in run.memory.curves
            if curve.source == "dask" and curve.measure == measure
        ),
        default=0,
    )


def _moved(amounts: Iterable[int | None], *, decimal: bool) -> str:
    known = [each for each in amounts if each is not None]
    usual = statistics.median_low(known) if known else 0
    return _amount(usual if usual >= _LITTLE else 0, decimal=decimal)


def _most_of_gpu(count: CountSummary, of: str) -> int:
    return int(max(run.memory.highest(of) or 0 for run in count.runs))


def _amount(nbytes: int, *, decimal: bool) -> str:
    return format_bytes(nbytes, decimal=decimal) if nbytes else MISSING


def _range(low: int, high: int, *, decimal: bool) -> str:
    ends = (format_bytes(low, decimal=decimal), format_bytes(high, decimal=decimal))
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
