"""Keeps what dask logs about the cluster out of what the user sees."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from sdprofile.internals.distributed.client import is_cancelling


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Let dask log in this process only what is critical: the report says the rest better.

    Notes
    -----
    By filters, not by `distributed.utils.silence_logging_cmgr`: each nanny that starts or ends sets
    the levels of the handlers anew.
    """

    def not_by_cancelling(record: logging.LogRecord) -> bool:
        return not (record.exc_info and is_cancelling(record.exc_info[0]))

    def critical(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.CRITICAL

    on_screen = [
        handler
        for handler in logging.getLogger("distributed").handlers
        if isinstance(handler, logging.StreamHandler)
        and not isinstance(handler, logging.FileHandler)
    ]
    logger = logging.getLogger("asyncio")
    with contextlib.ExitStack() as stack:
        logger.addFilter(not_by_cancelling)
        stack.callback(logger.removeFilter, not_by_cancelling)
        for handler in on_screen:
            handler.addFilter(critical)
            stack.callback(handler.removeFilter, critical)
        stack.enter_context(quiet_root())
        yield


@contextlib.contextmanager
def quiet_root() -> Iterator[None]:
    """Keep what dask logs from the handlers of the root logger, but for what its client does.

    Notes
    -----
    Dask's own way is to silence the handlers that it has made itself. It makes none where the root
    logger has one by then (``logging.basicConfig`` before the first import of distributed), and
    each of the questions that we ask the scheduler would be a line of the user's log.
    """
    with contextlib.ExitStack() as stack:
        for name in ("distributed", "distributed.gc"):
            logger = logging.getLogger(name)
            if logger.propagate:
                stack.callback(logger.setLevel, logger.level)
                logger.setLevel(logging.CRITICAL)
        yield
