"""The report in a page has all that the terminal's has, and runs nothing."""

from __future__ import annotations

import re

import pytest
from pages import Page
from profiles import GB, make_profile, make_run

from sdprofile.explain.answer import Answer, Line
from sdprofile.explain.notices.every import Notice
from sdprofile.render.page.page import html_report, mimebundle, style
from sdprofile.results.profile import Profile

CURVE = (GB, 2 * GB)


def test_every_rule_of_the_style_is_within_our_own_elements() -> None:
    rules = re.findall(
        r"([^{}]+)\{", re.sub(r"/\*.*?\*/|@container[^{]*\{", "", style(), flags=re.S)
    )

    selectors = [selector.strip() for rule in rules for selector in rule.split(",")]
    assert len(selectors) > 20
    assert all(
        selector.startswith((".sdprofile ", ".sdprofile", ".sdp-live")) for selector in selectors
    )


def test_report_without_a_widget_has_no_rule_of_one() -> None:
    assert Page(html_report(make_profile())).texts["style"] == [style()]


def test_twin_is_hidden_where_its_own_widget_is_only() -> None:
    [styles] = Page(html_report(make_profile(), twin_of="u7")).texts["style"]

    hiding = styles.removeprefix(style()).splitlines()
    assert len(hiding) == 7
    assert all(".u7" in line and line.endswith("{display: none}") for line in hiding)


def test_other_views_and_the_code_are_folded_below_the_plot() -> None:
    html = mimebundle(make_profile(make_run(curve=CURVE)))["text/html"]

    folded = ["Memory", "Steps", "Tasks", "Details", "Code"]
    assert Page(html).texts["summary"] == folded
    assert html.index("<img") < html.index("<details>")


def test_code_is_shown_as_text() -> None:
    code = "</pre></details><script>alert(1)</script> & 'x' < \"y\""

    page = Page(html_report(make_profile(code=code)))

    assert page.texts["pre"] == [code]
    assert "script" not in page.attributes


def test_colours_that_a_theme_sets_have_fallbacks() -> None:
    variables = re.findall(r"var\(([^)]*)\)", html_report(make_profile()))

    assert variables
    assert all("," in variable for variable in variables)


def test_notices_are_a_list_of_facts_with_advice() -> None:
    remarks = (Notice(fact="<b>1 > 0", advice="Wait & see"), Notice(fact="slow", advice="Hurry"))

    page = Page(html_report(make_profile(remarks=remarks)))

    assert page.texts["li"] == ["<b>1 > 0Wait & see", "slowHurry"]


def test_answer_is_set_off_before_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(fact="One <task> & more", change="out.to_zarr(<path>)", gain="about 2x faster")
    answer = Answer(headline="Take <b>4</b> workers", remark="5 > 4", lines=(line,))
    monkeypatch.setattr(Profile, "answer", answer)

    html = html_report(make_profile(remarks=(Notice(fact="slow", advice="Hurry"),)))

    page = Page(html)
    assert [each["class"] for each in page.attributes["div"]].count("sdp-answer") == 1
    assert page.texts["p"][:2] == [
        "Take <b>4</b> workers (5 > 4)",
        "One <task> & more: out.to_zarr(<path>) about 2x faster",
    ]
    assert html.index('class="sdp-answer"') < html.index("<table")


def test_code_is_on_one_line_and_tables_scroll(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(fact="It waits", change="use --memory 1.7GB or x.rechunk((1, <b>))")
    monkeypatch.setattr(Profile, "answer", Answer(headline="Use -r 5", lines=(line,)))
    long = f"f({'x, ' * 30})"
    page = Page(html_report(make_profile(remarks=(Notice(fact=long, advice="--no-fuse"),))))

    code = [*zip(page.texts["code"], page.attributes["code"], strict=True)]
    assert code == [
        (each, {"style": "white-space:nowrap"})
        for each in ("-r 5", "--memory 1.7GB", "x.rechunk((1, <b>))", "--no-fuse")
    ]
    wide = [each for each in page.attributes["div"] if each.get("class") == "sdp-wide"]
    assert all(each["style"] == "overflow-x:auto" for each in wide)


def test_without_an_answer_there_is_no_place_for_it() -> None:
    assert 'class="sdp-answer"' not in html_report(make_profile(empty=True))


@pytest.mark.parametrize("field", ["stopped", "dashboard"])
def test_other_texts_are_escaped(field: str) -> None:
    page = Page(html_report(make_profile(**{field: '<img src=x onerror="alert(1)">'})))

    assert all("onerror" not in image for image in page.attributes["img"])
    assert any("<img src=x onerror" in text for text in page.texts["p"])


def test_status_from_a_file_is_escaped() -> None:
    page = Page(html_report(make_profile(make_run(status="<script>"))))

    assert page.rows[1][1] == "<script> 10.0 s"


def test_dashboard_is_a_link() -> None:
    page = Page(html_report(make_profile(dashboard="http://127.0.0.1:8787/status")))

    assert [link["href"] for link in page.attributes["a"]] == ["http://127.0.0.1:8787/status"]


def test_address_that_would_run_a_script_is_no_link() -> None:
    assert "a" not in Page(html_report(make_profile(dashboard="javascript:alert(1)"))).attributes


def test_no_run_is_one_clear_line_and_why() -> None:
    page = Page(html_report(make_profile(empty=True, stopped="no worker started")))

    assert page.texts["p"] == ["No run was made.", "stopped: no worker started"]
    assert "table" not in page.attributes


def test_bundle_has_text_and_html_only() -> None:
    profile = make_profile(make_run(curve=CURVE))

    bundle = mimebundle(profile)

    assert list(bundle) == ["text/plain", "text/html"]
    assert bundle["text/plain"] == str(profile)


def test_plot_stands_below_the_table() -> None:
    html = mimebundle(make_profile(make_run(curve=CURVE)))["text/html"]

    first, *_ = Page(html).attributes["img"]
    assert first["alt"] == "memory of the fullest worker over time"
    assert html.index("</table>") < html.index("<img") < html.index('sdp-conditions"')


@pytest.mark.parametrize("profile", [make_profile(), make_profile(empty=True)])
def test_no_plot_where_nothing_was_sampled(profile: Profile) -> None:
    assert "memory of the fullest worker over time" not in mimebundle(profile)["text/html"]
