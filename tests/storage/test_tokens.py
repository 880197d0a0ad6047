import pytest

from collab.storage.tokens import LONGEST, MOST, Phrase, phrases, tokens


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Great PHONE, really!", ["great", "phone", "really"]),
        ("naïve Ångström straße", ["naive", "angstrom", "strasse"]),
        ("ｉＰｈｏｎｅ", ["iphone"]),
        ("cotton_shirt don't", ["cotton", "shirt", "don", "t"]),
        ("我的iPhone15手机", ["我的", "iphone15", "手机", "我", "的", "手", "机"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어", ["한국", "국어", "한", "국", "어"]),
        ("?! 🙂", []),
    ],
)
def test_words_come_without_case_accents_and_width_and_unspaced_scripts_in_pairs(text: str, found: list[str]) -> None:
    assert tokens(text) == found


def test_what_is_typed_becomes_phrases_of_the_same_words() -> None:
    assert phrases("Co-work 手机很 好 is 手机很") == [
        Phrase(("co", "work"), prefix=True), Phrase(("手机", "机很")), Phrase(("好",)), Phrase(("is",)),
    ]  # fmt: skip


def test_a_book_is_kept_up_to_a_limit() -> None:
    assert len(tokens("a word " * MOST)) == MOST
    assert tokens("x" * 9999) == ["x" * LONGEST]
