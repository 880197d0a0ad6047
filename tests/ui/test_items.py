"""Items in lists: what stands for one that is a picture, and its thumbnail."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from collab.domain.media import thumb_of
from collab.domain.project import Field, Item, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import ItemFilter, ItemRow, Store
from collab.loop import annotating
from collab.ui.grid.grid import tile
from collab.ui.items import excerpt, thumb
from tests.samples import YES_NO, answer_of
from tests.ui.conftest import serve
from tests.ui.harness.pictures import keep, picture_project, picture_row

NAME = f"media/3f/3f{'0' * 30}.png"
FIELDS = (Field("picture", "image"), Field("title"), Field("size", "number"))
MIXED = Project(1, "Mixed", FIELDS, YES_NO, LoopPolicy())
ITEM = Item(5, 1, "P-5", {"picture": NAME, "title": "A cup", "size": 0}, "d", 0.5, {"picture": "cups/blue\\17.png"})


def test_an_excerpt_names_a_picture_by_its_file_and_never_by_its_folder_or_stored_name() -> None:
    assert excerpt(ITEM, MIXED) == "17.png · A cup · 0"


def test_an_item_without_any_words_goes_by_its_id() -> None:
    bare = replace(ITEM, fields={"picture": NAME}, meta={})
    assert excerpt(bare, replace(MIXED, fields=FIELDS[:1])) == "P-5"


def test_the_thumbnail_is_that_of_the_first_picture_that_people_see() -> None:
    fields = (Field("mask", "image", "encoded"), Field("front", "image"), Field("back", "image"))
    item = replace(ITEM, fields={"mask": "media/00/00.png", "front": "", "back": NAME})
    assert thumb(item, replace(MIXED, fields=fields)) == thumb_of(NAME)
    assert thumb(item, replace(MIXED, fields=fields[:2])) == ""


def test_a_tile_tells_the_answer_else_the_state(store: Store) -> None:
    project = picture_project(store, [picture_row(n, {"picture": keep(store, n)}) for n in (1, 2)])
    first, second = store.stream_items(project.id)
    annotating.submit(store, answer_of(project.id, first.id, "Yes"), "tab", 5)
    rows = {row.item.id: row for row in store.find(project.id, ItemFilter())[0]}
    told = [tile(rows[item.id], project, str) for item in (first, second)]
    assert [(t["answer"], t["state"], t["text"]) for t in told] == [("Yes", "", "0001.png"), ("", "open", "0002.png")]
    assert tile(rows[second.id], project, str, own=True)["state"] == "–"  # others may have answered it


def test_a_tile_of_an_item_without_its_picture_has_no_address() -> None:
    bare = ItemRow(replace(ITEM, fields={"picture": "", "title": "A cup"}), None)
    schema = LabelSchema("?", classes_from_names(("Yes", "No")))
    assert tile(bare, replace(MIXED, schema=schema), str)["thumb"] == ""


@pytest.mark.browser
@pytest.mark.slow
def test_tiles_load_as_they_come_into_view_and_those_that_are_picked_go_to_the_card(store: Store, page: Page) -> None:
    names = [keep(store, n, 96, 96) for n in range(6)]
    project = picture_project(store, [picture_row(n, {"picture": names[n % 6]}) for n in range(150)])
    with serve("tests.ui.harness.pages:app", store.workspace / "server.log", COLLAB_HARNESS=str(store.workspace)) as at:
        page.goto(f"{at}/data?project={project.id}")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("Your name").press("Enter")
        tiles = page.locator(".tiles button")
        expect(tiles).to_have_count(60, timeout=20_000)
        expect(page.get_by_text("150 of 150 items.")).to_be_visible()
        assert tiles.first.locator("img").evaluate("e => e.decode().then(() => e.naturalWidth)") == 96
        tiles.nth(1).click()
        tiles.nth(3).click()
        expect(tiles.nth(3)).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="Label these 2").click()
        expect(page.locator(".lc .picture")).to_have_attribute("data-state", "whole", timeout=20_000)
        page.goto(f"{at}/data?project={project.id}")
        page.get_by_role("radio", name="List").click()
        expect(page.get_by_test_id("stDataFrame")).to_be_visible(timeout=20_000)
