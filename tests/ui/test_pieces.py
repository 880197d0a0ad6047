"""What several pages draw: plain text where Streamlit reads Markdown."""

import html
import re

import pytest

from collab.ui.pieces import plain, typed_as

FOUND = (
    r"(https?://|www(?=\.))([-.\w]+)", r"([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)", ":streamlit:",
    "->|<-|--|>=|<=|~=",
)  # fmt: skip
"""What Streamlit's Markdown looks for once entities are undone: of mdast-util-gfm-autolink-literal, and its own."""


@pytest.mark.parametrize(
    "text",
    [
        "www.macworldexpo.com", "WWW.A.de", "see http://a.de or https://b.de/c?d", "ann@a.example.org, bo@b.de",
        ":streamlit: a -> b <- c <-> d -- e >= f <= g ~= h ---",
    ],
)  # fmt: skip
def test_plain_text_is_neither_a_link_nor_an_address_nor_a_sign(text: str) -> None:
    shown = html.unescape(plain(text))
    assert [re.search(each, shown, re.ASCII | re.IGNORECASE) for each in FOUND] == [None] * len(FOUND)
    assert typed_as(f" {shown} ", text)


def test_plain_text_has_no_marks_and_is_one_line() -> None:
    assert plain("**a**\n[b](c)") == "&#42;&#42;a&#42;&#42; &#91;b&#93;&#40;c&#41;"
