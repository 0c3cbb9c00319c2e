"""What the workers held of the memory of GPUs, and how busy these were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sdprofile.model.memory import Curve


@dataclass(frozen=True, kw_only=True)
class Held:
    """The most that one worker held of a card's memory during one run."""

    worker: str
    """Address of the worker."""

    nbytes: int
    """Highest sample of its process and its child processes, in bytes: a CUDA context, what is in
    use, and what an allocator keeps for later."""

    torch: int | None = None
    """What torch had in use of it at most, by its own count, in bytes; None where torch is not
    loaded, or the worker held some of several cards, as in what follows."""

    torch_reserved: int | None = None
    """What torch kept of it at most, in use or not, in bytes."""

    cupy: int | None = None
    """What cupy's default pool kept of it at the end, in use or not, in bytes: the most that it
    took since it was last emptied."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A GPU, or a part of one (MIG), that workers could see during one run."""

    name: str
    """As NVML numbers it: ``"gpu 0"``, or ``"gpu 0 mig 1"``; with its host if there are several."""

    model: str
    """What it is, as NVML says: ``"NVIDIA H200"``."""

    nbytes: int
    """Size of its memory, in bytes."""

    baseline: int = 0
    """In use on all of it just before the run, by whomever, in bytes."""

    peak: int = 0
    """In use on all of it at most, by whomever, in bytes."""

    workers: tuple[Held, ...] = ()
    """What each worker held, of those that held something."""

    held: int = 0
    """What the workers held together at most at any one time, in bytes."""

    kernel: int = 0
    """What the process held at most in which the cell runs, in bytes."""

    others: int = 0
    """What processes held at most that are neither, in bytes."""

    busy: float | None = None
    """Share of the run in which the card computed, 0 to 1, however little of it; None where that is
    not known: for a run below 1 s, or with MIG."""

    @property
    def most(self) -> int:
        """What the worker held that held most, in bytes; 0 if none did."""
        return max((each.nbytes for each in self.workers), default=0)

    @property
    def torch(self) -> int | None:
        """What the worker had in use by torch's own count that had most, in bytes, if known."""
        return _highest(each.torch for each in self.workers)

    @property
    def torch_reserved(self) -> int | None:
        """What torch kept in the worker where it kept most, in bytes, if known."""
        return _highest(each.torch_reserved for each in self.workers)

    @property
    def cupy(self) -> int | None:
        """What cupy's pool kept in the worker where it kept most, in bytes, if known."""
        return _highest(each.cupy for each in self.workers)

    @property
    def left(self) -> int:
        """What the workers can have of it beside the kernel and others, in bytes."""
        return max(0, self.nbytes - self.kernel - self.others)

    @property
    def is_untold(self) -> bool:
        """Whether more of it was in use in the run, and no process is known to have held it."""
        known = self.held or self.kernel or self.others
        return not known and self.peak - self.baseline >= _CONTEXT

    @property
    def is_ours(self) -> bool:
        """Whether no other process held some of it, which may have computed there as well."""
        return self.others < _CONTEXT

    @property
    def is_used(self) -> bool:
        """Whether the run used it."""
        return bool(self.workers) or self.is_untold


@dataclass(frozen=True, kw_only=True)
class Cards:
    """What was sampled of all cards."""

    cards: tuple[Card, ...] = ()
    """Those that workers could see."""

    curves: tuple[Curve, ...] = ()
    """Memory over time of those that were used: of each worker that held some, and of the card as a
    whole."""


NO_CARDS = Cards()
"""What is sampled where there are none."""

_CONTEXT = 100_000_000
"""Bytes that a process holds of a card at least once it uses it: its CUDA context."""


def _highest(values: Iterable[int | None]) -> int | None:
    return max((each for each in values if each is not None), default=None)
