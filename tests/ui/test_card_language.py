"""The language changes while somebody labels: nothing that they did, picked or typed is lost."""

import pytest
from playwright.sync_api import expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_an_answer_that_waits_and_picks_that_are_not_sent_outlive_a_change_of_language(table: Table) -> None:
    table.open(many=True, suggested=[0])
    table.set(status=503, error="Busy.")
    table.press("1", "Enter", "2", "3")
    table.page.get_by_role("button", name="Other language").click()
    expect(table.at("#accept")).to_have_text("发送 2 个Enter")
    expect(table.at("#why")).to_have_text("模型对这一条没有把握。")
    expect(table.at("#savet")).to_have_text("未保存，1 个待提交")
    pressed = table.at("#opts .opt").evaluate_all("all => all.map((e) => e.getAttribute('aria-pressed'))")
    assert (pressed, table.ask, table.received) == (["false", "true", "true"], 2, [])
    table.set(status=200)
    table.press("Enter")
    table.saved()
    assert [a["answer"] for a in table.received] == [["pos"], ["neu", "neg"]]


def test_what_is_typed_into_a_sheet_outlives_a_change_of_language(table: Table) -> None:
    table.open()
    table.press("f")
    table.page.keyboard.type("See the last line")
    table.page.get_by_role("button", name="Other language").click()
    expect(table.at("#sheett")).to_have_text("标记给其他人看。该条目会出现在“数据”页的“已标记”中。")
    table.at("#sheetok").click()
    table.saved()
    assert [(a["kind"], a["note"]) for a in table.received] == [("flag", "See the last line")]
