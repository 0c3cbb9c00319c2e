"""The dashboard can be opened from where the user sits."""

from __future__ import annotations

import pytest

from sdprofile.cluster.dashboard import ssh_tunnel, tunnel_here

LINK = "http://127.0.0.1:8787/status"


def test_a_session_over_ssh_gets_the_command_that_opens_the_dashboard() -> None:
    environ = {"SSH_CONNECTION": "10.0.0.5 50022 10.0.0.1 2222"}
    assert ssh_tunnel(LINK, environ=environ, user=lambda: "ada") == (
        "ssh -N -L 8787:127.0.0.1:8787 -p 2222 ada@10.0.0.1"
    )


@pytest.mark.parametrize(
    ("link", "connection"),
    [
        (LINK, ""),
        ("", "a 1 b 22"),
        ("https://hub.example.org/user/x/proxy/8787/status", "a 1 b 22"),
    ],
)
def test_no_command_where_none_is_needed(link: str, connection: str) -> None:
    assert ssh_tunnel(link, environ={"SSH_CONNECTION": connection}, user=lambda: "ada") == ""


@pytest.mark.parametrize("error", [KeyError("no uid"), OSError("no username"), ImportError("pwd")])
def test_a_user_without_a_name_is_left_to_ssh(error: Exception) -> None:
    def nameless() -> str:
        raise error

    environ = {"SSH_CONNECTION": "10.0.0.5 50022 10.0.0.1 22"}
    told = ssh_tunnel(LINK, environ=environ, user=nameless)
    assert told == "ssh -N -L 8787:127.0.0.1:8787 10.0.0.1"


def test_nobody_asks_for_a_name_without_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> str:
        pytest.fail("asked for the user's name")

    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr("getpass.getuser", asked)
    assert tunnel_here(LINK) == ""
