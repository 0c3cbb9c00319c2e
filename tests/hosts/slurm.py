"""A real Slurm on this machine: one node, without systemd and cgroups."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from conftest import end

_WAIT = 30.0
"""Seconds that each of its processes has to come up."""

_CONFIG = """\
ClusterName=sdprofile
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=2
PropagateResourceLimits=NONE
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=here Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@contextlib.contextmanager
def slurm(folder: Path, *, cpus: int, memory: int) -> Iterator[dict[str, str]]:
    """Start munge, slurmctld and slurmd, and stop them at the end.

    Parameters
    ----------
    folder
        For their files; one that every user may look into.
    cpus
        CPUs that the node says it has, whatever the machine has.
    memory
        Memory of the node, in MiB.

    Yields
    ------
    dict
        The environment variables by which Slurm's commands find it.
    """
    host = socket.gethostname().partition(".")[0]
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True)
    config = folder / "slurm.conf"
    config.write_text(
        _CONFIG.format(host=host, folder=folder, cpus=cpus, memory=memory, ports=_free_ports(2))
    )
    environment = {"SLURM_CONF": str(config)}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_munge(folder / "munge"))
        environ = {**os.environ, **environment}

        def says(command: list[str], word: str) -> bool:
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
            return word in done.stdout

        stack.enter_context(_running(["slurmctld", "-D", "-f", str(config)], environ))
        _until(lambda: says(["scontrol", "ping"], "is UP"), folder / "slurmctld.log")
        stack.enter_context(_running(["slurmd", "-D", "-f", str(config)], environ))
        _until(lambda: says(["sinfo", "-h", "-o", "%T"], "idle"), folder / "slurmd.log")
        yield environment


@contextlib.contextmanager
def _munge(folder: Path) -> Iterator[None]:
    """Run munged as its own user, with a key of its own."""
    key = folder / "key"
    key.write_bytes(secrets.token_bytes(64))
    for path in (folder, key):
        shutil.chown(path, "munge", "munge")
    key.chmod(0o400)
    folder.chmod(0o755)
    command = [
        "munged",
        "--foreground",
        f"--key-file={key}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--log-file={folder / 'log'}",
        f"--seed-file={folder / 'seed'}",
    ]
    with _running(["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", *command]):
        _until((folder / "socket").exists, folder / "log")
        yield


@contextlib.contextmanager
def _running(command: list[str], environ: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        end(process)


def _until(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _WAIT
    while not holds():
        if time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-2000:] if log.exists() else "nothing"
            raise RuntimeError(f"not up after {_WAIT:.0f} s; it said: {said}")
        time.sleep(0.1)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
