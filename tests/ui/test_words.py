import re

import pytest

from collab.errors import UnknownName
from collab.ui import words
from collab.ui.words import WORDS, word


def test_a_string_has_its_values_filled_in():
    assert word("card.today", n=18, goal=200) == "18 of 200 today"


def test_an_unknown_key_and_a_missing_value_fail_loudly():
    with pytest.raises(UnknownName, match="nowhere"):
        word("card.nowhere")
    with pytest.raises(KeyError):
        word("card.today", n=18)


def test_a_language_that_is_not_there_becomes_english():
    words.speak("xx")
    assert words.language() == "en"


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_says_every_string_with_the_same_values(language: str):
    values = {key: sorted(re.findall(r"\{(\w+)", text)) for key, text in WORDS[language].items()}
    assert values == {key: sorted(re.findall(r"\{(\w+)", text)) for key, text in WORDS["en"].items()}
