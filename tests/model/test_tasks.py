"""What several workers saw of a task prefix is one entry."""

from __future__ import annotations

from sdprofile.model.tasks import TaskMemory, merge


def test_tasks_add_up_and_memory_is_a_maximum() -> None:
    seen = [
        TaskMemory(prefix="load", tasks=2, peak=50, rise_low=10, rise_high=30),
        TaskMemory(prefix="sum", tasks=1, peak=90, rise_low=40, rise_high=40),
        TaskMemory(prefix="load", tasks=3, peak=70, rise_low=20, rise_high=20),
    ]

    assert merge(seen) == (
        TaskMemory(prefix="sum", tasks=1, peak=90, rise_low=40, rise_high=40),
        TaskMemory(prefix="load", tasks=5, peak=70, rise_low=20, rise_high=30),
    )
