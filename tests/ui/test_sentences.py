import re

import pytest

from collab.errors import Forbidden, InvalidAnswer, InvalidPolicy, NothingToLearn, UnknownName, UnreadableFile
from collab.ui import words
from collab.ui.sentences import SENTENCES, sentence, told
from tests.ui.sentences import sentences

FLOORS = ("domain", "engine", "loop", "storage", "ui")
OF_COMMANDS = {
    "loop/backing_up.py", "loop/cleaning.py", "loop/packing.py", "loop/predicting.py", "loop/preparing.py",
    "loop/restoring.py", "loop/sealing.py", "loop/simulating.py", "loop/splitting.py", "loop/spreading.py",
    "loop/telling.py", "loop/unpacking.py",
}  # fmt: skip
"""Modules that commands alone call; those speak English."""
PHRASE = 40
"""Characters of a part of a sentence, as "between 0.5 and 1": that may fit a key with {} for its numbers."""


@pytest.mark.parametrize("language", sorted(words.WORDS.keys() - {"en"}))
def test_every_sentence_of_an_error_is_said_in_every_language(language: str):
    words.speak(language)
    unsaid = (
        sentences(FLOORS, OF_COMMANDS) - SENTENCES[language].keys() - {"There is no {} {}{}."}
    )  # there in two forms
    missing = sorted(each for each in unsaid if len(each) > PHRASE or sentence(each) == each)
    assert not missing, f"add to catalogue/sentences/{language}.toml:\n" + "\n".join(map(repr, missing))


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_a_sentence_has_all_its_values_in_every_language(language: str):
    assert {english: sorted(set(re.findall(r"\{\d", said))) for english, said in SENTENCES[language].items()} == {
        english: [f"{{{place}" for place in range(english.count("{}"))] for english in SENTENCES[language]
    }


@pytest.mark.parametrize(
    ("error", "chinese"),
    [
        (UnreadableFile("a.csv", "it is empty"), "无法读取 a.csv：文件是空的"),
        (InvalidPolicy("target", 2, "between 0.5 and 1"), "目标一致率 为 2；须为 0.5 到 1 之间的数。"),
        (UnknownName("model version", 3), "没有模型版本 3。"),
        (UnknownName("column", "x", ("a", "b")), "没有这个列：'x'；现有 a, b。"),
        (Forbidden("lead"), "您在此处的角色没有更改此项目的权限。请联系管理员。"),
        (InvalidAnswer("x", ("item 1", "above 2")), "'x' 不是类别；请从中选择：item 1, above 2。"),
        (
            NothingToLearn("x", "5 answers are too few to fine-tune on; 8 are the least. Label some more."),
            "无法从 x 中学习：5 个答案不足以微调；至少需要 8 个。请再标注一些。",
        ),
        (
            UnreadableFile("a.gz", "its gzip packing is damaged (no). Pack or save it again."),
            "无法读取 a.gz：其 gzip 压缩已损坏（no）。请重新打包或保存。",
        ),
        (ValueError("photo: it is empty"), "photo：文件是空的"),
        (ValueError("what nobody knows {}"), "what nobody knows {}"),
    ],
)
def test_an_error_is_told_in_chinese_with_its_values(error: Exception, chinese: str):
    words.speak("zh")
    assert told(error) == chinese


def test_english_stays_as_it_was_written():
    words.speak("en")
    assert sentence("a.csv can't be read: it is empty") == "a.csv can't be read: it is empty"
