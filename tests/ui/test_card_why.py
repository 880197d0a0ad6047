"""Why the model suggests what it does, on the card."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_w_tells_what_speaks_for_the_suggestion_and_marks_it_in_the_text(table: Table) -> None:
    table.open()
    text = table.body.inner_text()
    table.press("w")
    expect(table.at("#because h3")).to_have_text("What speaks for Negative rather than Positive")
    assert table.at("#body mark.because").all_inner_texts() == ["Having", "lazy"]
    expect(table.at(".near li")).to_have_count(3)
    expect(table.at("#live")).to_contain_text("What speaks for Negative")
    table.press("w")
    expect(table.at("#because")).to_be_hidden()
    assert (table.at("mark").count(), table.body.inner_text()) == (0, text)


def test_reasons_move_no_button_and_end_with_their_item(table: Table) -> None:
    table.open()
    buttons = table.at(".opt, .lc .acts button, .lc #accept")
    before = [button.bounding_box() for button in buttons.all()]
    table.press("w")
    expect(table.at(".near li")).to_have_count(3)
    assert [button.bounding_box() for button in buttons.all()] == before
    table.press("1")
    expect(table.at("#because")).to_be_hidden()
    table.saved()
    assert len(table.received) == 1


LOW = {"viewport": {"width": 1280, "height": 720}}
SMALL = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize(("device", "many"), [(LOW, False), (LOW, True), (SMALL, False), (SMALL, True)])
def test_a_tall_picture_and_reasons_are_seen_at_once(
    chromium: Browser, harness: str, device: dict[str, Any], many: bool
) -> None:
    context = chromium.new_context(**device, locale="en-US")
    table = Table(context.new_page(), harness).open(
        pictures=["photo"], texts=[], facts=[], picture_size=[600, 2400], many=many, suggested=[0, 2], classes=8
    )
    if many:
        expect(table.at("#accept")).to_be_in_viewport(ratio=1)
    table.at("#whyb").click()
    expect(table.at(".near li")).to_have_count(3)
    for part in (".window", "#because h3", "#whyb"):
        expect(table.at(part).first).to_be_in_viewport(ratio=1)
    reasons, window = (table.at(part).bounding_box() for part in ("#because", ".window"))
    assert reasons is not None
    assert window is not None
    assert (reasons["height"] > 150, window["height"] > 110) == (True, True)
    context.close()


def test_the_worker_is_waited_for_and_given_up_in_words(table: Table) -> None:
    table.open(why_waits=3)
    table.press("w")
    expect(table.at("#because")).to_have_text("The model is looking for reasons …")
    expect(table.at(".near li")).to_have_count(3)
    table.press("Escape")
    expect(table.at("#because")).to_be_hidden()
    table.set(why_waits=10_000)
    table.press("w")
    expect(table.at("#because")).to_contain_text("busy or not running", timeout=12_000)


def test_a_blind_ask_offers_no_reasons(table: Table) -> None:
    table.open(blind=[1])
    table.press("w")
    expect(table.at("#whyb")).to_be_hidden()
    expect(table.at("#because")).to_be_hidden()


def test_values_of_a_table_get_bars_and_their_list_says_for_and_against(table: Table) -> None:
    facts = [[f"column {n}", str(n)] for n in range(6)]
    table.open(texts=[], facts=facts)
    table.press("w")
    expect(table.at("#body .values .pushbar")).to_have_count(2)
    expect(table.at("#because .pushes dd")).to_have_text(["for", "against"])
