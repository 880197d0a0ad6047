"""Who is here, and how long an answer took."""

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_not_you_lets_the_page_ask_again(table: Table) -> None:
    table.open()
    table.at("#notyou").click()
    expect(table.page.get_by_text("Who is here?")).to_be_visible()


def test_after_idle_minutes_the_card_covers_itself_and_asks(table: Table) -> None:
    table.open(idle_minutes=0.03)
    expect(table.at("#cover")).to_contain_text("Still Ana Belém?", timeout=6000)
    expect(table.body).to_be_hidden()
    table.press("1")
    assert table.ask == 1
    table.press("Enter", "1")
    assert table.ask == 2


def test_somebody_who_only_uses_keys_is_here(table: Table) -> None:
    table.open(idle_minutes=0.04)
    for _ in range(6):
        table.press("1")
        table.page.wait_for_timeout(700)
    expect(table.at("#cover")).to_be_hidden()
    assert table.ask == 7


def test_seconds_count_use_and_no_pause(chromium: Browser, harness: str) -> None:
    context = chromium.new_context(locale="en-US")
    table = Table(context.new_page(), harness)
    context.clock.install()
    table.visit()
    context.clock.run_for(3000)
    expect(table.body).to_have_attribute("data-ask", "1")
    context.clock.run_for(4000)
    table.page.mouse.move(9, 9)
    context.clock.run_for(600_000)
    table.page.keyboard.press("1")
    # Ten minutes passed in an instant: requests that were under way then have run out of their time.
    table.page.evaluate("window.dispatchEvent(new Event('online'))")
    context.clock.run_for(2000)
    table.saved()
    assert 30 <= table.received[0]["seconds"] <= 40
    context.close()
