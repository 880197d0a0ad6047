"""What becomes of an answer when the line or the server fails."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import serve
from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_saved_is_said_only_after_the_server_has_it(table: Table) -> None:
    table.open()
    table.set(delay=1.0)
    table.press("1")
    expect(table.at("#save")).to_have_attribute("data-s", "busy")
    table.saved()
    assert len(table.received) == 1


def test_answers_wait_offline_and_are_sent_once_when_the_line_is_back(table: Table) -> None:
    table.open()
    table.page.context.set_offline(True)
    table.press("1", "2", "3")
    expect(table.at("#savet")).to_have_text("Offline, 3 waiting")
    table.page.context.set_offline(False)
    table.saved()
    assert [a["ask"] for a in table.received] == [1, 2, 3]


def test_waiting_answers_survive_a_reload(table: Table) -> None:
    table.open()
    table.set(status=503, error="The database is locked.")
    table.press("1", "2")
    table.page.goto("about:blank")
    table.set(status=200)
    table.load()
    table.saved()
    assert [a["ask"] for a in table.received] == [1, 2]
    assert table.ask == 3


def test_trouble_with_the_storage_is_said_and_tried_again(table: Table) -> None:
    table.open()
    table.set(status=503, error="The database is locked by another program.")
    table.press("1")
    expect(table.at("#notice")).to_contain_text("The database is locked by another program.")
    expect(table.at("#save")).to_have_attribute("data-s", "off")
    table.set(status=200)
    table.saved()
    expect(table.at("#notice")).to_be_hidden()
    assert len(table.received) == 1


def test_a_grant_that_ran_out_keeps_the_answers_and_offers_a_reload(table: Table) -> None:
    table.open()
    table.set(status=401)
    table.press("1")
    expect(table.at("#save")).to_have_attribute("data-s", "dead")
    expect(table.at("#notice")).to_contain_text("Your session has ended")
    table.set(status=200)
    table.at("#noticedo").click()
    table.saved()
    assert len(table.received) == 1


def test_who_has_no_account_any_more_is_not_told_to_reload(table: Table) -> None:
    table.open()
    table.set(status=401, error="Your account is shut.", shut=True)
    table.press("1")
    expect(table.at("#notice")).to_contain_text("Your account is shut.")
    expect(table.at("#notice")).not_to_contain_text("safe in this browser")


def test_a_refused_answer_is_shown_and_can_be_mended(table: Table) -> None:
    table.open(refuse="'pos' is not a class.")
    table.press("1")
    expect(table.at("#notice")).to_contain_text("'pos' is not a class.")
    table.set(refuse="")
    table.at("#noticedo").click()
    table.settle()
    table.press("2")
    table.saved()
    (answer,) = table.received
    assert (answer["ask"], answer["answer"], answer["target"]) == (1, ["neu"], None)


def test_an_answer_to_an_erased_item_is_gone_with_the_items_text(table: Table) -> None:
    table.open(refuse="This item was erased.", gone=True)
    text = table.at("#body").inner_text()
    table.press("1")
    expect(table.at("#notice")).to_contain_text("erased")
    expect(table.at("#noticedo")).to_be_hidden()
    assert text[:20] not in table.at("#past").inner_text()


def test_another_person_has_another_outbox(table: Table) -> None:
    table.open()
    table.set(status=503)
    table.press("1")
    table.page.get_by_role("button", name="Other person").click()
    expect(table.at("#who")).to_have_text("Bo")
    table.set(status=200)
    table.page.wait_for_timeout(1500)
    assert table.received == []


def test_items_that_wait_are_fetched_anew_when_other_columns_are_shown(table: Table) -> None:
    table.open()
    table.saved()
    card = table.page.locator(".lc")
    expect(card).to_contain_text("web form")
    table.set(facts=[])
    table.press("1")
    table.saved()
    table.press("2", "1")
    assert table.ask == 3  # after the one that came with the news
    expect(card).not_to_contain_text("web form")


@pytest.mark.parametrize(
    ("refusal", "title", "waiting"),
    [
        ({"status": 401, "shut": True}, "Labeling ends here", 1),
        ({"status": 403}, "Nothing more is asked of you here", 1),
    ],
)
def test_where_the_server_refuses_a_person_the_card_stops(
    table: Table, refusal: dict[str, object], title: str, waiting: int
) -> None:
    table.open()
    table.set(error="You may not do that.", **refusal)
    table.press("1")
    expect(table.at("#body .title")).to_have_text(title)
    table.press("2", "Enter", "s", "z", "x")
    expect(table.at("#savet")).to_contain_text(f"{waiting} waiting")
    expect(table.at("#panel")).to_be_hidden()
    expect(table.at("#past li")).to_have_count(1)
    expect(table.at("#notice")).to_contain_text("You may not do that.")


def test_who_may_answer_again_goes_on_where_the_card_stopped(table: Table) -> None:
    table.open()
    table.set(status=403, error="You may not do that.")
    table.press("1")
    expect(table.at("#body .title")).to_be_visible()
    table.set(status=200)
    table.at("#noticedo").click()
    expect(table.body).to_have_attribute("data-ask", "2")
    table.settle()
    table.press("2")
    table.saved()
    assert [a["ask"] for a in table.received] == [1, 2]


WATCH = """() => new MutationObserver((records) => {
  if (records.some((r) => [...r.addedNodes].some((n) => n.dataset?.testid === "stDialog"))) window.cameUp = true;
}).observe(document.body, { childList: true })"""
STATE = "[data-test-connection-state]"


def test_when_the_server_stops_no_dialog_of_the_page_takes_keys_or_the_focus(page: Page, tmp_path: Path) -> None:
    with serve("tests.ui.harness.server:app", tmp_path / "server.log") as address:
        table = Table(page, address).open()
        table.press("x")
        page.keyboard.type("cut")
        page.evaluate(WATCH)
    page.wait_for_function("window.cameUp", timeout=20_000)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(table.at("#line")).to_be_focused()
    page.keyboard.type(" off")
    expect(table.at("#line")).to_have_value("cut off")
    table.press("Enter", "2", "1")
    expect(table.at("#savet")).to_have_text("Offline, 3 waiting")


def test_a_dialog_of_the_app_itself_stays_where_the_server_does_not_answer(table: Table) -> None:
    table.open()
    table.page.locator(STATE).evaluate("e => { e.dataset.testConnectionState = 'PINGING_SERVER' }")
    table.page.get_by_role("button", name="Open a dialog").click()
    expect(table.page.get_by_role("dialog")).to_contain_text("Nothing behind it may hear a key.")
    table.page.wait_for_timeout(200)
    expect(table.page.locator(STATE)).to_have_attribute("data-test-connection-state", "PINGING_SERVER")
    expect(table.page.get_by_role("dialog")).to_be_visible()
