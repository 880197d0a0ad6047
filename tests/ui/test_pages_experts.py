"""The page Agreement: what it tells of everybody, of each to the lead alone, and a norming round from end to end."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.access import Person
from collab.domain.annotation import Annotation
from collab.domain.project import LoopPolicy, Project
from collab.domain.store import Store
from collab.engine.assurance import Estimate, share_of
from collab.loop import annotating, norming, settling
from collab.loop.agreeing import Agreement, Reliability
from collab.ui import page_experts, session
from tests.conftest import MakeProject
from tests.samples import YES_NO

NOW = 1_700_000_000_000


def given(store: Store, project: Project, who: str, item: int, answer: str, purpose: str = "query") -> None:
    """An answer as if it had been asked so."""
    act = Annotation(annotating.new_id(), project.id, item, who, "answer", NOW, (answer,), purpose=purpose, seconds=3.0)
    act = replace(act, schema_version=1)
    store.append(act.event())
    settling.apply(store, project, act)


@pytest.fixture
def opened(store: Store) -> Callable[[str], AppTest]:
    session.hold(store)

    def run(who: str) -> AppTest:
        at = AppTest.from_string(
            "from collab.ui import page_experts, pieces\nwith pieces.errors_told():\n    page_experts.draw()\n",
            default_timeout=20,
        )
        at.session_state["annotator"] = who
        return at.run()

    return run


def texts(at: AppTest) -> str:
    return "\n".join(str(e.value) for kind in (at.title, at.header, at.markdown, at.caption) for e in kind)


def test_agreement_is_told_with_its_range_or_with_why_there_is_none() -> None:
    told = Agreement(Estimate(0.62, 0.4, 0.8, 80), 80, 3, 0)
    assert "alpha is **0.62** (0.40 to 0.80), on 80 items that 3 people" in page_experts.alpha(told)
    assert "Too few items yet: 12 of 100" in page_experts.alpha(Agreement(None, 12, 2, 0))
    assert "name one class" in page_experts.alpha(Agreement(None, 120, 2, 0))


def test_a_row_says_no_range_of_few_items() -> None:
    few = Reliability("Ann", 6, 5, share_of(5, 6))
    assert page_experts.row(few) == ["Ann", "5 of 6, too few", "not known"]
    many = Reliability("Ann", 60, 48, share_of(48, 60), {("Yes",): {("No",): 12, ("Yes",): 48}}, 2.5)
    assert page_experts.row(many) == ["Ann", "48 of 60 (68 to 88%)", "2.5 s"]
    assert page_experts.confused(many, Project(1, "", (), YES_NO, LoopPolicy())) == [["Yes", "No", "12"]]


@pytest.mark.slow
def test_the_page_tells_of_everybody_of_each_and_of_oneself(
    store: Store, make_project: MakeProject, opened: Callable[[str], AppTest]
) -> None:
    project = make_project(100, policy=LoopPolicy(annotations_per_item=2))
    with store.transaction():
        for number, row in enumerate(store.pool(project.id)):
            given(store, project, "ann", row.item, "Yes" if number % 2 else "No")
            given(store, project, "bob", row.item, "Yes" if number % 2 or number < 16 else "No")
    at = opened("ann")
    assert not at.exception
    assert "You said what others say most often on **92 of 100** items" in texts(at)
    assert {"Each annotator", "Every two people"} <= {h.value for h in at.header}
    assert "alpha is **0." in texts(at)


@pytest.mark.slow
def test_a_round_is_held_on_the_page(store: Store, make_project: MakeProject, opened: Callable[[str], AppTest]) -> None:
    project = make_project(40)

    def click(at: AppTest, label: str) -> AppTest:
        at = next(b for b in at.button if b.label == label).click().run()
        assert not at.exception
        return at

    at = click(opened("lea"), "Begin a round")
    (round_,) = store.normings(project.id)
    assert len(round_.items) == 20
    for who, odd in (("ann", "Yes"), ("bob", "No")):
        for number, item in enumerate(round_.items):
            given(store, project, who, item, odd if number < 3 else "Yes" if number % 2 else "No", "norming")
    store.add_annotator("cy")
    at = opened("lea")
    assert "2 of 3 people have answered all 20" in texts(at)
    assert "**2 of 3** have answered every item." in texts(at)
    assert not at.dataframe  # nobody sees an answer
    at = click(at, "All the same")
    assert "People differ on 3 of 20 items." in texts(at)
    assert list(at.dataframe[0].value.columns) == ["Item", "ann", "bob"]
    at.text_input[0].set_value("Read the second sentence.")
    at = click(at, "Write")
    assert "Read the second sentence" in texts(at)
    at = click(at, "All the same")
    assert "Round 1 is closed." in texts(at)
    assert norming.agreed(store, project, 1).people == 2


@pytest.mark.slow
def test_who_was_not_in_a_round_is_told_so(
    store: Store, make_project: MakeProject, opened: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(40)
    store.set_sign_in_way("accounts")
    store.save_person(Person("cy"))
    store.set_role(project.id, "cy", "annotator")
    store.start_session("session", "cy", NOW, 10**15)
    monkeypatch.setattr(session, "cookie_session", lambda: "session")
    assert "No round is under way. A lead of the project begins one." in texts(opened("cy"))

    round_ = norming.begin(store, project, "lea", "begin", NOW, size=5)
    for who in ("ann", "bob"):
        for item in round_.items:
            given(store, project, who, item, "Yes", "norming")
    norming.move(store, project, 1, "open", "lea", "open", NOW)
    at = opened("cy")
    assert "You answered nothing in this round." in texts(at)
    assert "People differ" not in texts(at)
    assert not at.dataframe

    norming.move(store, project, 1, "again", "lea", "again", NOW)
    at = opened("cy")
    assert "0 of 2 people have answered all 5. Only who answered before is asked again; you did not." in texts(at)
    assert "Answer on the card" not in [b.label for b in at.button]
