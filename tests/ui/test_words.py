import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collab.errors import UnknownName
from collab.loop import ranking
from collab.loop.demonstrating import DEMOS
from collab.ui import words
from collab.ui.words import WORDS, word
from tests.ui.sentences import sentences_in

HERE = Path(words.__file__).parent
PYTHON = "".join(path.read_text("utf-8") for path in sorted(HERE.rglob("*.py")))
OTHERS = sorted(WORDS.keys() - {"en"})
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


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_string_and_no_other(language: str):
    missing, beside = WORDS["en"].keys() - WORDS[language].keys(), WORDS[language].keys() - WORDS["en"].keys()
    assert not missing, f"translate into catalogue/{language}.toml:\n" + "\n".join(sorted(missing))
    assert not beside, f"take out of catalogue/{language}.toml:\n" + "\n".join(sorted(beside))


@pytest.mark.parametrize("language", OTHERS)
def test_every_string_has_the_same_values_in_every_language(language: str):
    there = WORDS["en"].keys() & WORDS[language].keys()
    values = {key: sorted(re.findall(r"\{(\w+)", WORDS[language][key])) for key in there}
    assert values == {key: sorted(re.findall(r"\{(\w+)", WORDS["en"][key])) for key in there}


@pytest.mark.parametrize("language", sorted(WORDS))
def test_no_string_is_empty(language: str):
    assert [key for key, text in WORDS[language].items() if not text.strip()] == []


@pytest.mark.parametrize("language", sorted(WORDS))
def test_what_is_bold_has_no_letter_beside_its_stars(language: str):
    """Markdown doesn't see the end of bold text that ends with a mark, as 40 % does, with a letter right behind it."""
    beside = {key: re.findall(r"(\w?)\*\*[^*]+\*\*(\w?)", text) for key, text in WORDS[language].items()}
    assert [key for key, letters in beside.items() if any(map("".join, letters))] == []


def test_two_people_at_the_same_time_each_read_their_own_language():
    both = threading.Barrier(2, timeout=10)

    def read(language: str) -> str:
        words.speak(language)
        both.wait()
        return word("nav.this_language")

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(read, ("en", "zh"))) == ["English", "中文"]


def test_a_thread_in_which_nobody_spoke_asks_for_the_language(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(words, "_else", [])
    words.speak_else(lambda: "zh")
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(word, "nav.this_language").result() == "中文"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("zh-CN", "zh"),
        ("fr, de;q=0.9", ""),
        ("en;q=0.3, zh-Hant-TW;q=0.8", "zh"),
        ("", ""),
        ("*", ""),
        ("zh;q=.", "zh"),
    ],
)
def test_a_browser_is_heard(asked: str, found: str):
    assert words.heard(asked) == found


def test_every_string_that_a_page_names_is_there():
    assert set(re.findall(r'\bword\(\s*"([\w.]+)"', PYTHON)) <= WORDS["en"].keys()


def test_a_page_has_no_sentence_of_its_own():
    """A sentence begins with a capital and has three words."""
    assert [said for said in sentences_in(HERE) if re.match(r"[A-Z][a-z']* [a-z']+ [a-z']+", said)] == []


def test_no_string_is_left_that_nobody_says():
    said = set(re.findall(r'"(\w+\.\w+)"', PYTHON)) | {f"card.{name}" for name in re.findall(r'["`](\w+)["`]', CARD)}
    whole = [f"{place}." for place in re.findall(r'words_of\("(\w+)"\)', PYTHON) if place != "card"]
    starts = (*whole, *re.findall(r'f"(\w+\.)\{', PYTHON), *re.findall(r"`(\w+_)\$\{", CARD))
    ends = tuple(re.findall(r"\}(_\w+)`", CARD))
    unsaid = WORDS["en"].keys() - said
    assert [k for k in unsaid if not k.removeprefix("card.").startswith(starts) and not k.endswith(ends)] == []
