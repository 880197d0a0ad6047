"""The language changes while somebody labels: nothing that they did, picked or typed is lost."""

import pytest
from playwright.sync_api import Page, expect

from collab.domain.store import Store
from tests.conftest import MakeProject
from tests.ui.conftest import serve
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
    expect(table.at("#sheett")).to_have_text(
        "标记给其他人看。该条目会出现在“数据”页的“已标记”中；有复核权限的人也会在“复核”中看到。"
    )
    table.at("#sheetok").click()
    table.saved()
    assert [(a["kind"], a["note"]) for a in table.received] == [("flag", "See the last line")]


def test_the_whole_app_changes_its_language_around_the_item_on_screen(
    store: Store, make_project: MakeProject, page: Page
) -> None:
    project = make_project(20)
    with serve("tests.ui.harness.pages:app", store.workspace / "server.log", COLLAB_HARNESS=str(store.workspace)) as at:
        table = Table(page, at)
        page.goto(f"{at}/label?project={project.id}")
        page.get_by_role("button", name="中文").click()
        expect(page.get_by_role("heading", name="您是谁？")).to_be_visible(timeout=20_000)
        page.get_by_label("您的名字").fill("Ada")
        page.get_by_label("您的名字").press("Enter")
        expect(table.at("#latert")).to_have_text("稍后", timeout=20_000)
        table.settle()
        table.press("1", "2")
        asked = table.ask
        page.get_by_role("button", name="English").click()
        expect(table.at("#latert")).to_have_text("Later")
        assert table.ask == asked
        table.saved()
        kept = [annotation.answer for _, annotation in store.annotations(project.id)]
        assert sorted(kept) == [("No",), ("Yes",)]
