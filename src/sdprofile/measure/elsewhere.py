"""Watches for dask work that a run sends elsewhere than to the profiled workers."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dask.callbacks import Callback

from sdprofile.internals.distributed.client import default_clients, forget_defaults, sending
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.interception import Around, stood_in
from sdprofile.model.elsewhere import EXECUTOR, Elsewhere

if TYPE_CHECKING:
    from distributed import Client

    from sdprofile.cluster.questions import Questions

_IN_KERNEL = {"dask.threaded": "threads", "dask.multiprocessing": "processes"}
"""What dask calls the schedulers of its modules; that of `dask.local` is ``synchronous``."""

_ENDED = ("closing", "closed", "failed")


@dataclass
class _Other:
    """Another cluster, as far as it is known."""

    scheduler: str = ""
    workers: int = 0
    started: bool = False
    connected: bool = False
    graphs: int = 0
    cluster: Any = None


class OtherSchedulers(Instrument[tuple[Elsewhere, ...]]):
    """Notes clusters and clients that a run makes, graphs sent to others, schedulers in the kernel.

    Notes
    -----
    A client is of another cluster if the identity of its scheduler is another one: an address may
    be written in several ways. Of schedulers in the kernel dask's callbacks tell
    (`dask.callbacks.Callback`), but not of one within another. A client that the run leaves is not
    the session's default: that is what it was. Without a cluster schedulers in the kernel are not
    elsewhere.
    """

    def __init__(self, client: Client | None) -> None:
        """Prepare; the client is of the profiled cluster, None without one."""
        super().__init__(client)
        self._profiled = client

    def begin(self, asked: Questions) -> None:
        """Stand in for what makes clients and clusters, and for what sends graphs."""
        from distributed import Client
        from distributed.deploy.cluster import Cluster

        profiled = self._profiled
        self._ours = profiled and profiled.scheduler_info(n_workers=1).get("id")
        self._others: dict[str, _Other] = {}
        self._clusters: list[Any] = []
        self._in_kernel: dict[str, list[float]] = {}
        self._defaults = default_clients()
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._began = threading.local()
        watched: list[tuple[Any, Around]] = [
            (Cluster.__init__, self._make_cluster),
            (Client.__init__, self._make_client),
        ]
        self._stack.enter_context(stood_in(watched))
        self._stack.enter_context(sending(self._send))
        if profiled is not None:
            self._stack.enter_context(Callback(start=self._started, finish=self._finished))

    def end(self, asked: Questions) -> None:
        """Leave dask and the session's default client as they were."""
        self.abandon()

    def read(self) -> tuple[Elsewhere, ...]:
        """Return what was seen."""
        for cluster in self._clusters:
            self._note_cluster(cluster)
        seen = (
            *(
                Elsewhere(
                    scheduler=other.scheduler,
                    workers=other.workers,
                    started=other.started,
                    connected=other.connected,
                    graphs=other.graphs,
                    left=_status(other.cluster) not in _ENDED if other.started else False,
                )
                for other in self._others.values()
            ),
            *(
                Elsewhere(scheduler=name, graphs=len(seconds), seconds=sum(seconds))
                for name, seconds in self._in_kernel.items()
            ),
        )
        self._clusters.clear()
        self._others.clear()
        return seen

    def abandon(self) -> None:
        """Leave dask and the session's default client as they were."""
        self._stack.close()
        forget_defaults(but=self._defaults)
        self._defaults.clear()

    def _make_cluster(self, make: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        __tracebackhide__ = True
        make(*args, **kwargs)
        self._clusters.append(args[0])

    def _make_client(self, make: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        __tracebackhide__ = True
        make(*args, **kwargs)
        if (other := self._other(args[0])) is not None:
            other.connected = True

    def _send(self, send: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        __tracebackhide__ = True
        if args[0] is not self._profiled and (other := self._other(args[0])) is not None:
            other.graphs += 1
        return send(*args, **kwargs)

    def _other(self, client: Client) -> _Other | None:
        """Return what is known of a client's cluster; None if it is the profiled one."""
        identity = client.scheduler_info(n_workers=-1)
        name = identity.get("id")
        if name is None or name == self._ours:  # an asynchronous client is connected later
            return None
        with self._lock:
            other = self._others.setdefault(name, _Other())
            other.scheduler = identity.get("address", "")
            other.cluster = other.cluster or client.cluster
            # An asynchronous client knows what it was told when it connected; its cluster knows.
            told = identity, getattr(client.cluster, "scheduler_info", {})
            known = [len(each.get("workers", ())) for each in told]
            other.workers = max(other.workers, *known)
            other.started = other.cluster in self._clusters
            return other

    def _note_cluster(self, cluster: Any) -> None:
        """Note a cluster that the run made, which may have no client."""
        if any(other.cluster is cluster for other in self._others.values()):
            return
        info = cluster.scheduler_info
        other = _Other(scheduler=info.get("address", ""), started=True, cluster=cluster)
        other.workers = len(info["workers"])
        self._others[info.get("id") or str(id(cluster))] = other

    def _started(self, _graph: object) -> None:
        self._began.scheduler, self._began.at = scheduler_in_kernel(), time.perf_counter()

    def _finished(self, _graph: object, _state: object, _failed: object) -> None:
        seconds = time.perf_counter() - self._began.at
        with self._lock:
            self._in_kernel.setdefault(self._began.scheduler, []).append(seconds)


def _status(cluster: Any) -> str:
    return str(getattr(cluster.status, "name", cluster.status))


def scheduler_in_kernel() -> str:
    """Return what dask calls the scheduler that has just begun; call it in a callback of dask's."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "dask.local":
        if frame.f_code.co_name == "get_sync":
            return "synchronous"
        frame = frame.f_back
    return _IN_KERNEL.get(str(frame.f_globals.get("__name__")), EXECUTOR)
