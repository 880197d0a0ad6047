"""Reopening answers, leaving and returning."""

import pytest
from playwright.sync_api import expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_z_marks_the_old_answer_and_changes_nothing_until_a_new_one(table: Table) -> None:
    table.open()
    table.press("1", "2", "z")
    expect(table.at(".opt.was .nm")).to_have_text("Neutral")
    expect(table.at("#meta")).to_contain_text("T-0002")
    table.press("Escape")
    table.saved()
    assert (table.ask, len(table.received)) == (3, 2)


def test_a_new_answer_to_a_reopened_item_names_the_old_one(table: Table) -> None:
    table.open()
    table.press("1", "z", "3")
    table.saved()
    first, second = table.received
    assert (second["item"], second["answer"], second["target"]) == (first["item"], ["neg"], first["id"])
    assert second["id"] != first["id"]
    assert table.ask == 2
    expect(table.at("#past li").first).to_contain_text("changed")


def test_s_on_a_reopened_item_takes_the_answer_back(table: Table) -> None:
    table.open()
    table.press("1", "z", "s")
    table.saved()
    first, second = table.received
    assert (second["kind"], second["target"]) == ("undo", first["id"])
    expect(table.at("#past li")).to_have_count(0)


def test_z_goes_back_across_sessions_page_by_page(table: Table) -> None:
    table.open(before=30)
    table.press("1")
    for _ in range(27):
        table.page.keyboard.press("z")
    expect(table.at("#meta")).to_contain_text("T-10005")
    table.settle()
    table.press("2")
    table.saved()
    assert table.received[-1]["target"] == "earlier-00000005"


def test_an_entry_of_the_strip_reopens_its_item(table: Table) -> None:
    table.open()
    table.press("1", "2", "3")
    expect(table.at("#past li").nth(2)).to_contain_text("Having a lazy day today and")
    table.at("#past button").nth(2).click()
    expect(table.at("#meta")).to_contain_text("T-0001")


def test_an_answer_that_the_page_names_is_found_however_old_it_is_and_reopened_once(table: Table) -> None:
    table.open(before=70)
    table.load_reopened("earlier-00000005")
    expect(table.at("#meta")).to_contain_text("T-10005")
    expect(table.at(".opt.was .nm")).to_have_text("Negative")
    table.press("Escape")
    expect(table.at("#meta")).to_contain_text("T-0001")
    table.page.emulate_media(color_scheme="dark")
    table.press("1")
    table.saved()
    assert [a["target"] for a in table.received] == [None]


def test_leaving_and_returning_resumes_with_one_listener(table: Table) -> None:
    table.open()
    table.press("1")
    table.saved()
    table.page.get_by_role("button", name="Other page").click()
    expect(table.page.get_by_text("Another page")).to_be_visible()
    table.page.get_by_role("button", name="Card").click()
    expect(table.body).to_have_attribute("data-ask", "2")
    table.settle()
    table.press("2")
    table.saved()
    assert [a["ask"] for a in table.received] == [1, 2]


def test_a_change_of_theme_keeps_the_item(table: Table) -> None:
    table.open()
    table.press("1")
    table.page.emulate_media(color_scheme="dark")
    expect(table.at("#who")).to_be_visible()
    table.press("1")
    table.saved()
    assert [a["ask"] for a in table.received] == [1, 2]
