"""What several workers saw of a task prefix is one entry."""

from __future__ import annotations

import pytest
from dask.utils import key_split

from sdprofile.model.tasks import PrefixMemory, merge, task_prefix


def test_tasks_add_up_and_memory_is_a_maximum() -> None:
    seen = [
        PrefixMemory(prefix="load", tasks=2, peak=50, rise_low=10, rise_high=30),
        PrefixMemory(prefix="sum", tasks=1, peak=90, rise_low=40, rise_high=40),
        PrefixMemory(prefix="load", tasks=3, peak=70, rise_low=20, rise_high=20),
    ]

    assert merge(seen) == (
        PrefixMemory(prefix="sum", tasks=1, peak=90, rise_low=40, rise_high=40),
        PrefixMemory(prefix="load", tasks=5, peak=70, rise_low=20, rise_high=30),
    )


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("sum-1", "sum"),
        ("('random_sample-add-0123456789abcdef0123456789abcdef', 0, 1)", "random_sample-add"),
        ("finalize-hlgfinalizecompute-0123456789abcdef", "finalize-hlgfinalizecompute"),
        ("('x', 1)", "x"),
        ("x-abcdefab", "x"),
        ("0123456789abcdef0123456789abcdef", "data"),
        ("lambda", "lambda"),
        ("_read-part-2", "read-part"),
    ],
)
def test_prefix_is_that_of_dask(key: str, prefix: str) -> None:
    assert (task_prefix(key), key_split(key)) == (prefix, prefix)
