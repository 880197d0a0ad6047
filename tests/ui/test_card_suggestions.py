"""What the card shows of the model, and when."""

import pytest
from playwright.sync_api import expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_unseen_asks_get_fresh_suggestions_and_the_one_on_screen_stays(table: Table) -> None:
    table.open()
    shown = table.at("#head").inner_text()
    table.set(ranking=2)
    table.page.mouse.move(5, 5)
    table.page.wait_for_timeout(2000)
    assert table.at("#head").inner_text() == shown
    table.press("1", "Enter")
    table.saved()
    assert [a["shown"]["model"] for a in table.received] == ["1.1", "1.2"]


def test_dropped_asks_go_unless_they_are_on_screen(table: Table) -> None:
    table.open()
    table.set(ranking=2, drop_unseen=True)
    table.page.mouse.move(5, 5)
    table.page.wait_for_timeout(1500)
    table.press("1", "1", "1")
    table.saved()
    assert [a["ask"] for a in table.received] == [1, 2, 7]


def test_before_the_audits_bars_have_no_number(table: Table) -> None:
    table.open(checked=False)
    expect(table.at("#check")).to_have_text("not checked yet")
    expect(table.at("#pct")).to_have_text("")
    expect(table.at(".opt .pc").first).to_have_text("")


def test_a_number_is_told_as_the_models_own_estimate_and_on_how_many_answers_it_rests(table: Table) -> None:
    table.open()
    expect(table.at("#odds")).to_contain_text(
        "By its own estimate, adjusted to 60 or more blind answers, it agrees with you about"
    )


def test_a_guess_from_class_names_says_so_and_claims_no_number(table: Table) -> None:
    table.open(footing="names", accept_filled=True)
    expect(table.at("#from")).to_have_text("A first guess")
    expect(table.at("#odds")).to_contain_text("No item that has all its answers has taught it yet.")
    expect(table.at("#why")).to_have_text("The model is not sure about this one.")
    assert [table.at(part).inner_text() for part in ("#pct", "#check")] == ["", ""]
    assert table.at("#accept").evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize(
    ("footing", "sentence"),
    [
        ("ambiguous", "Torn between Negative and Positive."),
        ("unfamiliar", "Unlike anything answered so far."),
    ],
)
def test_what_the_model_doubts_is_said_once_and_kept_with_the_answer(table: Table, footing: str, sentence: str) -> None:
    table.open(footing=footing)
    expect(table.at("#odds")).to_have_text(sentence)
    expect(table.at("#why")).to_have_text("")
    expect(table.at("#live")).to_contain_text(sentence)
    table.press("1")
    table.saved()
    assert table.received[0]["shown"]["footing"] == footing


def test_a_label_set_is_one_sentence_told_in_place_of_the_tie_and_costs_no_other_key(table: Table) -> None:
    table.open(footing="ambiguous", choices=[1, 2])
    sentence = "One of these, you agree about 9 times in 10: Negative, Neutral"
    expect(table.at("#odds")).to_have_text(sentence)
    expect(table.at("#why")).to_have_text("")
    expect(table.at("#live")).to_contain_text(sentence)
    expect(table.at(".opt.out")).to_have_text(["1Positiveyour answer18\xa0%"])
    table.press("2")
    table.saved()
    assert (table.received[0]["answer"], table.received[0]["shown"]["choices"]["columns"]) == (["neu"], [1, 2])


def test_the_sentence_of_a_suggestion_moves_no_button_however_long_it_is(table: Table) -> None:
    table.open(classes=14, choices=[0, 2, 3, 11, 13])
    before = table.at("#accept").bounding_box()
    table.open(classes=14)
    assert table.at("#accept").bounding_box() == before


def test_a_blind_ask_says_nothing_of_doubts(table: Table) -> None:
    table.open(footing="unfamiliar", choices=[0, 1], blind=[1])
    expect(table.at("#odds")).to_have_text("Choose a class.")
    expect(table.at("#why")).to_have_text("Asked without a suggestion, so that your own judgement counts.")


def test_accept_is_filled_only_where_the_audits_support_it(table: Table) -> None:
    table.open()
    assert table.at("#accept").evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"
    table.set(accept_filled=True)
    table.press("1", "1")
    assert table.at("#accept").evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"


def test_a_blind_ask_moves_nothing(table: Table) -> None:
    table.open(blind=[2])
    buttons = table.at(".opt, .lc .acts button")
    before = [button.bounding_box() for button in buttons.all()]
    table.press("1")
    assert (table.ask, [button.bounding_box() for button in buttons.all()]) == (2, before)
