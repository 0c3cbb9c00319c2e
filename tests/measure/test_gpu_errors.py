"""An error that means a full GPU is told from others by its type or its words."""

from __future__ import annotations

import pytest
from gpus import OutOfMemoryError

from sdprofile.measure.gpu_errors import is_out_of_gpu_memory


class OurOutOfMemoryError(OutOfMemoryError):
    """A type that comes of torch's."""


class UnprintableError(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError(""),
        OurOutOfMemoryError(""),
        RuntimeError("CUDA out of memory. Tried to allocate 9.80 GiB (GPU 0; 14.76 GiB total"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cudaErrorMemoryAllocation: out of memory"),
        Exception("OutOfMemoryError('Out of memory allocating 1,024 bytes (allocated so far: 5')"),
        RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406 bytes."),
        MemoryError("std::bad_alloc: CUDA error at: cuda_memory_resource.hpp68: out of memory"),
        MemoryError("std::bad_alloc: out_of_memory: RMM failure at:pool_memory_resource.hpp:196"),
        MemoryError("std::bad_alloc: RMM failure at:pool_memory_resource.hpp:179: Maximum pool"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_what_means_a_full_gpu_is_recognised(error: Exception) -> None:
    assert is_out_of_gpu_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        None,
        MemoryError(),
        MemoryError("Unable to allocate 9.31 GiB for an array with shape (100000, 12500)"),
        MemoryError("std::bad_alloc"),
        RuntimeError("out of memory"),
        RuntimeError("grpc: RESOURCE_EXHAUSTED: quota"),
        type("OutOfMemoryError", (Exception,), {"__module__": "mine"})("full"),
        UnprintableError(),
    ],
    ids=repr,
)
def test_other_errors_are_not(error: Exception | None) -> None:
    assert not is_out_of_gpu_memory(error)


def test_what_an_error_came_of_counts_and_a_circle_ends() -> None:
    error = ValueError("no segmentation")
    error.__cause__ = KeyError("model")
    error.__cause__.__context__ = OutOfMemoryError("")
    assert is_out_of_gpu_memory(error)
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert not is_out_of_gpu_memory(one)
