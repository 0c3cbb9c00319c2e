"""What the workers hold of GPUs: who may read it, and what was read, as curves and cards."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sdprofile
from sdprofile.measure.gpu_libraries import OwnCounts
from sdprofile.measure.samples import cut
from sdprofile.model.gpu import Card, Cards, Held
from sdprofile.model.memory import Curve

_DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""One of them is there where a driver has found a card: of Linux, and of Linux within Windows."""

_LEAST_SECONDS = 1.0
"""Seconds that a run takes at least for its share of use to mean something: NVML's is that of the
last 1/6 to 1 s."""


@dataclass(frozen=True)
class Visible:
    """Which cards a worker may use, as its environment has it for CUDA."""

    cards: str | None
    """``CUDA_VISIBLE_DEVICES``; None where it is not set."""

    by_bus: bool
    """Whether their numbers are those of NVML even where cards differ (``CUDA_DEVICE_ORDER``)."""

    @classmethod
    def here(cls) -> Visible:
        """Return which ones this process may use."""
        by_bus = os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        return cls(os.environ.get("CUDA_VISIBLE_DEVICES"), by_bus)

    def among(self, cards: Sequence[tuple[str, str, str]]) -> set[int]:
        """Return the places of the cards that CUDA shows.

        Parameters
        ----------
        cards
            Name, model and uuid of each.

        Notes
        -----
        See `CUDA_VISIBLE_DEVICES` in
        https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables: numbers,
        or beginnings of uuids; what stands behind one that is not there does not count. Unless they
        are told to go by the bus, numbers of unlike cards begin with the fastest, which NVML does
        not tell: then it may be any of them.
        """
        every = set(range(len(cards)))
        if self.cards is None:
            return every
        alike = len({model for _, model, _ in cards}) < 2
        found: set[int] = set()
        for word in map(str.strip, self.cards.split(",")):
            if word.isdecimal() and not (alike or self.by_bus):
                return every
            name = f"gpu {int(word)}" if word.isdecimal() else ""
            matches = {
                place
                for place, (own, _, uuid) in enumerate(cards)
                if (own.partition(" mig ")[0] == name if name else word and uuid.startswith(word))
            }
            if not matches:
                break
            found |= matches
        return found


def sampler_arguments() -> str | None:
    """Return where `gpu_sampling` finds what it needs; None without `pynvml`, or without a card."""
    if not any(map(os.path.exists, _DEVICES)):
        return None
    spec = find_spec("pynvml")
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent
    if spec.submodule_search_locations is not None:  # a package, as it was called before
        folder = folder.parent
    return os.pathsep.join([str(folder), str(Path(sdprofile.__file__).parents[1])])


def read_cards(
    samples: bytes,
    workers: Sequence[str],
    visible: Sequence[Visible],
    *,
    began: float,
    seconds: float,
    own: Mapping[str, OwnCounts] = MappingProxyType({}),
) -> Cards:
    """Return what a process has written of the cards of its host.

    Parameters
    ----------
    samples
        What `gpu_sampling` wrote.
    workers
        Addresses, in the order of their processes.
    visible
        Which cards each may use.
    began, seconds
        When the run began, in seconds of that host's wall clock, and how long it took.
    own
        What `own_counts` returned in workers, by address.
    """
    # The last line may have been cut off.
    lines = [json.loads(line) for line in samples.splitlines(keepends=True) if line[-1:] == b"\n"]
    if len(lines) < 2:
        return Cards()
    described, *records = lines
    known = [(name, model, uuid) for name, model, uuid, _ in described]
    shown = set().union(*(each.among(known) for each in visible))
    times = [at for at, _ in records]
    found, curves = [], []
    for place, (name, model, _, size) in enumerate(described):
        if place not in shown:
            continue
        columns = _inside(times, [each[place] for _, each in records], began, seconds)
        if columns is None:
            continue
        at, used, busy, kernel, others, *theirs = columns
        looked = [each for each in busy if each is not None]
        card = Card(
            name=name,
            model=model,
            nbytes=size,
            baseline=used[0],
            peak=max(used),
            workers=tuple(
                Held(worker=worker, nbytes=max(held))
                for worker, held in zip(workers, theirs, strict=True)
                if any(held)
            ),
            held=max(map(sum, zip(*theirs, strict=True))),
            kernel=max(kernel),
            others=max(others),
            busy=sum(looked) / len(looked) / 100 if looked and seconds >= _LEAST_SECONDS else None,
        )
        found.append(card)
        if card.is_used:
            curves += [
                Curve(source="nvml", worker=worker, measure=name, seconds=at, nbytes=held)
                for worker, held in zip(["", *workers], [used, *theirs], strict=True)
                if any(held)
            ]
    return Cards(cards=_with_own(found, own), curves=tuple(curves))


def _with_own(cards: Sequence[Card], own: Mapping[str, OwnCounts]) -> tuple[Card, ...]:
    """Return cards with what libraries had of each, for workers that held some of one only."""
    on = Counter(each.worker for card in cards for each in card.workers)

    def of(held: Held) -> Held:
        counts = own.get(held.worker) if on[held.worker] == 1 else None
        return held if counts is None else replace(held, **vars(counts))

    return tuple(replace(card, workers=tuple(map(of, card.workers))) for card in cards)


def all_hosts(by_host: dict[str, Cards]) -> Cards:
    """Return the cards of all hosts; where several have some, their names tell the host."""
    with_cards = {host: cards for host, cards in by_host.items() if cards.cards}
    several = len(with_cards) > 1

    def named(name: str, host: str) -> str:
        return f"{name} of {host}" if several else name

    return Cards(
        cards=tuple(
            replace(card, name=named(card.name, host))
            for host, each in with_cards.items()
            for card in each.cards
        ),
        curves=tuple(
            replace(curve, measure=named(curve.measure, host))
            for host, each in with_cards.items()
            for curve in each.curves
        ),
    )


def _inside(
    times: Sequence[float], rows: Sequence[Sequence[Any]], began: float, seconds: float
) -> list[Any] | None:
    """Return times and columns of the samples of a run; None if there is none.

    The first sample after its end stands at its end: a run that ran out of memory may be over
    before there is another one, and its workers still hold what they had.
    """
    end = began + seconds
    # What `cut` keeps are places here, for all columns at once.
    kept = cut(times, range(len(rows)), began=began, end=end)
    at, places = kept if kept is not None else ((), ())
    after = next((place for place, time in enumerate(times) if time >= end), None)
    if after is not None:
        at = (*at, max(int(seconds * 1e4) / 1e4, *at[-1:], 0.0))
        places = (*places, after)
    return [at, *zip(*(rows[place] for place in places), strict=True)] if at else None
