"""What the card shows of an item, to eyes, ears and thumbs."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.ui.harness.scene import Table

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
CARD = [["[data-testid=stBidiComponentIsolated]"]]


def test_markup_and_formulas_in_a_text_are_inert(table: Table) -> None:
    text = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'><b>bold</b> **stars** $x^2$ =1+1"
    table.open(texts=[text])
    expect(table.at("#body .text")).to_have_text(text)
    assert table.page.evaluate("window.hit") is None


def test_the_card_marks_where_the_model_stopped_reading(table: Table) -> None:
    table.open(texts=["🙂🙂 one two three four"], truncated_at=7)
    expect(table.at(".cut")).to_have_text("the model read up to here")
    expect(table.at(".unread")).to_have_text("two three four")


def test_long_texts_scroll_inside_and_answers_stay_in_view(table: Table) -> None:
    table.open(texts=["A long story. " * 900])
    expect(table.at("#opts")).to_be_in_viewport()
    expect(table.body).to_have_attribute("tabindex", "0")
    table.page.keyboard.press("PageDown")
    assert table.body.evaluate("e => e.scrollTop") > 100


def test_chinese_and_right_to_left_texts_say_what_they_are(table: Table) -> None:
    table.open(texts=["今天天气很好。", "مرحبا بالعالم"], lang="zh")
    expect(table.body).to_have_attribute("lang", "zh")
    table.press("1")
    assert table.at("#body .text").evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_among_many_classes_a_name_finds_its_class(table: Table) -> None:
    table.open(classes=40)
    table.press("/")
    table.page.keyboard.type("group 37")
    table.press("Enter")
    table.saved()
    assert table.received[0]["answer"] == ["c36"]
    table.press("2")
    assert table.ask == 3


def test_while_the_model_reads_the_card_says_so(table: Table) -> None:
    table.open(suggests=False, reading=0.12)
    expect(table.at("#odds")).to_have_text("The model is still reading, 12\u00a0%.")


def test_the_end_is_friendly_and_earlier_answers_stay_open(table: Table) -> None:
    table.open(length=2)
    table.press("1", "2")
    expect(table.at("#body .title")).to_have_text("All done for now")
    expect(table.at("#past li")).to_have_count(2)
    table.press("z")
    expect(table.at("#meta")).to_contain_text("T-0002")


FACTS = [
    ["island", "Biscoe"],
    ["bill_length_mm", "46.1"],
    ["bill_depth_mm", ""],
    ["a name " * 12, "3750"],
    ["sex", "f"],
]


@pytest.mark.parametrize("width", [1280, 390])
def test_numbers_and_categories_are_a_sheet_of_names_and_values_that_keep_their_lines(table: Table, width: int) -> None:
    table.page.set_viewport_size({"width": width, "height": 844})
    table.open(texts=[], facts=FACTS)
    expect(table.at("#body dt")).to_have_text([name.strip() for name, _ in FACTS])
    expect(table.at("#body dd")).to_have_text(["Biscoe", "46.1", "none given", "3750", "f"])
    expect(table.at("#meta")).to_have_text("T-0001")
    lines = table.at("#body").evaluate(
        "b => [...b.querySelectorAll('dt')]"
        ".map(t => [t.getBoundingClientRect(), t.nextSibling.getBoundingClientRect()])"
        ".every(([n, v]) => Math.abs(n.top - v.top) < 1 && n.right <= v.left + 1 && v.right <= innerWidth)"
    )
    assert lines
    table.press("1")
    expect(table.at("#past .begin")).to_have_text("Biscoe 46.1 3750 f")


def test_a_sheet_says_units_and_shows_where_each_value_lies_among_all(table: Table) -> None:
    facts = [["mass", "3750", {"unit": "g", "above": 0.83}], ["sex", "f", {"share": 0.25}], ["year", "2007"]]
    table.open(texts=[], facts=facts)
    expect(table.at("#body .val")).to_have_text(["3750\u00a0g", "f", "2007"])
    expect(table.at("#body .place .sr")).to_have_text(
        ["higher than 83\u00a0% of the values", "as 25\u00a0% of the values"]
    )
    strip, tick = (table.at(part).bounding_box() for part in ("#body .strip", "#body .tick"))
    assert strip is not None
    assert tick is not None
    assert (tick["x"] - strip["x"]) / (strip["width"] - tick["width"]) == pytest.approx(0.83, abs=0.02)


def test_few_facts_beside_a_text_stand_with_their_names_above_it(table: Table) -> None:
    table.open(facts=FACTS[:3])
    expect(table.at("#meta")).to_have_text("T-0001island Biscoebill_length_mm 46.1")
    expect(table.at("#body dl")).to_have_count(0)


def test_the_day_is_counted_against_the_goal(table: Table) -> None:
    table.open()
    table.press("1", "2", "s")
    expect(table.at("#goalt")).to_have_text("20 of 200 today")


def _swipe(table: Table, distance: int) -> None:
    touch = table.page.context.new_cdp_session(table.page)
    box = table.at("#stage").bounding_box()
    assert box is not None
    x, y = 195, box["y"] + 60
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in (0.2, 0.5, 0.8, 1.0):
        touch.send(
            "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x + distance * part, "y": y}]}
        )
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    table.settle()


def test_a_swipe_accepts_or_puts_off_and_never_accepts_a_blind_ask(chromium: Browser, harness: str) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = Table(context.new_page(), harness).open(blind=[3], texts=["A long story. " * 90])
    _swipe(table, 140)
    _swipe(table, -140)
    _swipe(table, 140)
    table.saved()
    assert [a["kind"] for a in table.received] == ["answer", "later"]
    context.close()


def test_on_a_phone_every_target_is_large_and_accept_is_in_view(chromium: Browser, harness: str) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = Table(context.new_page(), harness).open()
    expect(table.at("#accept")).to_be_in_viewport(ratio=1)
    boxes = [b.bounding_box() for b in table.at(".panel button:visible").all()]
    assert min(b["height"] for b in boxes if b) >= 44
    assert table.at("#opts .nm").all_inner_texts() == ["Positive", "Neutral", "Negative"]
    context.close()


@pytest.mark.parametrize("many", [False, True])
def test_on_a_small_phone_four_lines_are_whole_and_what_sends_is_in_reach(
    chromium: Browser, harness: str, many: bool
) -> None:
    context = chromium.new_context(**PHONE | {"viewport": {"width": 360, "height": 740}}, locale="en-US")
    table = Table(context.new_page(), harness).open(
        texts=["one\ntwo\nthree\nfour"], classes=8, many=many, suggested=[1]
    )
    assert table.body.evaluate("e => e.scrollHeight - e.clientHeight") == 0
    expect(table.at("#accept")).to_be_in_viewport(ratio=1)
    assert table.at("kbd:visible").count() == 0
    context.close()


def test_on_a_phone_help_says_what_the_answers_mean_and_names_no_key(chromium: Browser, harness: str) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = Table(context.new_page(), harness).open()
    table.at("#helpb").tap()
    expect(table.at("#keys").get_by_text("Swipe the item")).to_be_visible()
    assert table.at("#help kbd:visible").count() == 0
    context.close()


def test_a_reader_hears_the_item_and_the_suggestion(table: Table) -> None:
    table.open()
    table.press("1")
    expect(table.at("#live")).to_contain_text("Positive. T-0002. The left hinge cracked")
    expect(table.at("#live")).to_contain_text("The model suggests Positive 64\u00a0%")
    expect(table.at("#opts").get_by_role("button", name="Neutral 18 %")).to_have_attribute("aria-keyshortcuts", "2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [{"viewport": {"width": 1440, "height": 900}}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_the_card(chromium: Browser, harness: str, scheme: str, device: dict[str, object]) -> None:
    context = chromium.new_context(
        **device, color_scheme=scheme, locale="en-US", reduced_motion="reduce", bypass_csp=True
    )
    table = Table(context.new_page(), harness).open(blind=[2], length=3, classes=12)
    found = {}
    for state, keys in {
        "plain": "",
        "blind": "1",
        "reopened": "z",
        "asking": "x",
        "unchecked": "1",
        "end": "1",
    }.items():
        table.set(checked=state == "plain", accept_filled=state == "plain")
        table.press(*keys)
        found[state] = [(v["id"], v["nodes"]) for v in Axe().run(table.page, CARD).response["violations"]]
    assert [state for state, violations in found.items() if violations] == [], found
    context.close()


@pytest.mark.parametrize("press", ["#noticedo", "#noticeno"])
def test_on_a_phone_a_notice_lies_below_the_bar_of_the_page_and_can_be_tapped(
    chromium: Browser, harness: str, press: str
) -> None:
    context = chromium.new_context(**{**PHONE, "viewport": {"width": 390, "height": 800}}, locale="en-US")
    table = Table(context.new_page(), harness).open()
    table.set(status=503, error="The database is locked by another program. Your answers wait in this browser.")
    table.press("1", "2")
    table.set(status=200)
    table.at(press).tap(timeout=3000)
    expect(table.at("#notice")).to_be_hidden()
    context.close()


def test_on_a_phone_what_waits_is_said_whole(chromium: Browser, harness: str) -> None:
    context = chromium.new_context(**{**PHONE, "viewport": {"width": 390, "height": 800}}, locale="en-US")
    table = Table(context.new_page(), harness).open()
    table.set(status=401)
    table.press("1", "2")
    expect(table.at("#savet")).to_have_text("Session ended, 2 waiting")
    expect(table.at("#savet")).to_be_in_viewport(ratio=1)
    context.close()
