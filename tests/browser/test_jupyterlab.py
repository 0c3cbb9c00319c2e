"""JupyterLab runs a notebook once; each test looks at what one of its cells shows."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from browser.jupyter import Notebook, Server
from browser.looks import assert_whole_report, contrast, opacity, sideways, take_picture
from conftest import wait_until
from playwright.sync_api import Browser, Locator, expect

LOAD = """%load_ext sdprofile
import time
from pathlib import Path
import dask.array as da
from distributed import get_client, span"""
PROFILE = """%%sdprofile --workers 1,2 -r 2 --memory 700MB --no-fuse
def wait():
    time.sleep(0.3)  # long enough for samples of the calls
with span("make"):
    get_client().submit(wait, pure=False).result()
    image = da.random.random((4000, 4000), chunks=(1000, 1000)).persist()
with span("sum"):
    total = (image + 1).sum().compute()
del image  # a worker that holds results is not replaced when a profile is interrupted"""
KILLED = """%%sdprofile --workers 1,2 -r 1 --memory 700MB
def hold(mib):
    payload = b"x" * (mib * 2**20)
    time.sleep(1)
    return len(payload)
client = get_client()
lonely = len(client.scheduler_info(n_workers=-1)["workers"]) == 1
client.submit(hold, 700 if lonely else 1, pure=False).result()"""
HOSTILE = """%%sdprofile --workers 1 -r 1 --no-fuse
def run(image):
    return image
with span('<img src=x onerror="window.ran=1">'):
    named = get_client().submit(run, 1, key='<script>window.ran=1</script>-1', pure=False)
    named.result()
# </code></pre><img src=x onerror="window.ran=1">"""
EMPTY = ""
LONG = """%%sdprofile --workers 1,2 -r 1
with open("runs.txt", "a") as file:
    file.write("x")
seconds = 0.2 if Path("runs.txt").stat().st_size == 1 else 200
get_client().submit(time.sleep, seconds, pure=False).result()"""
AFTER = 'Path("after.txt").touch()'
FOLLOWING = (
    "%%sdprofile --workers 1 -r 1\nget_client().submit(time.sleep, 0.2, pure=False).result()"
)
CELLS = (LOAD, PROFILE, KILLED, HOSTILE, EMPTY, LONG, AFTER, FOLLOWING)
VIEWS = ("Overview", "Memory", "Steps", "Lines", "Tasks", "Calls", "Notes", "Details")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SCROLLER = ".jp-WindowedPanel-outer"

Look = Callable[[Locator], list[str]]


@pytest.fixture(scope="module")
def notebook(lab: Server, browser: Browser) -> Iterator[Notebook]:
    """The notebook, run as far as its empty cell and saved, still open and with its kernel."""
    lab.write("profile.ipynb", *CELLS)
    with lab.opened(browser, "profile.ipynb") as notebook:
        notebook.select(CELLS.index(EMPTY))
        assert notebook.run("notebook:run-all-above")
        notebook.run("docmanager:save")
        yield notebook


@pytest.fixture
def live(notebook: Notebook) -> Iterator[Locator]:
    """The widget of the profile, as it is at first; what a test chooses is undone."""
    widget = notebook.output(CELLS.index(PROFILE)).locator(".sdp-live")
    expect(widget).to_be_visible()
    yield widget
    press(widget, "Overview")
    press(widget, "all")


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest, notebook: Notebook) -> Iterator[str]:
    """The name of a theme, while JupyterLab has it."""
    notebook.change_theme(THEMES[request.param])
    yield request.param
    notebook.change_theme(THEMES["light"])


@pytest.fixture
def narrow(notebook: Notebook) -> Iterator[None]:
    """A page that is 600 px wide."""
    before = notebook.page.viewport_size
    assert before is not None
    notebook.page.set_viewport_size({"width": 600, "height": before["height"]})
    yield
    notebook.page.set_viewport_size(before)


def button(widget: Locator, name: str) -> Locator:
    """Return a button by its name, which a number may follow."""
    return widget.get_by_role("button", name=re.compile(rf"^{re.escape(name)}( \d+)?$"))


def press(widget: Locator, name: str) -> None:
    button(widget, name).click()
    expect(button(widget, name)).to_have_class(re.compile("mod-active"))


def view(widget: Locator, name: str) -> Locator:
    """Return a view, without what a widget of its own shows of it."""
    return widget.locator(f"section.sdp-view-{name.lower()}")


def test_the_widget_stands_in_for_the_report(notebook: Notebook, live: Locator) -> None:
    expect(notebook.output(CELLS.index(PROFILE)).locator(".sdp-static")).to_be_hidden()
    for picture in notebook.output(CELLS.index(PROFILE)).locator("img").all():
        expect(picture).to_be_hidden()
    take_picture(notebook.page, "jupyterlab")


@pytest.mark.parametrize("name", VIEWS)
def test_a_button_shows_its_view_and_no_other(live: Locator, name: str) -> None:
    press(live, name)
    for each in VIEWS:
        expect(view(live, each)).to_be_visible(visible=each == name)
    take_picture(live, f"view-{name.lower()}")


@pytest.mark.parametrize(("name", "chosen", "other"), [("● 1", 1, 2), ("■ 2", 2, 1)])
def test_a_count_stands_out_when_it_is_chosen(
    live: Locator, name: str, chosen: int, other: int
) -> None:
    press(live, "Memory")
    press(live, name)
    rows, curves = view(live, "memory").locator("tr"), live.locator("svg .sdp-curve:visible")
    assert opacity(rows.and_(live.locator(f".sdp-w{chosen}")).first) == 1
    assert opacity(curves.and_(live.locator(f".sdp-w{chosen}")).first) == 1
    # Text must stay readable, a curve need not.
    assert opacity(rows.and_(live.locator(f".sdp-w{other}")).first) < 0.7
    assert opacity(curves.and_(live.locator(f".sdp-w{other}")).first) < 0.5
    take_picture(live, f"chosen-{chosen}")


def test_workers_over_time_are_those_of_the_count_that_is_chosen(live: Locator) -> None:
    over_time = live.locator(".sdp-over")
    expect(over_time).to_have_count(2)
    expect(over_time.filter(visible=True)).to_have_class(re.compile("sdp-shown"))
    for name, workers in (("● 1", 1), ("■ 2", 2)):
        press(live, name)
        expect(over_time.filter(visible=True)).to_have_class(re.compile(f"sdp-w{workers}"))
        expect(over_time.filter(visible=True)).to_contain_text("worker 0")
    take_picture(live, "over-time")


def test_a_stretch_of_time_is_drawn_larger(live: Locator) -> None:
    press(live, "Overview")
    over_time = live.locator(".sdp-over")
    expect(over_time).to_have_count(2)
    live.get_by_title("zoom in").click()
    expect(over_time).to_have_count(1)  # the one that is shown is drawn, by the kernel
    expect(over_time).to_contain_text("worker 0")
    take_picture(live, "zoomed")
    live.get_by_title("zoom out").click()
    expect(over_time).to_have_count(2)


def calls_of(live: Locator) -> Locator:
    """Return the labels of the calls that can be seen, with the one for all."""
    return view(live, "calls").locator("form label:has([type=radio])").filter(visible=True)


def width(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["width"]


def test_a_click_on_a_call_lets_it_fill_the_width(live: Locator) -> None:
    press(live, "Calls")
    every = calls_of(live)
    whole, count = width(every.first), every.count()
    assert count > 3
    call = every.filter(has_text=re.compile("^wait$")).last
    before = width(call)
    assert before < 0.99 * whole
    take_picture(live, "calls")
    call.click()
    assert width(call) == pytest.approx(width(every.first), abs=2)
    assert every.count() < count
    take_picture(live, "calls-zoomed")
    every.first.click()
    expect(every).to_have_count(count)
    assert width(call) == pytest.approx(before, abs=2)


def test_calls_are_chosen_by_keyboard(notebook: Notebook, live: Locator) -> None:
    press(live, "Calls")
    every = calls_of(live)
    count = every.count()
    live.locator("form select").focus()
    notebook.page.keyboard.press("Tab")
    notebook.page.keyboard.press("ArrowDown")
    chosen = live.locator("form [type=radio]:checked")
    assert chosen.evaluate("each => each === document.activeElement")
    assert width(every.nth(1)) == pytest.approx(width(every.first), abs=2)
    notebook.page.keyboard.press("Enter")  # which would edit a cell, or send a form
    assert notebook.page.evaluate("() => jupyterapp.shell.currentWidget.content.mode") == "command"
    notebook.page.keyboard.press("ArrowUp")
    expect(every).to_have_count(count)


def test_a_list_shows_the_calls_of_a_step_a_line_or_a_prefix(live: Locator) -> None:
    press(live, "Calls")
    every, choose = calls_of(live), live.locator("form select")
    count = every.count()
    entries = choose.locator("option").all_inner_texts()
    assert {"all", "step make", "line 5", "wait"} <= set(entries)
    choose.select_option("wait")
    assert every.nth(1).inner_text() == "wait"
    assert width(every.nth(1)) == pytest.approx(width(every.first), abs=2)
    take_picture(live, "calls-of-a-prefix")
    choose.select_option("line 5")
    assert "wait" in every.all_inner_texts()
    choose.select_option("all")
    expect(every).to_have_count(count)


def test_a_search_marks_the_calls_and_tells_their_share(
    live: Locator, serious_violations: Look
) -> None:
    press(live, "Calls")
    field = live.get_by_role("textbox", name="search")
    field.fill("WAIT")
    told = live.get_by_role("status")
    expect(told).to_contain_text(re.compile(r"calls? with WAIT: .* % of "))
    marked = calls_of(live).filter(has_text=re.compile("^wait$")).last
    yellow = "getComputedStyle(each).backgroundColor === 'rgb(240, 228, 66)'"
    assert marked.evaluate(f"each => {yellow}")
    take_picture(live, "calls-searched")
    assert serious_violations(live) == []
    field.fill("")
    expect(told).to_have_count(0)
    assert not marked.evaluate(f"each => {yellow}")


def test_the_report_stands_above_what_the_cell_shows(notebook: Notebook) -> None:
    output = notebook.output(CELLS.index(KILLED))
    report, value = output.locator(".sdp-live"), output.get_by_text(str(2**20), exact=True)
    tops = [each.bounding_box() for each in (report, value)]
    assert tops[0] is not None
    assert tops[1] is not None
    assert tops[0]["y"] < tops[1]["y"]


def test_all_repeats_of_a_count_are_shown_when_it_is_chosen(live: Locator) -> None:
    press(live, "Memory")
    repeats = live.locator("svg .sdp-repeat")
    assert repeats.count() >= 2
    expect(repeats.filter(visible=True)).to_have_count(0)
    press(live, "■ 2")
    expect(repeats.and_(live.locator(".sdp-w2")).first).to_be_visible()
    expect(repeats.and_(live.locator(".sdp-w1")).filter(visible=True)).to_have_count(0)


def test_a_killed_count_is_told(notebook: Notebook) -> None:
    widget = notebook.output(CELLS.index(KILLED)).locator(".sdp-live")
    expect(view(widget, "overview").locator("tr.sdp-w1")).to_contain_text("killed")
    press(widget, "Notes")
    expect(view(widget, "notes")).to_contain_text("in hold-")
    take_picture(widget, "killed")


def test_hostile_names_are_shown_and_not_run(notebook: Notebook) -> None:
    widget = notebook.output(CELLS.index(HOSTILE)).locator(".sdp-live")
    # It is so short that there may be no sample of it, and so no view Calls.
    texts = widget.locator(".sdp-views button").all_inner_texts()
    names = [text.split()[0] for text in texts]
    assert set(VIEWS) - {"Calls"} <= set(names)
    for name in names:
        press(widget, name)
        expect(view(widget, name)).to_be_visible()
    press(widget, "Steps")
    expect(view(widget, "Steps")).to_contain_text('<img src=x onerror="window.ran=1">')
    press(widget, "Overview")
    assert notebook.page.evaluate("window.ran") is None


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_a_view_is_chosen_by_keyboard(notebook: Notebook, live: Locator, key: str) -> None:
    notebook.select(CELLS.index(PROFILE))
    keyboard = notebook.page.keyboard
    for _ in range(10):
        keyboard.press("Tab")
        if button(live, "Memory").evaluate("button => button === document.activeElement"):
            break
    keyboard.press(key)
    expect(view(live, "memory")).to_be_visible()
    # The notebook has shortcuts of its own: Enter edits a cell, for one.
    assert notebook.page.evaluate("() => jupyterapp.shell.currentWidget.content.mode") == "command"


def test_text_is_readable_in_both_themes(theme: str, live: Locator) -> None:
    for name in VIEWS:
        press(live, name)
        for cell in view(live, name).locator("th, td").filter(visible=True).all():
            assert contrast(cell) >= 4.5, cell.inner_text()
        take_picture(live, f"view-{name.lower()}-{theme}")


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_serious(
    theme: str, live: Locator, serious_violations: Look, name: str
) -> None:
    press(live, name)
    assert serious_violations(live) == []
    press(live, "■ 2")
    assert serious_violations(live) == []


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.usefixtures("narrow")
def test_a_narrow_page_does_not_scroll_sideways(
    notebook: Notebook, live: Locator, name: str
) -> None:
    press(live, name)
    assert sideways(notebook.page, SCROLLER) <= 0
    frame = notebook.page.locator(SCROLLER).bounding_box()
    assert frame is not None
    for each in live.get_by_role("button").all():
        box = each.bounding_box()
        assert box is not None
        assert frame["x"] <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    take_picture(notebook.page, f"narrow-{name.lower()}")


def test_tab_completes_an_option(notebook: Notebook) -> None:
    completer = notebook.page.locator(".jp-Completer")

    def is_offered() -> bool:
        if not completer.is_visible():
            notebook.page.keyboard.press("Tab")
        notebook.page.wait_for_timeout(2000)  # milliseconds; after 1000 the page gives up
        return "--workers" in completer.inner_text()

    notebook.select(CELLS.index(EMPTY))
    notebook.run("notebook:enter-edit-mode")
    notebook.page.keyboard.type("%%sdprofile --")
    wait_until(is_offered, seconds=60)
    take_picture(notebook.page, "completion")
    notebook.page.keyboard.press("Escape")
    notebook.run("notebook:enter-command-mode")


@pytest.mark.parametrize("kernel", [True, False], ids=["fresh kernel", "no kernel"])
def test_the_own_saved_file_shows_the_report(
    lab: Server, browser: Browser, notebook: Notebook, *, kernel: bool
) -> None:
    name = f"reopened-{'fresh' if kernel else 'no'}-kernel.ipynb"
    shutil.copy(lab.folder / "profile.ipynb", lab.folder / name)  # trusted by what is in it
    with lab.opened(browser, name, kernel=kernel) as reopened:
        assert reopened.has_kernel() is kernel
        output = reopened.output(CELLS.index(PROFILE))
        # What JupyterLab shows in place of a widget that is gone.
        gone = output.locator(".jp-OutputArea-child:has(+ * .sdp-static)")
        expect(gone).not_to_be_empty()
        expect(gone).to_be_hidden()
        assert_whole_report(output)
        take_picture(reopened.page, name.removesuffix(".ipynb"))


def test_a_file_of_someone_else_shows_the_report(
    lab: Server, browser: Browser, notebook: Notebook, serious_violations: Look
) -> None:
    saved = lab.read("profile.ipynb")
    saved.cells[0].source += "  # not what this server signed"
    (lab.folder / "untrusted.ipynb").write_text(json.dumps(saved))
    with lab.opened(browser, "untrusted.ipynb", kernel=False) as reopened:
        trusted = "() => jupyterapp.shell.currentWidget.content.widgets[1].model.trusted"
        assert not reopened.page.evaluate(trusted)
        assert_whole_report(reopened.output(CELLS.index(PROFILE)))
        take_picture(reopened.page, "untrusted")


def test_axe_finds_nothing_serious_in_the_report(
    lab: Server, browser: Browser, notebook: Notebook, theme: str, serious_violations: Look
) -> None:
    name = f"report-{theme}.ipynb"
    shutil.copy(lab.folder / "profile.ipynb", lab.folder / name)
    with lab.opened(browser, name, kernel=False) as reopened:
        assert_whole_report(reopened.output(CELLS.index(PROFILE)))
        take_picture(reopened.page, f"report-{theme}")
        # Not the picture below it: JupyterLab gives no image output a text for screen readers.
        assert (
            serious_violations(reopened.output(CELLS.index(PROFILE)).locator(".sdp-static")) == []
        )


def test_an_output_takes_little_of_the_file(lab: Server, notebook: Notebook) -> None:
    for cell in lab.read("profile.ipynb").cells:
        assert len(json.dumps(cell.outputs)) < 300_000


def test_the_interrupt_button_stops_a_profile(lab: Server, notebook: Notebook) -> None:
    runs = lab.folder / "runs.txt"
    notebook.select(CELLS.index(LONG))
    notebook.start("notebook:run-all-below")
    wait_until(lambda: runs.exists() and runs.stat().st_size == 2, seconds=60)
    notebook.run("notebook:interrupt-kernel")
    assert not notebook.finished()
    notebook.wait_idle()
    assert not (lab.folder / "after.txt").exists()
    measured = notebook.output(CELLS.index(LONG)).locator(".sdp-live")
    expect(view(measured, "overview").locator("tr.sdp-w1")).to_be_visible()
    take_picture(notebook.page, "interrupted")
    notebook.select(CELLS.index(FOLLOWING))
    assert notebook.run("notebook:run-cell")
    expect(notebook.output(CELLS.index(FOLLOWING)).locator(".sdp-live")).to_be_visible()
