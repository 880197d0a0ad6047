import re
from pathlib import Path

import pytest

from collab.errors import UnknownName
from collab.loop import ranking
from collab.loop.demonstrating import DEMOS
from collab.ui import words
from collab.ui.words import WORDS, word

HERE = Path(words.__file__).parent
PYTHON = "".join(path.read_text("utf-8") for path in sorted(HERE.rglob("*.py")))
CARD = "".join(path.read_text("utf-8") for path in sorted((HERE / "card").glob("*.[hj]*")))


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


def test_every_demo_says_what_was_held_back():
    assert {f"held_back.{name}" for name in DEMOS} <= WORDS["en"].keys()


def test_every_query_strategy_has_plain_words():
    assert {f"strategy.{name}" for name in ranking.strategies()} <= WORDS["en"].keys()


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_says_every_string_with_the_same_values(language: str):
    values = {key: sorted(re.findall(r"\{(\w+)", text)) for key, text in WORDS[language].items()}
    assert values == {key: sorted(re.findall(r"\{(\w+)", text)) for key, text in WORDS["en"].items()}


def test_every_string_that_a_page_names_is_there():
    assert set(re.findall(r'\bword\(\s*"([\w.]+)"', PYTHON)) <= WORDS["en"].keys()


def test_no_string_is_left_that_nobody_says():
    said = set(re.findall(r'"(\w+\.\w+)"', PYTHON)) | {f"card.{name}" for name in re.findall(r'["`](\w+)["`]', CARD)}
    starts = tuple(re.findall(r'f"(\w+\.)\{', PYTHON)) + tuple(re.findall(r"`(\w+_)\$\{", CARD))
    ends = tuple(re.findall(r"\}(_\w+)`", CARD))
    unsaid = WORDS["en"].keys() - said
    assert [k for k in unsaid if not k.removeprefix("card.").startswith(starts) and not k.endswith(ends)] == []
