"""What dask logs of the cluster is no line of the user's log while we use it."""

from __future__ import annotations

import logging

import pytest

from sdprofile.cluster.quiet import quiet_root


def test_dasks_records_are_kept_from_the_handlers_of_the_root_logger(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So it is where the root logger had a handler before dask was imported.
    monkeypatch.setattr(logging.getLogger("distributed"), "propagate", True)
    logger = logging.getLogger("distributed.made_later")
    with caplog.at_level(logging.INFO):
        before = logging.getLogger("distributed").level
        with quiet_root():
            logger.info("of our own question")
            logging.getLogger("mine").info("of the user")
        assert logging.getLogger("distributed").level == before
    assert [record.name for record in caplog.records] == ["mine"]
