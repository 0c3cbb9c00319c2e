"""Who may use the cluster: nobody from other machines, and with TLS no other user of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import distributed
import psutil
import pytest
from distributed import Client
from tornado.httpclient import HTTPClient, HTTPError

import sdprofile
from sdprofile.cluster.own import close_cluster, start_cluster
from sdprofile.cluster.resize import resize
from sdprofile.cluster.secure import check_secure, is_secure
from sdprofile.cluster.session import find_client
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError

ATTACK = """
import asyncio, os, sys
from distributed import Client, LocalCluster, Security
with LocalCluster(n_workers=0, dashboard_address=None) as own, Client(own) as client:
    client.run_on_scheduler(os.getpid)  # what is imported later could not be read any more
Security.temporary()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
address = sys.argv[1].split("://")[1]
async def attempt(name, security):
    options = {"security": security, "timeout": 5, "asynchronous": True}
    try:
        async with Client(f"{name}://{address}", **options) as client:
            return f"{name} obeyed {await client.run_on_scheduler(os.getpid)} {os.getuid()}"
    except (OSError, TimeoutError, ValueError):
        return f"{name} refused"
async def attempts():  # at once, for one that is refused tries again until its time is over
    return await asyncio.gather(attempt("tcp", None), attempt("tls", Security.temporary()))
for came in asyncio.run(attempts()):
    print(came)
"""


@pytest.fixture(scope="module")
def secure_client() -> Iterator[Client]:
    """A cluster that talks TLS: one worker of 600 MB."""
    yield start_cluster(workers=1, threads=1, memory_limit=600_000_000, secure=True)
    close_cluster()


def attack(client: Client) -> list[str]:
    """Try as another user to use a cluster, by TCP and by TLS; return what came of each."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ATTACK, client.scheduler.address],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def processes() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def test_secure_cluster_refuses_another_user(secure_client: Client) -> None:
    assert is_secure(secure_client)
    assert attack(secure_client) == ["tcp refused", "tls refused"]
    assert secure_client.submit(sum, (1, 2), pure=False).result() == 3


def test_workers_come_and_go_and_are_started_anew_with_tls(secure_client: Client) -> None:
    with fast_start():
        resize(secure_client, 3)
        resize(secure_client, 1)
        before = secure_client.run(os.getpid)
        secure_client.restart_workers(list(before))
    assert secure_client.submit(sum, (1, 2), pure=False).result() == 3
    assert before.values() != secure_client.run(os.getpid).values()


def test_keys_are_nowhere_that_others_can_read(secure_client: Client) -> None:
    for process in processes():
        assert "PRIVATE KEY" not in " ".join(process.cmdline())
        assert os.stat(f"/proc/{process.pid}/environ").st_mode & 0o077 == 0
    key = secure_client.security.tls_client_key
    assert "PRIVATE KEY" in key  # itself, not the name of a file


def test_secure_cluster_is_kept_also_if_it_is_not_asked_for(secure_client: Client) -> None:
    profile = sdprofile.profile(lambda: None, workers=(1,), repeats=1)
    assert profile.secure
    assert "TLS" in str(profile)
    assert find_client() is secure_client
    assert check_secure(secure_client, ours=True)


def test_open_cluster_obeys_another_user(client: Client) -> None:
    assert attack(client) == [f"tcp obeyed {os.getpid()} 65534", "tls refused"]


def test_all_listens_on_this_machine_only(client: Client) -> None:
    with fast_start():
        resize(client, 2)
    addresses = {
        connection.laddr.ip
        for process in processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_dashboard_takes_no_orders(client: Client) -> None:
    base = client.dashboard_link.removesuffix("/status")
    paths = ("/status", "/workers", "/tasks", "/api/v1/retire_workers", "/json/counts.json")
    for path in paths:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            with pytest.raises(HTTPError) as refused:
                HTTPClient().fetch(
                    base + path, method=method, body="{}", allow_nonstandard_methods=True
                )
            assert refused.value.code in (403, 404, 405), (method, path)


def test_open_cluster_with_results_is_not_replaced(client: Client) -> None:
    held = client.submit(sum, (1, 2), pure=False)
    held.result()
    with pytest.raises(SdprofileError, match="--secure: expected no results.*got 1 result "):
        check_secure(client, ours=True)
    assert held.result() == 3


def test_open_cluster_is_replaced_by_a_secure_one(client: Client) -> None:
    def work() -> None:
        assert is_secure(distributed.get_client())

    profile = sdprofile.profile(work, workers=(1,), memory="600MB", repeats=1, secure=True)
    assert profile.to_frame()["status"].tolist() == ["ok"]
    deadline = time.monotonic() + 10
    while client.status != "closed":
        assert time.monotonic() < deadline


def test_users_open_cluster_is_refused(user_client: Client) -> None:
    with pytest.raises(SdprofileError, match="--secure: expected a cluster that talks TLS"):
        sdprofile.profile(lambda: None, workers=(1,), repeats=1, secure=True)
    assert user_client.status == "running"


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(SdprofileError, match=r"pip install 'sdprofile\[secure\]'"):
        start_cluster(workers=1, threads=1, memory_limit=600_000_000, secure=True)
