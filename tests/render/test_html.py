"""The table in a notebook has the same cells as the terminal's, and runs nothing."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image
from profiles import GB, make_activity, make_profile, make_run, make_task

from sdprofile.model.notices import Notice
from sdprofile.model.profile import Profile
from sdprofile.render.html import html_table, mimebundle
from sdprofile.render.rows import table_rows

CURVE = (GB, 2 * GB)
VOID = {"img", "br"}


class Page(HTMLParser):
    """Text by tag, attributes by tag, and whether every tag is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.texts: dict[str, list[str]] = {}
        self.attributes: dict[str, list[dict[str, str | None]]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.setdefault(tag, []).append(dict(attrs))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


def test_cells_are_those_of_the_terminal_with_the_curves_marker() -> None:
    profile = make_profile(
        make_run(1, seconds=9.0, status="killed"), make_run(2, seconds=6.0), make_run(4)
    )

    headers, *rows = Page(html_table(profile)).rows

    wanted_headers, *wanted = table_rows(profile)
    assert headers == wanted_headers
    assert [row[1:] for row in rows] == [row[1:] for row in wanted]
    assert [row[0] for row in rows] == ["● 1", "■ 2", "▲ 4"]


def test_bar_is_as_long_as_the_time() -> None:
    profile = make_profile(make_run(1, seconds=12.0), make_run(2, seconds=3.0))

    assert re.findall(r"width:([\d.]+%);background:(#\w+)", html_table(profile)) == [
        ("100.0%", "#0072B2"),
        ("25.0%", "#D55E00"),
    ]


def test_count_that_never_finished_has_no_bar() -> None:
    html = html_table(make_profile(make_run(1, status="killed"), make_run(2)))

    assert html.count('class="sdp-bar"') == 1


def test_every_rule_of_the_style_is_within_our_own_element() -> None:
    page = Page(html_table(make_profile()))

    rules = re.findall(r"([^{}]+)\{", page.texts["style"][0])
    selectors = [selector.strip() for rule in rules for selector in rule.split(",")]
    assert len(selectors) > 5
    assert all(selector.startswith(".sdprofile") for selector in selectors)
    assert page.attributes["div"] == [{"class": "sdprofile"}]


def test_colours_that_a_theme_sets_have_fallbacks() -> None:
    variables = re.findall(r"var\(([^)]*)\)", html_table(make_profile()))

    assert variables
    assert all("," in variable for variable in variables)


def test_code_is_folded_and_shown_as_text() -> None:
    code = "</pre></details><script>alert(1)</script> & 'x' < \"y\""

    page = Page(html_table(make_profile(code=code)))

    assert page.texts["pre"] == [code]
    assert page.texts["details"] == [f"code{code}"]
    assert "script" not in page.attributes


def test_breakdown_is_folded_after_the_plot() -> None:
    spans = (make_activity("thread-cpu", 3.0), make_activity("idle", 1.0, context="idle"))
    run = make_run(2, curve=CURVE, spans=spans, task_memory=(make_task("<script>"),))

    html = mimebundle(make_profile(run))["text/html"]

    page = Page(html)
    assert page.rows[2:] == [
        ["workers", "compute", "idle"],
        ["● 2", "75 %", "25 %"],
        ["prefix", "tasks", "time", "peak/worker", "rise"],
        ["<script>", "100", "–", "2.00 GB", "1.00 GB"],
    ]
    assert html.index("<img") < html.index("<details>")
    assert page.attributes["details"] == [{}, {}]
    assert page.texts["summary"] == ["where the time and the memory went", "code"]


def test_table_alone_has_the_breakdown_too() -> None:
    page = Page(html_table(make_profile(make_run(task_memory=(make_task(),)))))

    assert page.texts["caption"] == ["what took the memory (most of any run; rise: within a task)"]


def test_notices_are_a_list_of_facts_with_advice() -> None:
    remarks = (Notice(fact="<b>1 > 0", advice="Wait & see"), Notice(fact="slow", advice="Hurry"))

    page = Page(html_table(make_profile(remarks=remarks)))

    assert page.texts["li"] == ["<b>1 > 0Wait & see", "slowHurry"]


def test_advice_is_set_off_after_the_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Profile, "advice", "Take <b>4</b> workers & rest.")

    html = html_table(make_profile(remarks=(Notice(fact="slow", advice="Hurry"),)))

    page = Page(html)
    assert page.texts["p"][-1] == "Take <b>4</b> workers & rest."
    assert page.attributes["p"][-1] == {"class": "sdp-advice"}
    assert html.index("</ul>") < html.index('class="sdp-advice"')


def test_without_advice_there_is_no_paragraph_for_it() -> None:
    assert 'class="sdp-advice"' not in html_table(make_profile())


@pytest.mark.parametrize("field", ["stopped", "dashboard"])
def test_other_texts_are_escaped(field: str) -> None:
    page = Page(html_table(make_profile(**{field: '<img src=x onerror="alert(1)">'})))

    assert "img" not in page.attributes
    assert any("<img src=x onerror" in text for text in page.texts["p"])


def test_status_from_a_file_is_escaped() -> None:
    page = Page(html_table(make_profile(make_run(status="<script>"))))

    assert page.rows[1][1] == "<script> 10.0 s"


def test_dashboard_is_a_link() -> None:
    page = Page(html_table(make_profile(dashboard="http://127.0.0.1:8787/status")))

    assert [link["href"] for link in page.attributes["a"]] == ["http://127.0.0.1:8787/status"]


def test_address_that_would_run_a_script_is_no_link() -> None:
    assert "a" not in Page(html_table(make_profile(dashboard="javascript:alert(1)"))).attributes


def test_no_run_is_one_clear_line_and_why() -> None:
    page = Page(html_table(make_profile(empty=True, stopped="no worker started")))

    assert page.texts["p"] == ["No run was made.", "stopped: no worker started"]
    assert "table" not in page.attributes


def test_bundle_has_text_and_html_only() -> None:
    profile = make_profile(make_run(curve=CURVE))

    bundle = mimebundle(profile)

    assert list(bundle) == ["text/plain", "text/html"]
    assert bundle["text/plain"] == str(profile)


def test_profile_shows_itself_by_this_bundle() -> None:
    profile = make_profile()

    assert profile._repr_mimebundle_() == mimebundle(profile)


def test_plot_is_in_the_html_at_its_size() -> None:
    [image] = Page(mimebundle(make_profile(make_run(curve=CURVE)))["text/html"]).attributes["img"]

    prefix, data = str(image["src"]).split(",")
    assert prefix == "data:image/png;base64"
    png = Image.open(io.BytesIO(base64.b64decode(data)))
    assert png.size == (2 * int(image["width"] or 0), 2 * int(image["height"] or 0))
    assert image["alt"] == "memory of the fullest worker over time"


@pytest.mark.parametrize("profile", [make_profile(), make_profile(empty=True)])
def test_no_plot_where_nothing_was_sampled(profile: Profile) -> None:
    assert "<img" not in mimebundle(profile)["text/html"]
