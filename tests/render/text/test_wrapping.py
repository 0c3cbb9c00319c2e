"""Lines are short enough, and neither words nor code are broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.render.text.wrapping import code_in, wrap

CODE = (
    "--memory 1.7GB",
    "-r 5",
    "x.rechunk((1, 1000, 1000))",
    ".rechunk({'c': f(1)})",
    "--no-fuse",
)


@given(
    words=st.lists(
        st.sampled_from([*CODE, "well-known", "a", "memory", "(line 3),", "=>", "12 s"])
    ),
    width=st.integers(40, 90),
)
def test_words_and_code_are_whole_and_lines_fit(words: list[str], width: int) -> None:
    lines = wrap(" ".join(words), width, "=> ", "   ")

    assert max(map(len, lines), default=0) <= width
    text = "\n".join(line[3:] for line in lines)
    assert " ".join(text.split()) == " ".join(words)
    for code in CODE:
        assert text.count(code) == " ".join(words).count(code)


@pytest.mark.parametrize("text", ["x" * 100, "f(" + "x, " * 40 + ")", "--memory " + "1" * 80])
def test_only_what_is_longer_than_a_line_is_broken(text: str) -> None:
    lines = wrap(f"use {text}", 60)

    assert max(map(len, lines)) <= 60
    assert "".join(lines).replace(" ", "") == f"use{text}".replace(" ", "")


@given(text=st.text())
def test_pieces_of_code_are_all_of_a_text(text: str) -> None:
    assert "".join(piece for piece, _ in code_in(text, 40)) == text


def test_a_step_with_its_line_and_a_hyphen_within_a_word_are_no_code() -> None:
    assert list(code_in("fine-grained map_raster (line 3) 2 - 1", 40)) == [
        ("fine-grained map_raster (line 3) 2 - 1", False)
    ]
