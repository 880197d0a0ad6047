"""Answers of any number of classes on the card, in a real browser on a fake server."""

import pytest
from playwright.sync_api import expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_keys_and_clicks_pick_and_enter_sends_in_the_order_of_the_classes(table: Table) -> None:
    table.open(many=True)
    table.press("3", "2", "2")
    table.at(".opt").first.click()
    pressed = table.at("#opts .opt").evaluate_all("all => all.map((e) => e.getAttribute('aria-pressed'))")
    assert (pressed, table.ask) == (["true", "false", "true"], 1)
    expect(table.at("#accept")).to_have_text("Send 2Enter")
    table.press("Enter")
    table.saved()
    assert (table.received[0]["answer"], table.ask) == (["pos", "neg"], 2)


def test_enter_with_nothing_picked_never_says_none(table: Table) -> None:
    table.open(many=True, blind=[1])
    table.press("Enter", "Enter")
    expect(table.at("#odds")).to_have_text("Pick what applies, or “none of these”.")
    assert (table.ask, table.received) == (1, [])


def test_none_is_picked_by_a_key_of_its_own_and_rules_the_classes_out(table: Table) -> None:
    table.open(many=True)
    table.press("1", "n")
    expect(table.at("#accept")).to_have_text("Send “none”Enter")
    table.press("Enter")
    table.saved()
    assert table.received[0]["answer"] == ["∅"]
    expect(table.at("#past .did")).to_have_text("None of these")


def test_enter_accepts_the_whole_suggestion_until_somebody_has_begun_to_pick(table: Table) -> None:
    table.open(many=True, suggested=[0, 2])
    expect(table.at("#head")).to_have_text("Positive, Negative")
    table.press("Enter")
    table.press("1", "1", "Enter")
    assert table.ask == 2
    table.saved()
    assert [a["answer"] for a in table.received] == [["pos", "neg"]]


def test_the_suggestion_can_be_taken_over_and_corrected(table: Table) -> None:
    table.open(many=True, suggested=[0, 2])
    table.press("a", "2", "3", "Enter")
    table.saved()
    assert table.received[0]["answer"] == ["pos", "neu"]


def test_a_class_has_its_key_before_the_card_does(table: Table) -> None:
    table.open(many=True, keys="an3", suggested=[1])
    table.press("a", "Enter")
    table.saved()
    assert table.received[0]["answer"] == ["pos"]
    assert table.at("#take").get_attribute("aria-keyshortcuts") is None


def test_escape_takes_all_picks_back(table: Table) -> None:
    table.open(many=True, suggested=[1])
    table.press("1", "3", "Escape", "Enter")
    table.saved()
    assert table.received[0]["answer"] == ["neu"]


def test_each_class_has_its_own_share_and_the_whole_is_told_in_tenths(table: Table) -> None:
    table.open(many=True, suggested=[0, 2])
    expect(table.at("#opts .pc")).to_have_text(["80\xa0%", "10\xa0%", "80\xa0%"])
    expect(table.at("#odds")).to_contain_text("you agree with all of it about 6 times in 10.")
    assert table.at(".opt").first.get_attribute("aria-description") == "The model: applies about 8 times in 10"


def test_a_reopened_answer_is_picked_and_stays_as_it_is_unless_it_is_changed(table: Table) -> None:
    table.open(many=True, before=1, answers=["pos", "neg"])
    table.press("z", "Enter")
    assert table.received == []
    table.press("z", "2", "Enter")
    table.saved()
    (change,) = table.received
    assert (change["answer"], change["target"]) == (["pos", "neu", "neg"], "earlier-00000001")


def test_the_model_is_told_after_an_answer_only_where_the_whole_differs(table: Table) -> None:
    table.open(many=True, mode="answer first", suggested=[0, 2])
    table.press("3", "1", "Enter")
    expect(table.body).to_have_attribute("data-ask", "2")
    expect(table.at("#why")).to_have_text("Your last answer: the model says the same.")
    table.press("1", "Enter")
    expect(table.at("#accept")).to_have_text("Keep mineEnter")
    table.settle()
    table.press("a", "Enter")
    table.saved()
    assert [a["answer"] for a in table.received] == [["pos", "neg"], ["pos"], ["pos", "neg"]]
    assert table.received[2]["target"] == table.received[1]["id"]


def test_many_classes_are_found_by_name_one_after_the_other(table: Table) -> None:
    table.open(many=True, classes=50)
    for typed in ("group 42", "group 17"):
        table.press("/")
        table.page.keyboard.type(typed)
        table.press("Enter")
    table.press("Enter")
    table.saved()
    assert table.received[0]["answer"] == ["c16", "c41"]


def test_picking_moves_nothing(table: Table) -> None:
    table.open(many=True, suggested=[0, 2])
    parts = table.at(".opt, .lc .acts button")
    before = [each.bounding_box() for each in parts.all()]
    table.press("1", "2", "n")
    assert [each.bounding_box() for each in parts.all()] == before
