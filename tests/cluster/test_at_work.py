"""How far the workers are is told without asking them, while they are at it."""

from __future__ import annotations

from conftest import wait_until
from distributed import Client, Event
from runs import MIB, hold

from sdprofile.cluster.at_work import watch_work
from sdprofile.cluster.worker_states import worker_states


def test_tasks_and_memory_of_the_fullest_are_those_since_it_began(client: Client) -> None:
    client.gather(client.map(hold, [0] * 3, pure=False))
    look = watch_work(client, decimal=True)
    assert look is not None
    assert (look().done, look().known) == (0, 0)
    gate = Event("at work", client=client)

    def wait(number: int) -> None:
        payload = b"x" * (200 * MIB) if number == 0 else b""
        Event("at work").wait(timeout=60)
        del payload

    futures = [client.submit(hold, 0, pure=False) for _ in range(2)]
    client.gather(futures)
    waiting = client.map(wait, range(2), pure=False)
    wait_until(lambda: look().known == 4 and look().nbytes > 200 * MIB)
    seen = look()
    (worker,) = worker_states(client)
    assert (seen.done, seen.limit) == (2, worker.memory_limit)
    gate.set()
    client.gather(waiting)
    wait_until(lambda: look().done == 4)


def test_a_scheduler_elsewhere_is_not_asked(client: Client) -> None:
    with Client(client.scheduler.address, set_as_default=False) as other:  # type: ignore[union-attr]
        assert watch_work(other, decimal=True) is None
