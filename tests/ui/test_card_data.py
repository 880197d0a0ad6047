"""What the card is handed by its page."""

import dataclasses
import re
from pathlib import Path

from collab.domain.project import Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.ui import words
from collab.ui.card import card

HERE = Path(card.__file__).parent
SCHEMA = LabelSchema("Which?", (LabelClass("a", "A"), LabelClass("b", "B", retired=True), LabelClass("c", "C")))
PROJECT = Project(7, "Demo", (Field("text"),), SCHEMA, LoopPolicy(daily_goal=50))


def test_only_live_classes_are_handed_over_with_their_column():
    data = card.card_data(PROJECT, "Ana", "grant")
    assert [(c["id"], c["column"]) for c in data["classes"]] == [("a", 0), ("c", 2)]


def test_the_same_project_gives_the_same_data_so_that_a_rerun_touches_nothing():
    again = dataclasses.replace(PROJECT)
    assert card.card_data(PROJECT, "Ana", "grant") == card.card_data(again, "Ana", "grant")


def test_every_string_that_the_page_of_the_card_names_is_in_the_catalogue():
    named = set(re.findall(r'data-t="(\w+)"', (HERE / "card.html").read_text("utf-8")))
    scripts = "".join(path.read_text("utf-8") for path in sorted(HERE.glob("*.js")))
    named |= set(re.findall(r'\bword\("(\w+)"', scripts))
    assert named <= set(words.words_of("card"))


def test_no_script_of_the_card_writes_html():
    scripts = "".join(path.read_text("utf-8") for path in sorted(HERE.glob("*.js")))
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", scripts) == []
