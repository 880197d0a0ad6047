"""The Data page's search, batches and map, run without a browser on a real store."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from streamlit.testing.v1 import AppTest

from collab.domain.project import Project
from collab.domain.store import Store
from collab.loop import mapping
from collab.loop.scoring import keep_scores
from collab.ui import session
from tests.conftest import MakeProject
from tests.samples import answer_of
from tests.storage.conftest import answered
from tests.ui.conftest import serve
from tests.ui.test_pages import click, texts

Open = Callable[..., AppTest]
pytestmark = pytest.mark.slow


@pytest.fixture
def project(store: Store, make_project: MakeProject) -> Project:
    """Sixty items whose model has spoken; some are audits, and the first free one is somebody else's."""
    made = make_project(60, mark=0.1)
    items = np.array([row.item for row in store.pool(made.id)])
    share = np.linspace(0, 1, 60, dtype=np.float32)
    circle = np.stack([np.cos(6 * share), np.sin(6 * share)], axis=1)
    store.features(made.id, "toy", 2).append(items, items, circle)
    keep_scores(store, made, 1, ("toy", 2), items, np.stack([1 - share, share], axis=1))
    answered(store, answer_of(made.id, free(store, made)[0], "No", "bo"))
    return made


@pytest.fixture
def open_page(store: Store) -> Open:
    """Opens the Data page as somebody who has given a name."""
    session.hold(store)

    def run(**query: str) -> AppTest:
        at = AppTest.from_string("from collab.ui import page_data\npage_data.draw()", default_timeout=20)
        at.session_state["annotator"] = "ann"
        at.query_params.update(query)
        return at.run()

    return run


def free(store: Store, project: Project) -> list[int]:
    return [row.item for row in store.pool(project.id) if not row.reserved]


def test_a_search_says_that_the_index_of_words_is_being_made_until_it_is(
    open_page: Open, store: Store, project: Project
) -> None:
    at = open_page()
    assert "index of words" not in texts(at)
    at.text_input[0].set_value("umber").run()
    assert "index of words is still being made" in texts(at)
    last = 0
    while last := store.index_text(project.id, last):
        pass
    at.run()
    assert "index of words" not in texts(at)
    assert "Nothing found" in texts(at)


def test_all_that_was_found_is_answered_at_once_and_taken_back_as_one(
    open_page: Open, store: Store, project: Project
) -> None:
    at = open_page()
    at.text_input[0].set_value("number").run()
    click(at, "Answer many at once")
    at.session_state["bulk-answer"] = "Yes"
    at.run()
    n = len(free(store, project)) - 1
    assert f"Items that would be answered: **{n}**. Left alone: 1 that others have" in texts(at)

    click(at, f"Answer {n} with Yes")
    assert not at.exception
    assert [store.decision(item).answer for item in free(store, project)] == [("No",)] + [("Yes",)] * n  # type: ignore[union-attr]
    assert "Done." in texts(at)

    at = open_page(part="batches")
    assert f"**{n} items: Yes**" in texts(at)
    assert "by the words “number”" in texts(at)
    click(at, f"Undo all {n}")
    assert f"Undone: {n} answers were taken back." in texts(at)
    assert [store.decision(item) for item in free(store, project)[1:]] == [None] * n


def test_a_search_says_what_the_model_says_and_that_nothing_fits(open_page: Open, project: Project) -> None:
    at = open_page()
    at.slider[0].set_value((90, 100)).run()
    assert set(at.dataframe[0].value["The model says"].str.split().str[0]) == {"Yes", "No"}
    assert "set aside for checking the model" in texts(at)
    at.text_input[0].set_value("nowhere").run()
    assert "Nothing found" in texts(at)


def test_a_map_is_asked_for_where_there_is_none_and_says_how_it_was_made(
    open_page: Open, store: Store, project: Project
) -> None:
    at = open_page(part="map")
    assert "No map yet" in texts(at)
    click(at, "Make the map")
    (job,) = store.jobs(project.id)
    assert job.kind == mapping.JOB


@pytest.mark.browser
def test_what_a_lasso_encircles_is_listed(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory, store: Store, project: Project
) -> None:
    mapping.make_map(store, project, 1, lambda *_: False, 1)
    store.add_annotator("ann")
    log = tmp_path_factory.mktemp("map") / "server.log"
    with serve("tests.ui.harness.pages:app", log, COLLAB_HARNESS=str(store.workspace)) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 1200}, locale="en-US")
        page.goto(f"{address}/data?part=map")
        name = page.get_by_label("Your name")
        name.or_(page.locator("canvas[data-points]")).first.wait_for()
        if name.count():
            name.fill("ann")
            name.press("Enter")
        canvas = page.locator("canvas[data-points]")
        expect(canvas).to_have_attribute("data-points", str(len(free(store, project))))
        canvas.focus()
        page.keyboard.press("Enter")  # all that is in view
        expect(page.get_by_text(f"{len(free(store, project))} items are encircled")).to_be_visible()
        box = canvas.bounding_box()
        assert box is not None
        x, y = box["x"] + 0.1 * box["width"], box["y"] + 0.05 * box["height"]
        page.mouse.move(x, y)
        page.mouse.down()
        for to in ((0.9, 0.05), (0.9, 0.5), (0.1, 0.5)):
            page.mouse.move(box["x"] + to[0] * box["width"], box["y"] + to[1] * box["height"], steps=9)
        page.mouse.up()
        expect(page.get_by_text(f"{len(free(store, project))} items are encircled")).to_be_hidden()
        expect(page.get_by_text("items are encircled")).to_be_visible()
        page.close()
