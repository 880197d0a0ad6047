"""Pictures on the card: shown whole, enlarged, moved and lit, and told of where they can't be shown."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Route, expect

from tests.ui.harness.scene import Table
from tests.ui.test_card_look import CARD, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEWS, EVERY = re.compile(r"/api/v1/media/.*/view"), re.compile(r"/api/v1/media/\d")
NAME_ENDS = "e => { const r = document.createRange(); r.selectNodeContents(e); return r.getBoundingClientRect().right }"
LEVEL = "e => new DOMMatrix(getComputedStyle(e).transform).a"


def pane(table: Table) -> Locator:
    return table.at(".pane").first


def level(table: Table) -> float:
    enlarged: float = pane(table).evaluate(LEVEL)
    return enlarged


def place(table: Table) -> tuple[float, float]:
    x, y = pane(table).evaluate("e => { const m = new DOMMatrix(getComputedStyle(e).transform); return [m.e, m.f] }")
    return x, y


def whole(table: Table) -> None:
    expect(table.at(".picture").first).to_have_attribute("data-state", "whole")


def opened(table: Table, **more: object) -> Table:
    table.open(**{"pictures": ["photo"], "texts": [], "facts": [], "picture_size": [1600, 1200], **more})
    whole(table)
    return table


def test_a_picture_fits_the_stage_and_none_of_it_is_cut(table: Table) -> None:
    opened(table, picture_size=[600, 2400])
    box, frame = pane(table).bounding_box(), table.at(".window").bounding_box()
    assert box is not None
    assert frame is not None
    assert box["height"] <= frame["height"] + 1
    assert abs(box["height"] / box["width"] - 4) < 0.02
    expect(table.at("#opts")).to_be_in_viewport()


def test_keys_enlarge_move_and_show_the_whole_again(table: Table) -> None:
    opened(table)
    table.press("+", "+")
    assert abs(level(table) - 1.25**2) < 0.01
    table.press("ArrowRight", "ArrowDown")
    assert place(table)[0] < 0
    table.press("-")
    assert abs(level(table) - 1.25) < 0.01
    table.press("r")
    assert (level(table), place(table)) == (1, (0, 0))
    assert table.ask == 1


def test_the_wheel_enlarges_what_is_under_the_pointer(table: Table) -> None:
    opened(table)
    box = pane(table).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25
    table.page.mouse.move(x, y)
    table.page.mouse.wheel(0, -400)
    expect(table.at(".window")).to_have_attribute("data-zoomed", "")
    now = pane(table).bounding_box()
    assert now is not None
    assert abs((x - now["x"]) / now["width"] - 0.25) < 0.01
    assert abs((y - now["y"]) / now["height"] - 0.25) < 0.01


def test_a_double_click_goes_to_every_pixel_and_back_and_a_drag_moves_it(table: Table) -> None:
    opened(table)
    table.at(".window").dblclick()
    expect(table.at("#levelt")).to_have_text("100\u00a0%")
    before = place(table)
    frame = table.at(".window").bounding_box()
    assert frame is not None
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    table.page.mouse.move(x, y)
    table.page.mouse.down()
    table.page.mouse.move(x + 40, y + 30, steps=4)
    table.page.mouse.up()
    after = place(table)
    assert (round(after[0] - before[0]), round(after[1] - before[1])) == (40, 30)
    table.at(".window").dblclick()
    assert level(table) == 1


def test_brightness_stays_for_the_next_picture_and_enlarging_does_not(table: Table) -> None:
    opened(table)
    table.press("+", "b", "b", "Shift+C", "2")
    whole(table)
    assert level(table) == 1
    lit = table.at(".pane > img").evaluate("e => getComputedStyle(e).filter")
    assert lit == "brightness(1.21) contrast(0.91)"
    expect(table.at("#lit")).to_contain_text("Brightness 121\u00a0%, contrast 91\u00a0%, for all")
    table.press("r")
    assert table.at(".pane > img").evaluate("e => getComputedStyle(e).filter") == "none"
    expect(table.at("#lit")).to_be_hidden()


def test_a_page_loaded_anew_shows_pictures_in_their_own_light(table: Table) -> None:
    opened(table)
    table.press("b")
    expect(table.at("#lit")).to_be_visible()
    table.load()
    whole(table)
    assert table.at(".pane > img").evaluate("e => getComputedStyle(e).filter") == "none"


def test_the_key_of_a_class_is_nothing_else(table: Table) -> None:
    opened(table, classes=12)
    table.page.keyboard.press("0")
    table.saved()
    assert table.received[0]["answer"] == ["c9"]


def test_the_next_picture_is_there_before_it_is_asked_for(table: Table) -> None:
    opened(table)
    table.page.wait_for_timeout(500)
    fetched: list[str] = []
    table.page.on("request", lambda r: fetched.append(r.url) if "/2/1600x1200/" in r.url else None)
    table.page.keyboard.press("1")
    expect(table.body).to_have_attribute("data-ask", "2")
    assert table.at(".picture").get_attribute("data-state") == "whole"
    assert [url for url in fetched if url.endswith("view")] == []


def test_the_thumbnail_stands_in_until_the_whole_picture_is_there(table: Table) -> None:
    waiting: list[Route] = []
    table.page.route(VIEWS, lambda route: waiting.append(route))  # a builtin has no place for its marks
    table.open(pictures=["photo"], texts=[], picture_size=[1600, 1200])
    expect(table.at(".picture")).to_have_attribute("data-state", "small")
    for route in waiting:
        route.continue_()
    whole(table)
    table.page.unroute_all(behavior="ignoreErrors")


def test_a_link_that_has_run_out_is_had_anew_once(table: Table) -> None:
    table.page.route(VIEWS, lambda route: route.abort() if "anew" not in route.request.url else route.continue_())
    opened(table)
    table.page.unroute_all(behavior="ignoreErrors")


def test_where_no_picture_can_be_shown_only_unusable_and_the_like_are_taken(table: Table) -> None:
    table.page.route(EVERY, lambda route: route.abort())
    table.open(pictures=["photo"], texts=[], facts=[])
    expect(table.at(".says")).to_have_text(re.compile("can't be shown"))
    table.press("1")
    expect(table.at("#odds")).to_contain_text("no picture to judge by")
    table.press("x", "2")
    table.saved()
    assert [a["kind"] for a in table.received] == ["unusable"]
    table.page.unroute_all(behavior="ignoreErrors")


def test_an_item_that_lacks_its_picture_says_so_and_its_words_can_be_judged(table: Table) -> None:
    table.open(pictures=["photo"], texts=["A cup"], lacking=[1])
    expect(table.at(".says")).to_have_text("No picture was given here.")
    table.press("1")
    table.saved()
    assert [a["kind"] for a in table.received] == ["answer"]


def test_the_tab_key_chooses_among_several_pictures(table: Table) -> None:
    opened(table, pictures=["front", "back"])
    table.at(".window").nth(1).focus()
    table.press("+")
    assert [p.evaluate(LEVEL) for p in table.at(".pane").all()] == [1, 1.25]


def test_earlier_answers_carry_their_pictures(table: Table) -> None:
    opened(table)
    table.press("1")
    expect(table.at("#past .mini")).to_have_count(1)
    expect(table.at("#past .begin")).to_have_text("T-0001")


def test_a_reader_hears_that_there_is_a_picture_and_help_names_its_keys(table: Table) -> None:
    opened(table)
    expect(table.at("#live")).to_contain_text("Picture photo of T-0001")
    expect(table.at("#body").get_by_role("img", name="Picture photo of T-0001")).to_be_visible()
    table.press("?")
    expect(table.at("#keys")).to_contain_text("Enlarge the picture")


def test_on_a_phone_two_fingers_enlarge_and_one_finger_then_moves_and_never_answers(
    chromium: Browser, harness: str
) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = opened(Table(context.new_page(), harness))
    frame = table.at(".window").bounding_box()
    assert frame is not None
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    touch = context.new_cdp_session(table.page)

    def fingers(kind: str, *at: tuple[float, float]) -> None:
        points = [{"x": x + dx, "y": y + dy, "id": n} for n, (dx, dy) in enumerate(at)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (-30, 0))
    fingers("touchStart", (-30, 0), (30, 0))
    for apart in (40, 50, 60, 75):
        fingers("touchMove", (-apart, 0), (apart, 0))
    fingers("touchEnd")
    assert 2 < level(table) < 3
    before = place(table)
    fingers("touchStart", (0, 0))
    for moved in (20, 60, 120):
        fingers("touchMove", (moved, 0))
    fingers("touchEnd")
    table.settle()
    assert place(table)[0] > before[0]
    assert table.ask == 1
    expect(table.at("#past li")).to_have_count(0)
    context.close()


def test_on_a_phone_the_picture_is_the_largest_part_and_the_answers_stay_in_view(
    chromium: Browser, harness: str
) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = opened(Table(context.new_page(), harness))
    for part in ("#accept", "#opts", "#acts"):
        expect(table.at(part)).to_be_in_viewport(ratio=1)
    frame, panel = table.at("#stage").bounding_box(), table.at("#panel").bounding_box()
    assert frame is not None
    assert panel is not None
    assert frame["height"] > panel["height"]
    context.close()


@pytest.mark.parametrize("width", [360, 600, 1440])
def test_the_way_to_the_reasons_is_beside_the_tools_of_the_picture(chromium: Browser, harness: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, locale="en-US")
    table = opened(Table(context.new_page(), harness))
    why, lens = (table.at(part).bounding_box() for part in ("#whyb", "#lens"))
    assert why is not None
    assert lens is not None
    assert why["x"] + why["width"] <= lens["x"]
    assert table.at("#meta b").evaluate(NAME_ENDS) < why["x"]
    context.close()


def test_on_a_phone_the_reasons_hide_no_picture_and_accepting_is_beside_what_is_suggested(
    chromium: Browser, harness: str
) -> None:
    context = chromium.new_context(**PHONE, locale="en-US")
    table = opened(Table(context.new_page(), harness))
    parts = ("#whyb", "#lens", ".window", "#accept", "#head")
    why, lens, frame, accept, head = (table.at(part).bounding_box() or {} for part in parts)
    assert why["x"] + why["width"] <= lens["x"]
    assert why["y"] + why["height"] <= frame["y"]
    assert accept["y"] < head["y"] + head["height"]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_card_with_pictures(chromium: Browser, harness: str, scheme: str) -> None:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme=scheme, locale="en-US", reduced_motion="reduce",
        bypass_csp=True,
    )  # fmt: skip
    table = opened(Table(context.new_page(), harness), pictures=["front", "back"], texts=["A cup"], lacking=[2])
    table.at("#lamp").click()
    found = [(v["id"], v["nodes"]) for v in Axe().run(table.page, CARD).response["violations"]]
    table.page.keyboard.press("Escape")
    expect(table.at("#light")).to_be_hidden()
    table.press("1")
    found += [(v["id"], v["nodes"]) for v in Axe().run(table.page, CARD).response["violations"]]
    assert found == []
    context.close()
