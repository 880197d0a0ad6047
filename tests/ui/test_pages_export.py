"""The page Export: the report is made on a click, and fetched by links that nobody else can make."""

from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.store import Store
from collab.ui import session
from collab.ui.grants import read_download
from tests.conftest import MakeProject

PAGE = "from collab.ui import page_export, pieces\nwith pieces.errors_told():\n    page_export.draw()\n"


@pytest.fixture
def opened(store: Store, make_project: MakeProject) -> AppTest:
    session.hold(store)
    make_project(5, name="Re/*views*")
    at = AppTest.from_string(PAGE, default_timeout=20)
    at.session_state["annotator"] = "ann"
    return at.run()


def made(at: AppTest) -> AppTest:
    return next(b for b in at.button if b.label == "Make the report").click().run()


def links(at: AppTest) -> list[str]:
    return [e.proto.url for e in at.get("link_button")]


@pytest.mark.slow
def test_before_a_click_there_is_no_report(opened: AppTest, store: Store) -> None:
    assert not opened.exception
    assert links(opened) == []


@pytest.mark.slow
def test_a_click_makes_the_report_to_read_and_to_compute_with(opened: AppTest, store: Store) -> None:
    at = made(opened)
    assert not at.exception
    names = [urlsplit(link).path.partition("/download/")[2] for link in links(at)]
    assert [PurePosixPath(name).suffix for name in names] == [".html", ".json"]
    texts = [store.file(name).read_text("utf-8") for name in names]
    assert "Re/*views*" in texts[0]
    assert '"project": "Re/*views*"' in texts[1]


@pytest.mark.slow
def test_its_links_are_signed(opened: AppTest, store: Store) -> None:
    link = urlsplit(links(made(opened))[0])
    name = link.path.partition("/download/")[2]
    assert read_download(store.secret(), parse_qs(link.query)["t"][0], name) is not None
