"""Profile a cell on several numbers of dask workers: its time, its memory, and what to do about it.

In IPython or a notebook: ``%load_ext sdprofile``, then ``%%sdprofile --workers 1,2,4 --memory 5GB``
on top of a cell. In plain Python: `profile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdprofile.errors import SdprofileError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sdprofile.plain import compare, profile, show_versions
    from sdprofile.results.profile import Profile, load

__all__ = [
    "Profile",
    "SdprofileError",
    "compare",
    "load",
    "load_ipython_extension",
    "profile",
    "show_versions",
]

_HOMES = {
    "Profile": "sdprofile.results.profile",
    "compare": "sdprofile.plain",
    "load": "sdprofile.results.profile",
    "profile": "sdprofile.plain",
    "show_versions": "sdprofile.plain",
}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; IPython calls this on ``%load_ext sdprofile``."""
    from sdprofile.notebook.magic import register

    register(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics away and close what they started, on ``%unload_ext sdprofile``."""
    from sdprofile.notebook.magic import unregister

    unregister(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # Loading the extension must stay fast, so what needs dask is imported when it is used.
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
