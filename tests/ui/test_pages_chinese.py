"""Every page in Chinese, without a browser: nothing of it is English but names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from streamlit.testing.v1 import AppTest

from collab.domain.project import LabelSchema, classes_from_names
from collab.domain.store import Store
from collab.errors import StoreReadOnly
from collab.loop import annotating
from collab.ui import session
from tests.conftest import MakeProject
from tests.samples import answer_of, row

HERE = Path(session.__file__).parent
PAGES = sorted(path.stem for path in HERE.glob("page_*.py"))
PARTS = {"page_import": ("page_data", {"part": "import"})}
"""What is drawn by another page."""
SCRIPT = "from collab.ui import {page}, pieces, speaking, words\nwords.speak_else(speaking.found)\n"
SCRIPT += "with pieces.errors_told():\n    {page}.draw()\n"
MOOD = LabelSchema("这条评论是什么情绪？", classes_from_names(("好", "坏")))
ENGLISH = re.compile(r"\b(?!collab )[A-Za-z']{2,} [a-z']{2,} [a-z']{2,}[^\"]{0,60}")
"""Three words of English in a row, as no name, unit or format has; commands are named as they are typed."""


def told(at: AppTest) -> str:
    """All that a page hands to the browser; of a component its data, without its scripts."""
    given = (
        getattr(proto, "json", "") or text_format.MessageToString(proto, as_utf8=True) for proto in _protos(at._tree)
    )
    return "\n".join(given)


def _protos(node: Any) -> Iterator[Any]:  # a block or an element: Streamlit has no public type for either
    if getattr(node, "proto", None) is not None:
        yield node.proto
    for child in getattr(node, "children", {}).values():
        yield from _protos(child)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_no_english_is_left_on_a_page_in_chinese(store: Store, make_project: MakeProject, page: str) -> None:
    session.hold(store)
    project = make_project([row(n, f"第{n}条评论") for n in range(1, 31)], mark=0.3, name="评论", schema=MOOD)
    for number, each in enumerate(store.pool(project.id)[:6]):
        annotating.submit(store, answer_of(project.id, each.item, "好" if number % 2 else "坏"), "tab", 1000 + number)
    name, query = PARTS.get(page, (page, {}))
    at = AppTest.from_string(SCRIPT.format(page=name), default_timeout=20)
    at.session_state["annotator"] = at.session_state["language_of"] = "ann"
    at.session_state["language"] = "zh"
    at.query_params.update(query)
    at.run()
    assert not at.exception
    assert ENGLISH.findall(told(at)) == []


@pytest.mark.slow
def test_a_language_that_was_chosen_is_spoken_at_once_and_wherever_its_person_comes_back(store: Store) -> None:
    session.hold(store)
    at = AppTest.from_file(str(HERE / "navigation.py"), default_timeout=20)
    store.add_annotator("ann")
    at.session_state["annotator"] = "ann"
    at.run()
    assert at.title[0].value == "Projects"
    at.button(key="say-zh").click().run()
    assert (at.title[0].value, store.person("ann").language) == ("项目", "zh")
    again = AppTest.from_file(str(HERE / "navigation.py"), default_timeout=20).run()
    again.text_input[0].set_value("ann")
    next(b for b in again.button if b.label == "Go on").click().run()
    assert again.title[0].value == "项目"


@pytest.mark.slow
def test_trouble_is_told_in_chinese(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreReadOnly("collab.db")

    session.hold(store)
    monkeypatch.setattr(type(store), "projects", fail)
    at = AppTest.from_string(SCRIPT.format(page="page_home"), default_timeout=20)
    at.session_state["annotator"] = at.session_state["language_of"] = "ann"
    at.session_state["language"] = "zh"
    at.run()
    assert "请给予此帐户对该文件及其文件夹的写入权限" in at.error[0].value
