"""Two more hosts: network namespaces with addresses of their own, on one bridge."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = "10.213.77.1"
"""Address of this machine on the bridge."""

HOSTS = {"sdp-a": "10.213.77.2", "sdp-b": "10.213.77.3"}
"""The other hosts and their addresses."""

CLOCK_AHEAD = 30
"""Seconds by which the clock of a host is ahead that runs `with_its_clock_off`."""

_BRIDGE = "sdp-bridge"

_CLOCK = f"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {{
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += {CLOCK_AHEAD};
    return failed;
}}
"""


@contextlib.contextmanager
def two_hosts() -> Iterator[None]:
    """Make the hosts, and take them away at the end; needs root."""
    with contextlib.ExitStack() as stack:
        _ip("link", "add", _BRIDGE, "type", "bridge")
        stack.callback(_ip, "link", "delete", _BRIDGE)
        _ip("address", "add", f"{HERE}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for name, address in HOSTS.items():
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
            # Each end goes with the other, and that with its namespace.
            _ip("link", "add", f"{name}0", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"{name}0", "master", _BRIDGE, "up")
            _ip("-netns", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-netns", name, "link", "set", device, "up")
        yield


def on_host(name: str, *command: str) -> list[str]:
    """Return a command that runs on one of the hosts."""
    return ["ip", "netns", "exec", name, *command]


def with_its_clock_off(folder: Path, *command: str) -> list[str]:
    """Return a command whose processes, and theirs, have another time of day than this host.

    Their monotonic clock, by which programs wait, is that of this host. (libfaketime's would be
    too, but sleeping fails under it.) It needs a C compiler; the library is left in the folder.
    """
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return ["env", f"LD_PRELOAD={library}", *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
