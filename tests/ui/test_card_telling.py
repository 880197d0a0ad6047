"""Projects in which people answer first: what the card shows of the model once they have, and what it keeps."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.ui.harness.scene import Table
from tests.ui.test_card_look import CARD, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST = {"mode": "answer first"}  # the model says Negative (key 3) of the first item, Positive (key 1) of the second


def asked(table: Table, ask: int) -> None:
    """Wait until this is asked and keys are heard."""
    expect(table.body).to_have_attribute("data-ask", str(ask))
    table.settle()


def told(table: Table, name: str) -> None:
    """Wait until the model has said this and keys are heard."""
    expect(table.at("#accept")).to_contain_text("Keep")
    expect(table.at("#head")).to_have_text(name)
    table.settle()


def test_before_an_answer_nothing_of_the_model_is_on_screen(table: Table) -> None:
    table.open(**FIRST)
    expect(table.at("#head")).to_have_text("Your call")
    assert [table.at(part).inner_text() for part in ("#pct", "#from", "#check")] == ["", "", ""]
    table.press("Enter")
    assert (table.ask, table.received) == (1, [])


def test_where_the_model_says_the_same_the_card_moves_on_and_says_so(table: Table) -> None:
    table.open(**FIRST)
    table.press("3")
    asked(table, 2)
    expect(table.at("#why")).to_have_text("Your last answer: the model says the same.")
    expect(table.at("#live")).to_contain_text("Negative. Your last answer: the model says the same.")
    table.press("1")
    asked(table, 3)
    assert len(table.received) == 2


def test_where_it_says_otherwise_the_item_stays_with_both_words(table: Table) -> None:
    table.open(**FIRST)
    table.press("1")
    expect(table.at("#from")).to_have_text("You said Positive. The model says")
    expect(table.at("#head")).to_have_text("Negative")
    expect(table.at("#odds")).to_contain_text("about 6 times in 10")
    expect(table.at("#accept")).to_contain_text("Keep Positive")
    expect(table.at(".opt.was .nm")).to_have_text("Positive")
    expect(table.at("#live")).to_contain_text("You said Positive. The model says Negative 64\u00a0%")
    assert (table.ask, [a["answer"] for a in table.received]) == (1, [["pos"]])


@pytest.mark.parametrize(("key", "answer", "mark"), [("Enter", "pos", ""), ("1", "pos", ""), ("3", "neg", "changed")])
def test_keeping_and_changing_cost_one_key_and_are_both_kept_with_what_was_shown(
    table: Table, key: str, answer: str, mark: str
) -> None:
    table.open(**FIRST)
    table.press("1")
    told(table, "Negative")
    table.press(key)
    asked(table, 2)
    table.saved()
    first, second = table.received
    assert (first["shown"], second["shown"]["model"]) == (None, "1.1")
    assert (second["target"], second["ask"], second["answer"]) == (first["id"], 1, [answer])
    expect(table.at("#past li")).to_have_count(1)
    expect(table.at("#past .ch")).to_have_text(mark)
    expect(table.at("#goalt")).to_have_text("19 of 200 today")


def test_asks_that_measure_move_on_at_once_and_tell_nothing(table: Table) -> None:
    table.open(**FIRST, blind=[1])
    table.press("1")
    asked(table, 2)
    assert "model" not in table.at("#why").inner_text()


def test_the_next_item_never_waits_long_for_the_model(table: Table) -> None:
    table.open(**FIRST)
    table.set(delay=4.0)
    table.press("1")
    expect(table.at(".opt.was .nm")).to_have_text("Positive")
    expect(table.body).to_have_attribute("data-ask", "2", timeout=2500)
    table.press("3", "1")
    expect(table.at("#head")).to_have_text("Your call")


def test_offline_answers_wait_in_the_browser_and_nobody_waits_for_them(table: Table) -> None:
    table.open(**FIRST)
    table.page.context.set_offline(True)
    table.press("1")
    asked(table, 2)
    table.press("2")
    expect(table.body).to_have_attribute("data-ask", "3", timeout=1000)
    table.page.context.set_offline(False)
    table.saved()
    assert [a["answer"] for a in table.received] == [["pos"], ["neu"]]
    assert [s["waits"] for s in table.syncs if s["answers"]] == [None]


def test_a_press_while_the_word_is_awaited_is_for_no_item(table: Table) -> None:
    table.open(**FIRST)
    table.set(delay=1.2)
    table.press("1", "1", "2")
    expect(table.at("#head")).to_have_text("Negative")
    table.saved()
    assert [a["answer"] for a in table.received] == [["pos"]]


def test_back_from_the_models_word_reopens_the_item_before_and_escape_goes_on(table: Table) -> None:
    table.open(**FIRST)
    table.press("3")
    asked(table, 2)
    table.press("3")
    told(table, "Positive")
    table.press("z")
    expect(table.at("#meta")).to_contain_text("T-0001")
    expect(table.at("#from")).to_have_text("You answered")
    table.press("Escape")
    asked(table, 3)
    table.saved()
    assert len(table.received) == 2


def test_later_on_the_models_word_takes_the_answer_back(table: Table) -> None:
    table.open(**FIRST)
    table.press("1")
    told(table, "Negative")
    table.press("s")
    asked(table, 2)
    table.saved()
    first, second = table.received
    assert (second["kind"], second["target"]) == ("undo", first["id"])


def test_a_long_text_stays_where_it_was_scrolled_to(table: Table) -> None:
    table.open(**FIRST, texts=["A long story. " * 900])
    table.page.keyboard.press("PageDown")
    before = table.body.evaluate("e => e.scrollTop")
    table.press("1")
    told(table, "Negative")
    assert table.body.evaluate("e => e.scrollTop") == before > 0


def test_the_models_word_moves_no_button(table: Table) -> None:
    table.open(**FIRST, classes=14)
    parts = [table.at(part) for part in ("#accept", ".opt >> nth=3", "#undo")]
    before = [part.bounding_box() for part in parts]
    table.press("1")
    expect(table.at("#from")).to_have_text("You said Diagnosis group 1. The model says")
    assert [part.bounding_box() for part in parts] == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [{"viewport": {"width": 1440, "height": 900}}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_the_models_word(
    chromium: Browser, harness: str, scheme: str, device: dict[str, object]
) -> None:
    context = chromium.new_context(
        **device, color_scheme=scheme, locale="en-US", reduced_motion="reduce", bypass_csp=True
    )
    table = Table(context.new_page(), harness).open(**FIRST)
    table.press("1")
    expect(table.at("#accept")).to_contain_text("Keep Positive")
    expect(table.at("#accept")).to_be_in_viewport(ratio=1)
    assert [(v["id"], v["nodes"]) for v in Axe().run(table.page, CARD).response["violations"]] == []
    context.close()
