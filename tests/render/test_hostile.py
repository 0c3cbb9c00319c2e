"""Any text of a profile is shown as text, wherever it came from: a cell, a task, or a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from pages import Page
from profiles import (
    GB,
    MACHINE,
    make_activity,
    make_curve,
    make_failure,
    make_profile,
    make_run,
    make_task,
)

from sdprofile.model.notice import Notice
from sdprofile.render.page.page import html_report
from sdprofile.render.page.widget import timing_widget
from sdprofile.results.profile import Profile

HOSTILE = "</style></pre><script>x()</script><img src=x onerror='x()'>\"><b onclick=x()>"


def run_by_a_browser(html: str) -> list[str]:
    """Return the tags and attributes that a browser would run."""
    page = Page(html)
    found = ["script"] if "script" in page.attributes else []
    for tag, elements in page.attributes.items():
        for name, value in (pair for attributes in elements for pair in attributes.items()):
            if name.startswith("on") or (value or "").lower().strip().startswith("javascript:"):
                found.append(f"{tag} {name}={value}")
    return found


def rich_profile() -> Profile:
    """Return a profile with every kind of text in it."""
    spans = (
        make_activity("thread-cpu", 4.0),
        make_activity("disk-read", 1.0, span="cell/load", nbytes=GB),
        make_activity("transfer", 1.0, span="cell/load", context="gather-dep", nbytes=GB),
        make_activity("idle", 1.0, prefix=""),
    )
    curve = [GB, 2 * GB, GB]
    curves = tuple(make_curve(curve, source=source) for source in ("sampler", "dask"))
    good = make_run(1, curves=curves, spans=spans, task_memory=(make_task(),))
    bad = make_failure(tasks=("add-1", "finalize-2"), advice="Try fewer")
    return make_profile(
        good,
        make_run(2, status="killed", failure=bad, curve=curve, spans=spans),
        machine=MACHINE,
        stopped="interrupted",
        dashboard="http://127.0.0.1:8787/status",
        tunnel="ssh host",
        created="2026-01-01",
        versions=(("dask", "2026.1"),),
        remarks=(Notice(fact="It was so", advice="Do this"),),
        fused=False,
    )


def texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each text in a tree of dataclasses and tuples."""
    if isinstance(value, str):
        yield path
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))


def replaced(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """Return the tree with another text at the end of a way."""
    if not path:
        return text
    step, rest = path[0], path[1:]
    if isinstance(value, tuple):
        return (*value[:step], replaced(value[step], rest, text), *value[step + 1 :])
    return dataclasses.replace(value, **{step: replaced(getattr(value, step), rest, text)})


WORDS = {"status", "source", "measure", "activity"}
"""Fields that have few values of ours; another one changes what else is shown."""

PATHS = list(texts(rich_profile()))


def html_of(profile: Profile) -> Iterator[str]:
    """Yield all HTML that a notebook is given of a profile."""
    yield html_report(profile)
    widget = timing_widget(profile, uid="sdp-1")
    for each in (widget, *below(widget)):
        value = getattr(each, "value", "")
        if isinstance(value, str):
            yield value
    widget.close()


def below(widget: Any) -> Iterator[Any]:
    for child in getattr(widget, "children", ()):
        yield child
        yield from below(child)


def test_every_kind_of_text_is_tried() -> None:
    names = {step for path in PATHS for step in path if isinstance(step, str)}
    expected = {"code", "stopped", "dashboard", "tunnel", "created", "versions", "fact", "advice"}
    expected |= {"message", "tasks", "worker", "bounded_by", "span", "context", "prefix", *WORDS}
    assert expected <= names


@pytest.mark.parametrize("word", ["", *sorted(WORDS)])
def test_no_text_becomes_markup(word: str) -> None:
    profile = rich_profile()
    for path in PATHS:
        if (path[-1] == word) if word else not WORDS.intersection(path):
            profile = replaced(profile, path, "<script>" if word == "status" else HOSTILE)

    for html in html_of(profile):
        assert run_by_a_browser(html) == []
