"""Every page as each role sees it: what they may not do isn't offered, and nothing that is drawn is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.access import ROLES, AccessFilter, Person
from collab.domain.project import Project
from collab.domain.store import Store
from collab.loop import admitting, annotating
from collab.ui import session
from tests.conftest import MakeProject
from tests.samples import answer_of

NAVIGATION = Path(session.__file__).parent / "navigation.py"
FAR = 10**15
EVERYBODYS = ("home", "label", "answers", "data", "agreement", "insights")
LEADS = ("models", "certify", "export", "settings")
PAGES = {
    "annotator": EVERYBODYS, "adjudicator": (*EVERYBODYS, "review"), "lead": (*EVERYBODYS, "review", *LEADS),
    "admin": (*EVERYBODYS, "review", *LEADS, "team", "privacy"),
}  # fmt: skip
DRAWN = {"annotator": EVERYBODYS, "adjudicator": ("review", "data"), "lead": LEADS, "admin": ("team",)}
"""Those that a role is the first to see, or sees otherwise."""

Open = Callable[..., AppTest]


@pytest.fixture
def project(store: Store, make_project: MakeProject) -> Project:
    made = make_project(30, mark=0.2, name="Reviews", demo=True)
    store.set_sign_in_way("accounts")
    for name in (*ROLES, "stranger", "of all"):
        store.save_person(Person(name, admin=name == "of all"))
        store.set_password(name, "digest")
        store.start_session(f"session of {name}", name, session.now(), FAR)
        store.set_role(made.id, name, name if name in ROLES else None)
    items = [row.item for row in store.pool(made.id) if not row.reserved]
    for number, item in enumerate(items[:8]):
        who = ("annotator", "adjudicator")[number % 2]
        annotating.submit(store, answer_of(made.id, item, by=who), "", 1000 + number)
    return made


@pytest.fixture
def open_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page, or the app, as somebody whose browser holds a session."""
    session.hold(store)

    def run(who: str, page: str = "", **query: str) -> AppTest:
        monkeypatch.setattr(session, "cookie_session", lambda: f"session of {who}" if who else "")
        page = {"agreement": "experts"}.get(page, page)
        script = f"from collab.ui import page_{page}, pieces\nwith pieces.errors_told():\n    page_{page}.draw()\n"
        at = (
            AppTest.from_string(script, default_timeout=20)
            if page
            else AppTest.from_file(str(NAVIGATION), default_timeout=20)
        )
        at.query_params.update(query)
        return at.run()

    return run


def offered(at: AppTest) -> set[str]:
    return {name for name, page in at.session_state["pages"].items() if page._visibility == "visible"}


@pytest.mark.slow
@pytest.mark.parametrize(("role", "drawn"), DRAWN.items(), ids=DRAWN)
def test_a_role_sees_its_pages_and_each_draws(
    open_page: Open, project: Project, role: str, drawn: tuple[str, ...]
) -> None:
    assert offered(open_page(role)) == set(PAGES[role])
    for page in drawn:
        at = open_page(role, page)
        assert not at.exception, page
        assert not at.error, page


@pytest.mark.slow
def test_a_page_that_is_refused_is_in_the_access_log_once_for_each_opening(
    open_page: Open, store: Store, project: Project
) -> None:
    def refusals() -> list[tuple[str, int | None, object]]:
        found = store.accesses(wanted=AccessFilter(person="annotator", act="refused"))
        return [(e.what, e.project, e.detail.get("right")) for _, e in found]

    def turn(page: str) -> None:
        at._page_hash = at.session_state["pages"][page]._script_hash
        at.run()

    at = open_page("annotator")
    turn("settings")
    assert "Your role here" in at.error[0].value
    at.run()
    assert refusals() == [("page settings", project.id, "lead")]
    for page in ("home", "settings", "new"):
        turn(page)
    assert refusals() == [("page new", None, "administer"), *[("page settings", project.id, "lead")] * 2]


@pytest.mark.slow
def test_a_password_that_was_made_is_shown_until_somebody_has_noted_it(
    open_page: Open, store: Store, project: Project
) -> None:
    at = open_page("of all", "team", project=str(project.id))
    next(t for t in at.text_input if t.label == "Name").set_value("Dora")
    next(s for s in at.selectbox if s.label == "Role in Reviews").set_value("adjudicator")
    at = next(b for b in at.button if b.label == "Make the account").click().run()
    assert not at.exception
    assert store.members(project.id)["Dora"] == "adjudicator"
    at.run()
    assert "Dora" in at.success[0].value
    assert admitting.sign_in(store, "Dora", at.code[0].value, "here", session.now()).person == "Dora"
    at = next(b for b in at.button if b.label == "I have noted it").click().run()
    assert not at.success
    assert not at.code


@pytest.mark.slow
def test_a_change_of_the_password_is_told_and_a_refusal_leaves_what_was_typed(
    open_page: Open, store: Store, project: Project
) -> None:
    old, new = "seven green bottles", "eight brown kettles"
    admitting.give_password(store, "annotator", old, "of all", session.now())
    store.start_session("session of annotator", "annotator", session.now(), FAR)

    def typed(at: AppTest, *words: str) -> AppTest:
        for field, said in zip(at.sidebar.text_input, words, strict=True):
            field.set_value(said)
        return next(b for b in at.sidebar.button if b.label == "Change the password").click().run()

    at = typed(open_page("annotator"), "a wrong password", new, new)
    assert at.warning[0].value == "The present password isn't right. Nothing was changed."
    assert [t.value for t in at.sidebar.text_input] == ["a wrong password", new, new]
    at = typed(at, old, new, new)
    assert at.title[0].value == "Sign in"
    assert at.success[0].value == "Your password was changed. Sign in with the new one."


@pytest.mark.slow
def test_who_is_no_member_sees_no_project_and_cannot_make_one(open_page: Open, project: Project) -> None:
    at = open_page("stranger")
    assert not at.exception
    assert "Ask an administrator" in "".join(c.value for c in at.caption)
    assert [b.label for b in at.button if b.label == "New project"] == []
    assert "Reviews" not in str(at)
    assert offered(at) == set(EVERYBODYS)
    at._page_hash = at.session_state["pages"]["label"]._script_hash
    at.run()
    assert "Ask an administrator" in "".join(c.value for c in at.caption)
    assert ":material/person: stranger" in [c.value for c in at.sidebar.caption]
    assert "Sign out" in [b.label for b in at.sidebar.button]


@pytest.mark.slow
def test_an_annotator_is_not_told_what_others_answered(open_page: Open, store: Store, project: Project) -> None:
    at = open_page("annotator", "data")
    table = at.dataframe[0].value
    answered = {a.item for _, a in store.annotations(project.id, "annotator", 50, None)}
    refs = {store.items([item])[item].ref for item in answered}
    assert set(table.loc[table["State"] != "–"].iloc[:, 0]) == refs
    assert "open" not in set(table["State"])  # others may have settled it: that isn't told
    assert set(table["Answer"]) | set(table["Source"]) == {""}
    assert [s.label for s in at.selectbox] == []
    insights = str(open_page("annotator", "insights"))
    assert "adjudicator" not in insights


@pytest.mark.slow
def test_a_right_that_is_taken_away_counts_on_an_open_page(open_page: Open, store: Store, project: Project) -> None:
    at = open_page("adjudicator", "data")
    assert set(at.dataframe[0].value["Answer"]) > {""}
    store.set_role(project.id, "adjudicator", "annotator")
    at.run()
    assert not at.exception
    assert set(at.dataframe[0].value["Answer"]) == {""}


@pytest.mark.slow
def test_a_page_whose_session_has_ended_says_so_and_leads_to_sign_in(
    open_page: Open, store: Store, project: Project
) -> None:
    at = open_page("lead")
    store.end_session("session of lead")
    at.run()
    assert at.title[0].value == "Sign in"
    assert json.loads(at.main.get("bidi_component")[0].proto.json)["strings"]["go"] == "Sign in"


@pytest.mark.slow
def test_where_a_provider_is_wanted_and_none_is_set_up_nobody_comes_in(
    open_page: Open, store: Store, project: Project
) -> None:
    store.set_sign_in_way("oidc")
    at = open_page("lead")
    assert not at.exception
    assert at.title[0].value == "Sign in"
    next(b for b in at.button if b.label == "Sign in with your organization").click().run()
    assert not at.exception
    assert "isn’t set up on this server" in at.error[0].value
