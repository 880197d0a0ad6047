"""The card in its mode of second looks: blind first, then one key that settles, and the way back."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.ui.harness.scene import Table
from tests.ui.test_card_look import CARD, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REVIEW = {"reviews": True}  # of every item Negative (key 3) was decided


def looked(table: Table, sentence: str) -> None:
    """Wait until others' answers are shown and keys are heard."""
    expect(table.at("#second")).to_be_visible()
    expect(table.at("#odds")).to_contain_text(sentence)
    table.settle()


def asked(table: Table, ask: int) -> None:
    """Wait until this is asked blind and keys are heard."""
    expect(table.body).to_have_attribute("data-ask", str(ask))
    expect(table.at("#second")).to_be_hidden()
    table.settle()


def test_nothing_of_what_others_said_is_there_before_the_blind_answer(table: Table) -> None:
    table.open(**REVIEW)
    expect(table.at("#head")).to_have_text("Your call")
    table.press("Enter", "k", "d", "f")
    assert (table.ask, table.received) == (1, [])
    assert "Ada" not in table.at("#stage").inner_text()


def test_an_answer_that_is_the_decided_one_is_kept_with_enter(table: Table) -> None:
    table.open(**REVIEW)
    table.press("3")
    looked(table, "So it was decided (Ada).")
    expect(table.at("#second")).to_contain_text("a note")
    expect(table.at("#second mark.first")).to_have_text("lazy")
    table.press("Enter")
    asked(table, 2)
    table.saved()
    assert [(a["kind"], a["item"], a["answer"]) for a in table.received] == [("settle", 1, ["neg"])]
    expect(table.at("#past .did")).to_have_text("Negative")
    expect(table.at("#goalt")).to_have_text("999 left")


@pytest.mark.parametrize(("keys", "answer"), [("k", "neg"), ("m", "pos"), (["2", "Enter"], "neu")])
def test_where_they_differ_one_key_decides_and_enter_does_not(table: Table, keys: list[str], answer: str) -> None:
    table.open(**REVIEW)
    table.press("1")
    looked(table, "Decided was Negative (Ada).")
    table.press("Enter")
    assert table.received == []
    table.press(*keys)
    asked(table, 2)
    table.saved()
    assert [(a["kind"], a["answer"]) for a in table.received] == [("settle", [answer])]


def test_a_key_that_answers_blind_only_chooses_where_others_answers_are_shown(table: Table) -> None:
    table.open(**REVIEW)
    table.press("1")
    looked(table, "Decided was Negative (Ada).")
    table.press("2", "m")
    assert (table.ask, table.received) == (1, [])
    expect(table.at(".opt[data-i='1']")).to_have_attribute("aria-pressed", "true")
    expect(table.at("#accept")).to_contain_text("Decide Neutral")
    expect(table.at("#keepit")).to_be_hidden()
    table.press("2")
    expect(table.at("#keepit")).to_be_visible()
    expect(table.at("#accept")).to_be_hidden()


@pytest.mark.parametrize("many", [False, True])
def test_who_takes_an_item_that_came_back_for_a_new_one_settles_nothing(table: Table, many: bool) -> None:
    table.open(**REVIEW, many=many)
    table.press(*(["1", "Enter"] if many else ["1"]))
    looked(table, "Decided was Negative (Ada).")
    table.saved()
    table.load()
    looked(table, "Decided was Negative (Ada).")
    table.press("2", "Enter")
    expect(table.at("#odds")).to_contain_text("You answered this one before")
    assert (table.ask, table.received) == (1, [])
    table.press("Enter")
    asked(table, 2)
    table.saved()
    assert [a["answer"] for a in table.received] == [["pos", "neu"] if many else ["neu"]]


def test_z_says_why_a_blind_answer_stays_and_then_goes_to_the_one_before(table: Table) -> None:
    table.open(**REVIEW)
    table.press("3")
    looked(table, "So it was decided")
    table.press("Enter")
    asked(table, 2)
    table.press("1")
    looked(table, "Decided was")
    table.press("z")
    expect(table.at("#odds")).to_contain_text("Your blind answer stays")
    assert table.ask == 2
    table.press("z")
    looked(table, "So it was decided")
    expect(table.at("#why")).to_have_text("You reopened this one.")


def test_who_reopens_an_item_reads_its_whole_button_and_why_it_was_looked_at(table: Table) -> None:
    table.page.set_viewport_size({"width": 1280, "height": 900})
    table.open(**REVIEW)
    table.press("3")
    looked(table, "So it was decided")
    table.press("Enter")
    asked(table, 2)
    table.set(reason="sent")
    table.press("z")
    looked(table, "So it was decided")
    expect(table.at("#second .chips")).to_have_text("Likely an error")
    table.press("1")
    expect(table.at("#acceptt")).to_have_text("Decide Positive")
    for part in ("#acceptt", "#back span"):
        assert table.at(part).evaluate("e => e.scrollWidth <= e.clientWidth && e.clientHeight < 20")


def test_who_cannot_be_asked_is_said_and_the_question_cuts_nothing_below_it(table: Table) -> None:
    table.page.set_viewport_size({"width": 1000, "height": 900})
    table.open(**REVIEW)
    table.press("1")
    looked(table, "Decided was")
    table.press("e")
    table.page.keyboard.type("Zoe")
    table.press("Enter")
    expect(table.at("#sheett")).to_have_text("Nobody called “Zoe” can be asked. These can: Eve, Pat.")
    bottom, top = (table.at(part).bounding_box() for part in ("#sheet", "#guide"))
    assert bottom is not None
    assert top is not None
    assert bottom["y"] + bottom["height"] <= top["y"]
    table.press("Escape", "e", "Enter")
    expect(table.at("#line")).to_be_focused()
    table.press("2")
    asked(table, 2)
    table.saved()
    assert [(a["kind"], a["to"]) for a in table.received] == [("send", "Pat")]


def test_what_had_no_decision_before_is_told_as_decided(table: Table) -> None:
    table.open(**REVIEW, decided="")
    table.press("1")
    looked(table, "Nothing is decided.")
    table.press("Enter")
    asked(table, 2)
    expect(table.at("#past .ch")).to_have_text("decided")


def test_of_any_number_of_classes_enter_settles_what_is_picked(table: Table) -> None:
    table.open(**REVIEW, many=True)
    table.press("1", "Enter")
    looked(table, "Decided was Negative (Ada).")
    expect(table.at("#accept")).to_contain_text("Decide Positive")
    table.press("3")
    expect(table.at("#accept")).to_contain_text("Decide Positive, Negative")
    table.press("Enter")
    asked(table, 2)
    table.press("]")
    expect(table.at("#kinds [aria-pressed=true]")).to_contain_text("Likely errors")
    table.saved()
    assert [(a["kind"], a["answer"]) for a in table.received] == [("settle", ["pos", "neg"])]


def test_a_verdict_is_reopened_and_taken_back(table: Table) -> None:
    table.open(**REVIEW)
    table.press("3")
    looked(table, "So it was decided")
    table.press("Enter")
    asked(table, 2)
    table.press("z")
    looked(table, "So it was decided")
    table.press("s")
    asked(table, 2)
    table.saved()
    settle, withdraw = table.received
    assert (withdraw["kind"], withdraw["target"]) == ("withdraw", settle["id"])
    expect(table.at("#past li")).to_have_count(0)


def test_answers_are_discarded_with_a_reason_and_items_sent_to_others(table: Table) -> None:
    table.open(**REVIEW, decided="")
    table.press("1")
    looked(table, "Nothing is decided.")
    table.press("d")
    table.page.keyboard.type("two questions in one")
    table.press("Enter")
    asked(table, 2)
    table.press("u")
    looked(table, "Nothing is decided.")
    table.press("e", "2")
    asked(table, 3)
    table.saved()
    discard, send = table.received
    assert (discard["kind"], discard["note"]) == ("discard", "two questions in one")
    assert (send["kind"], send["to"]) == ("send", "Pat")


def test_a_second_look_has_no_fault_that_a_reader_of_screens_would_meet(table: Table) -> None:
    table.open(**REVIEW)
    table.press("1")
    looked(table, "Decided was")
    found = Axe().run(table.page, context=CARD)
    assert found.response["violations"] == []


@pytest.mark.parametrize(
    ("decided", "sentence"),
    [("", "Tap “Decide …” for your answer"), ("pos", "Tap “Keep …”"), ("neg", "tap another class, then “Decide …”")],
)
def test_a_phone_is_told_what_to_tap_and_nothing_of_keys(
    chromium: Browser, harness: str, decided: str, sentence: str
) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = Table(context.new_page(), harness).open(**REVIEW, decided=decided)
    table.at(".opt[data-i='0']").tap()
    looked(table, sentence)
    expect(table.at("#odds")).not_to_contain_text("Enter")
    context.close()


def test_where_nobody_else_can_be_asked_the_card_says_so(table: Table) -> None:
    table.open(**REVIEW, experts=[])
    table.press("1")
    looked(table, "Decided was")
    table.press("e")
    expect(table.at("#odds")).to_contain_text("Nobody else can be asked: there is no other adjudicator or lead here.")
    expect(table.at("#sheet")).to_be_hidden()


def test_the_beginning_of_a_name_is_enough_where_only_one_begins_so(table: Table) -> None:
    table.open(**REVIEW, experts=["Cora", "Eve", "Evelyn"])
    table.press("1")
    looked(table, "Decided was")
    table.press("e")
    table.page.keyboard.type("ev")
    table.press("Enter")
    expect(table.at("#sheett")).to_contain_text("Nobody called “ev” can be asked.")
    table.at("#line").fill("co")
    table.press("Enter")
    asked(table, 2)
    table.saved()
    assert [(a["kind"], a["to"]) for a in table.received] == [("send", "Cora")]


def test_a_filter_that_holds_nothing_any_more_gives_way_to_all_when_the_page_opens(table: Table) -> None:
    table.open(**REVIEW)
    table.page.evaluate("sessionStorage.setItem('collab:kind', 'flagged')")
    table.load()
    expect(table.at("#kinds [aria-pressed=true]")).to_contain_text("All")
    expect(table.at("#goalt")).to_have_text("1000 left")
    asked(table, 1)
