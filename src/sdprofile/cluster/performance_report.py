"""Dask's own performance report, one HTML file for each setting."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sdprofile.errors import SdprofileError
from sdprofile.output_files import check_file

if TYPE_CHECKING:
    from distributed import Client


def check_report(path: str) -> None:
    """Make sure, before anything is run, that a report can be written.

    Parameters
    ----------
    path
        What was given with ``--report``.

    Raises
    ------
    SdprofileError
        If its folder cannot be written to, or bokeh is missing or of a version that dask does not
        take: dask itself would find out only at the end.
    """
    check_file("--report", path)
    try:
        import distributed.dashboard.scheduler  # noqa: F401 - imports all that the report needs
        from bokeh.core.templates import get_env
        from jinja2 import TemplateNotFound

        # Bokeh 3.9 renamed the template that dask's report extends: dask fails at the very end.
        get_env().get_template("file.html")
    except (ImportError, TemplateNotFound) as error:
        raise SdprofileError(
            f"--report: expected bokeh in a version that dask takes, got {type(error).__name__}:"
            f" {error} (pip install 'bokeh>=3.1,<3.9')"
        ) from error


def report_path(path: str, name: str) -> Path:
    """Return the file for one setting.

    Examples
    --------
    >>> report_path("out/report.html", "4 workers, chunk=500").as_posix()
    'out/report-4-workers-chunk=500.html'
    """
    file = Path(path).expanduser()
    words = re.sub(r"[^\w=.]+", "-", name).strip("-")
    return file.with_name(f"{file.stem}-{words}{file.suffix or '.html'}")


def performance_report(
    client: Client, path: str | None, name: str
) -> contextlib.AbstractContextManager[object]:
    """Return a context in which everything that runs goes into one report.

    Parameters
    ----------
    client
        Of the cluster.
    path
        What was given with ``--report``; None for no report.
    name
        Of the setting, which becomes part of the file's name.
    """
    if path is None:
        return contextlib.nullcontext()
    from distributed import performance_report as dask_report

    stack = contextlib.ExitStack()
    # dask's report belongs to the current client.
    stack.enter_context(client.as_current())
    stack.enter_context(dask_report(filename=str(report_path(path, name))))
    return stack
