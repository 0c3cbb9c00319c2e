"""Tells an error that means a GPU's memory ran out from all others, without its library."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TYPES = frozenset(
    {
        ("torch", "OutOfMemoryError"),  # torch 2.5 and later, where torch.cuda's is the same
        ("torch.cuda", "OutOfMemoryError"),
        ("torch._C", "OutOfMemoryError"),
        ("cupy.cuda.memory", "OutOfMemoryError"),
    }
)
"""Modules and names of types that mean it whatever they say."""

_WORDS = re.compile(
    "CUDA out of memory"  # torch's, also in errors of other types
    "|CUDA error: out of memory"  # torch's, of the driver
    r"|Out of memory allocating [\d,]+ bytes"  # cupy's, whose type older ones cannot send on
    "|CUDA_ERROR_OUT_OF_MEMORY"  # the driver's, by numba and others
    "|cudaErrorMemoryAllocation"  # the runtime's, by cupy
    "|CU(BLAS|DNN|FFT|SPARSE|SOLVER)_STATUS_ALLOC_FAILED"
    "|CUFFT_ALLOC_FAILED"
    "|std::bad_alloc: (out_of_memory|CUDA error|RMM failure)"  # RMM's, as a MemoryError
    "|RESOURCE_EXHAUSTED: .*[Oo]ut of memory"  # jax's
    "|OOM when allocating tensor .*GPU",  # tensorflow's
    re.DOTALL,
)


def is_out_of_gpu_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it came of, says that there was no more memory on a GPU.

    Notes
    -----
    The words are those of torch 2, cupy 13, jax 0.4 and later, RMM, numba and tensorflow, as their
    sources have them. jax says the same of the memory of the host.
    """
    return any(map(_says_so, _chain(error)))


def forget_frames(error: BaseException | None) -> None:
    """Let go of what the functions had from which an error came.

    Notes
    -----
    A client keeps the error of a task as long as there is a future of it. Where the cell has one
    in a variable, the error's traceback has that, and so they keep each other for ever, and the
    scheduler the task.
    """
    for each in _chain(error):
        each.__traceback__ = None


def _says_so(error: BaseException) -> bool:
    if any((each.__module__, each.__name__) in _TYPES for each in type(error).__mro__):
        return True
    try:
        return _WORDS.search(str(error)) is not None
    except Exception:  # noqa: BLE001 - an error of the user's may be able to do anything
        return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
