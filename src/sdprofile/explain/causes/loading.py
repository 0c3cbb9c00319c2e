"""Models that are loaded anew in each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.causes.found import Found
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import gain_without, lasts
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.model.calls import CallTree, Frame
    from sdprofile.replay.what_if import Setup

_LOADS = frozenset({"from_pretrained", "load_model", "load_state_dict", "load_weights"})
"""Functions that load a model, whatever package they are of."""

_LOADS_OF = frozenset(
    {
        ("torch.cuda", "_lazy_init"),  # a context of its own: cuInit
        ("torch.hub", "load"),
        ("torch.jit._serialization", "load"),
        ("torch.nn.modules.module", "cuda"),  # its weights go to the GPU
        ("torch.nn.modules.module", "to"),
        ("torch.serialization", "load"),
        ("cellpose.models", "__init__"),
        ("csbdeep.models.base_model", "__init__"),  # StarDist's
        ("instanseg.inference_class", "__init__"),
        ("onnxruntime.capi.onnxruntime_inference_collection", "__init__"),
        ("safetensors.torch", "load_file"),
    }
)
"""Modules and functions that do."""

_MUCH = 0.1
"""Share of all thread time from which it is worth a word."""

_SAMPLES = 10
"""Samples from which a share of them means something."""

_PER_THREAD = 2
"""Tasks of each thread from which a load in each is more than one."""

_ONCE = 0.5
"""Fraction of all loading by which the longest tasks, one for each thread, are longer than the
others, from which only these have loaded."""

_LEAST = 0.5
"""Fraction of what loading takes that is saved at least: it is known by samples only."""


def loads_anew(seen: Seen) -> Found | None:
    """Return that each task of a prefix loads its model; None if none does, or not each.

    Parameters
    ----------
    seen
        A run.

    Notes
    -----
    It is seen in dask's samples of the calls within tasks. These do not tell in which task a call
    was made: where a model is loaded once in each thread, the first task of each is longer by that.
    """
    trees = [tree for tree in seen.trace.inside.trees if tree.of in seen.by_prefix]
    every = [(tree, *_loading(seen, tree)) for tree in trees if tree.samples >= _SAMPLES]
    tree, seconds, frame = max(every, key=lambda each: each[1], default=(None, 0.0, None))
    share = seconds / (seen.threads * seen.run.seconds)
    if tree is None or frame is None or share < _MUCH:
        return None
    tasks = seen.of_prefix(tree.of)
    number = len(tasks.seconds)
    if number < _PER_THREAD * seen.threads:
        return None
    longest = tasks.seconds[-seen.threads :]
    if sum(each - tasks.median for each in longest) >= _ONCE * seconds:
        return None
    each_loads = seconds / number
    first = set(
        sorted(seen.by_prefix[tree.of], key=seen.trace.begun.__getitem__)[: seen.run.workers]
    )
    again = [task for task in seen.by_prefix[tree.of] if task not in first]

    def without(was: Setup, part: float) -> Setup:
        left = {task: was.trace.durations[task] - part * each_loads for task in again}
        return lasts(was, {task: max(0.0, each) for task, each in left.items()})

    saved = share * len(again) / number
    return seen.found(
        "loads a model again",
        share=share,
        fact=f"each task of {seen.place(tree.of)} loads its model anew ({_name(frame)}): about"
        f" {format_seconds(each_loads)} of {format_seconds(tasks.median)}",
        change="load it once in each worker: w = distributed.get_worker(), and w.model = ... if not"
        ' hasattr(w, "model")',
        gain=gain_without(
            seen,
            least=lambda was: without(was, _LEAST),
            most=lambda was: without(was, 1.0),
            instead=(_LEAST * saved, saved),
        ),
    )


def _loading(seen: Seen, tree: CallTree) -> tuple[float, Frame | None]:
    """Return how long the tasks of a tree loaded models, in seconds, and what took most of it."""
    longest: Frame | None = None
    total, most, within = 0.0, 0.0, -1
    for call in seen.trace.inside.calls(tree):
        if 0 <= within < call.depth:
            continue  # of what a load calls
        within = call.depth if _is_load(call.frame) else -1
        if within >= 0:
            total += call.seconds
            if call.seconds > most:
                longest, most = call.frame, call.seconds
    return total, longest


def _is_load(frame: Frame) -> bool:
    return frame.name in _LOADS or (frame.module, frame.name) in _LOADS_OF


def _name(frame: Frame) -> str:
    """Return a function as it is mostly called, or the module of a class that is made."""
    package = frame.module.partition(".")[0]
    return frame.module if frame.name == "__init__" else f"{package}.{frame.name}".lstrip(".")
