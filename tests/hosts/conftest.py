"""One Slurm for all tests: a node of 3 CPUs and 4000 MiB."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_jobqueue import SLURMCluster
from distributed import Client
from hosts.slurm import slurm

TESTS = Path(__file__).parents[1]

Start = Callable[..., Client]


@pytest.fixture(scope="module")
def here() -> Iterator[Path]:
    """The folder of a Slurm that runs, which its commands find."""
    with (
        tempfile.TemporaryDirectory(prefix="sdprofile-slurm-") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        with slurm(folder / "slurm", cpus=3, memory=4000) as environment:
            for variable, value in environment.items():
                patch.setenv(variable, value)
            patch.setenv("PYTHONPATH", str(TESTS))  # jobs get the environment of who sends them
            yield folder


@pytest.fixture
def start(here: Path) -> Iterator[Start]:
    """Start a cluster whose workers are jobs of 1 CPU and 700 MB, unless told otherwise."""
    open_now: list[Any] = []

    def start(**kwargs: Any) -> Client:
        values = {"cores": 1, "memory": "700MB", "processes": 1} | kwargs
        cluster = SLURMCluster(
            interface="lo",
            queue="here",
            walltime="00:10:00",
            log_directory=str(here / "logs"),
            local_directory=str(here / "scratch"),
            scheduler_options={"dashboard_address": "127.0.0.1:0"},
            **values,
        )
        client = Client(cluster)
        open_now.extend([cluster, client])
        return client

    yield start
    for each in reversed(open_now):
        each.close()
