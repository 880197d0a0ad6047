"""Keys on the labeling card, in a real browser on a fake server."""

import re

import pytest
from playwright.sync_api import expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_class_key_answers_and_shows_the_next_item(table: Table) -> None:
    table.open()
    table.press("2")
    expect(table.body).to_have_attribute("data-ask", "2")
    table.saved()
    (answer,) = table.received
    assert (answer["ask"], answer["kind"], answer["answer"], answer["target"]) == (1, "answer", ["neu"], None)


def test_enter_accepts_the_suggestion_and_records_what_was_shown(table: Table) -> None:
    table.open()
    suggested = table.at("#head").inner_text()
    table.press("Enter")
    table.saved()
    (answer,) = table.received
    assert {"pos": "Positive", "neu": "Neutral", "neg": "Negative"}[answer["answer"][0]] == suggested
    assert answer["shown"]["model"] == "1.1"


def test_enter_accepts_for_who_came_by_a_link_of_the_navigation(table: Table) -> None:
    table.open()
    table.page.get_by_role("button", name="Other page").click()
    expect(table.page.get_by_text("Another page")).to_be_visible()
    table.page.evaluate("""() => {
        const nav = document.createElement('nav');
        nav.dataset.testid = 'stSidebarNav';
        nav.innerHTML = '<a href="#">Label</a>';
        document.body.append(nav);
        nav.firstChild.focus();
        [...document.querySelectorAll('button')].find((b) => b.textContent === 'Card').click();
    }""")
    expect(table.body).to_have_attribute("data-ask", "1")
    table.settle()
    table.press("Enter")
    table.saved()
    assert [a["ask"] for a in table.received] == [1]


def test_enter_never_records_on_a_blind_ask(table: Table) -> None:
    table.open(blind=[1])
    expect(table.at("#head")).to_have_text("Your call")
    table.press("Enter")
    expect(table.at("#odds")).to_contain_text("Choose")
    expect(table.at("#opts")).to_have_class(re.compile("pulse"))
    assert (table.ask, table.received) == (1, [])


def test_a_blind_ask_sends_no_suggestion_back(table: Table) -> None:
    table.open(blind=[1])
    table.press("1")
    table.saved()
    assert table.received[0]["shown"] is None


def test_a_held_key_answers_once(table: Table) -> None:
    table.open()
    for _ in range(12):
        table.page.keyboard.down("1")
        table.page.wait_for_timeout(40)
    table.page.keyboard.up("1")
    table.saved()
    assert [a["ask"] for a in table.received] == [1]


def test_a_press_right_after_paint_is_dropped_and_not_carried_over(table: Table) -> None:
    table.open()
    table.page.keyboard.press("1")
    table.page.keyboard.press("1")
    table.settle()
    table.saved()
    assert ([a["ask"] for a in table.received], table.ask) == ([1], 2)


def test_keys_of_an_input_method_are_left_alone(table: Table) -> None:
    table.open()
    table.page.evaluate("""() => {
        dispatchEvent(new KeyboardEvent('keydown', {key: '1', code: 'Digit1', isComposing: true, bubbles: true}));
        dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true}));
    }""")
    table.settle()
    assert table.ask == 1


def test_typing_in_an_input_and_an_open_dialog_keep_their_keys(table: Table) -> None:
    table.open()
    table.page.get_by_label("Note").click()
    table.page.keyboard.type("1su")
    table.page.get_by_role("button", name="Open a dialog").click()
    expect(table.page.get_by_role("dialog")).to_be_visible()
    table.press("1", "s")
    assert (table.ask, table.received) == (1, [])


def test_enter_on_a_focused_button_is_the_buttons(table: Table) -> None:
    table.open()
    table.at("#later").focus()
    table.page.keyboard.press("Tab")
    table.page.keyboard.press("Enter")
    expect(table.body).to_have_attribute("data-ask", "2")
    table.saved()
    assert [a["kind"] for a in table.received] == ["unsure"]


def test_s_u_and_f_are_recorded_for_what_they_are(table: Table) -> None:
    table.open()
    table.press("s", "u", "f")
    table.page.keyboard.type("two feelings at once")
    table.press("Enter")
    table.saved()
    assert [(a["kind"], a["note"]) for a in table.received] == [
        ("later", ""), ("unsure", ""), ("flag", "two feelings at once"),
    ]  # fmt: skip


def test_x_asks_for_a_reason_and_records_nothing_without_one(table: Table) -> None:
    table.open()
    table.press("x", "Enter", "Escape")
    assert table.ask == 1
    table.press("x", "2")
    table.press("x")
    table.page.keyboard.type("a recipe")
    table.press("Enter")
    table.saved()
    assert [(a["kind"], a["note"]) for a in table.received] == [
        ("unusable", "Empty or garbled"),
        ("unusable", "a recipe"),
    ]


def test_single_keys_can_be_switched_off_for_good(table: Table) -> None:
    table.open()
    table.press("?")
    table.at("#keyson").uncheck()
    table.press("Escape", "1", "s", "Enter")
    assert table.ask == 1
    table.load()
    table.press("1")
    assert (table.ask, table.received) == (1, [])
