"""Tables and plots in files, as other programs read them."""

from __future__ import annotations

from pathlib import Path

import mistune
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from profiles import GB, make_profile, make_run

from sdprofile.errors import SdprofileError
from sdprofile.explain.answer import Answer, Line
from sdprofile.render.text.rows import table_rows
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile


def profile() -> Profile:
    runs = [make_run(workers, seconds=9 / workers, curve=(GB, 2 * GB)) for workers in (1, 2)]
    return make_profile(*runs, fused=False, versions=(("dask", "2026.8.0"),))


def comparison() -> Comparison:
    return Comparison(names=("old_one", "<new>"), before=profile(), after=profile())


def table_in(markdown: str) -> list[list[str]]:
    """Return the cells of the table that a Markdown renderer makes of a text."""
    html = mistune.create_markdown(plugins=["table"])(markdown)
    assert isinstance(html, str)
    table, *_ = BeautifulSoup(html, "html.parser").find_all("table")
    return [[cell.text for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]


def test_markdown_has_the_table_that_is_shown(tmp_path: Path) -> None:
    profile().export(tmp_path / "table.md")

    assert table_in((tmp_path / "table.md").read_text()) == table_rows(profile())


def test_markdown_tells_answer_conditions_and_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(headline="2 workers", remark="use_them", lines=(Line(fact="a <b>"),))
    monkeypatch.setattr(Profile, "answer", answer)

    text = profile().to_markdown()

    page = BeautifulSoup(str(mistune.html(text)), "html.parser")
    assert "1 thread per worker" in page.text
    assert "dask 2026.8.0" in page.text
    assert [item.text for item in page.find_all("li")] == ["a <b>"] + [
        f"{notice.fact}\n→ {notice.advice}" for notice in profile().notices
    ]
    assert [strong.text for strong in page.find_all("strong")] == ["2 workers (use_them)"]
    assert text.startswith("**2 workers")


def test_markdown_of_a_comparison_has_its_table_and_escapes_names() -> None:
    text = comparison().to_markdown()

    headers, *rows = table_in(text)
    assert headers[:4] == ["workers", "old_one", "<new>", "speedup"]
    assert [row[3] for row in rows] == ["1.00x", "1.00x"]
    assert "<new>" not in text


@pytest.mark.parametrize("what", [profile, comparison])
def test_table_is_read_back_from_csv(what: type[Profile], tmp_path: Path) -> None:
    path = tmp_path / "table.csv"

    what().export(path)

    assert pd.read_csv(path)["workers"].tolist() == [1, 2]


@pytest.mark.parametrize("what", [profile, comparison])
def test_plot_is_fit_for_print(what: type[Profile], tmp_path: Path) -> None:
    for ending in ("svg", "png", "pdf"):
        what().export(tmp_path / f"plot.{ending}")

    with Image.open(tmp_path / "plot.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=1)
        assert image.width > 2000
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
    svg = (tmp_path / "plot.svg").read_text()
    words = "time [s]" if what is comparison else "time since the cell started"
    assert words in svg  # as words that can be edited
    pdf = (tmp_path / "plot.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf  # which publishers refuse


def test_other_ending_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        SdprofileError,
        match=r"expected a file name that ends in \.csv, \.md, \.svg, \.png, \.pdf,"
        r" \.trace\.json or \.speedscope\.json, got '.*x'$",
    ):
        profile().export(tmp_path / "table.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SdprofileError, match="a file that can be written, got no such file"):
        profile().export(tmp_path / "missing" / "table.md")


def test_nothing_measured_is_told() -> None:
    assert make_profile(empty=True).to_markdown() == "No run was made."
