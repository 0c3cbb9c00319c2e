"""Keeps what dask logs about the cluster out of what the user sees."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_logs() -> Iterator[None]:
    """Let dask log in this process only what is critical: the report says the rest better."""
    from distributed.client import AllExit
    from distributed.utils import silence_logging_cmgr

    def not_by_cancelling(record: logging.LogRecord) -> bool:
        return not (record.exc_info and record.exc_info[0] is AllExit)

    logger = logging.getLogger("asyncio")
    logger.addFilter(not_by_cancelling)
    try:
        with silence_logging_cmgr(level=logging.CRITICAL), quiet_root():
            yield
    finally:
        logger.removeFilter(not_by_cancelling)


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
