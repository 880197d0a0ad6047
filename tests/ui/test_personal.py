"""What a browser gets, byte for byte: nothing personal for an annotator, on any route and on any page."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from collab.domain.access import Person
from collab.domain.annotation import Annotation
from collab.domain.project import Field, LoopPolicy, Project
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from collab.loop import annotating
from collab.ui import session
from collab.ui.grants import Grant, issue_grant, issue_session, session_cookie
from collab.ui.routes import routes
from tests.samples import YES_NO
from tests.ui.test_routes import message

FAR = 10**15
PEOPLE = {"annotator": False, "adjudicator": False, "lead": True}
"""Roles, and whether they see what is personal."""


@pytest.fixture
def project(store: Store) -> Project:
    fields = (Field("text"), Field("family", personal=True), Field("patient", role="id", personal=True))
    made = store.create_project("Ward", fields, YES_NO, LoopPolicy(encoder="hashing"), 1)
    opened = store.begin_import(made.id, "ward.csv", "nothing", 1)
    rows = [
        NewItem(f"Quux-{n}", {"text": f"coughs {n}", "family": f"Maria {n}"}, f"{n:032x}", n / 9, {"home": f"Elm {n}"})
        for n in range(9)
    ]
    store.add_items(opened, rows)
    store.finish_import(opened, ImportReport(added=9, columns=("text", "family", "patient", "home")), 0.0, 500, 2)
    store.save_fields(made.id, (*fields, Field("home", role="metadata", personal=True)))
    store.set_sign_in_way("accounts")
    for who in PEOPLE:
        store.save_person(Person(who))
        store.set_role(made.id, who, who)  # type: ignore[arg-type]  # each is a role
        store.start_session(session_id(who), who, session.now(), FAR)
        for item in store.stream_items(made.id)[:2]:
            said = Annotation(f"act {who} {item.id}", made.id, item.id, who, "answer", 0, ("Yes",))
            annotating.submit(store, said, "", 1000)
    return store.project(made.id)


def session_id(who: str) -> str:
    """As the store knows the session whose token is the name."""
    return hashlib.sha256(who.encode()).hexdigest()


def telling(text: str) -> list[str]:
    return [word for word in ("Maria", "Quux", "Elm") if word in text]


@pytest.fixture
def post(store: Store) -> Iterator[Callable[..., str]]:
    with TestClient(Starlette(routes=routes(store))) as client:

        def send(who: str, project: int, route: str, body: object) -> str:
            client.cookies = {session_cookie(store.secret()): issue_session(store.secret(), who)}
            grant = issue_grant(store.secret(), Grant(who, project, session=session_id(who)))
            reply = client.post(f"/api/v1/{route}", json=body, headers={"Authorization": f"Bearer {grant}"})
            assert reply.status_code == 200, reply.text
            return reply.text

        yield send


@pytest.mark.parametrize("who", PEOPLE)
def test_no_route_tells_what_is_personal(post: Callable[..., str], project: Project, who: str) -> None:
    for route, body in (("sync", message(want=6)), ("history", {"limit": 9})):
        told = post(who, project.id, route, body)
        assert "coughs" in told
        assert telling(told) == (["Maria", "Quux"] if PEOPLE[who] else [])
        assert ("family" in told) == PEOPLE[who]


@pytest.mark.slow
@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("page", ["data", "answers"])
def test_no_page_tells_what_is_personal(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch, who: str, page: str
) -> None:
    session.hold(store)
    monkeypatch.setattr(session, "cookie_session", lambda: session_id(who))
    script = f"from collab.ui import page_{page}, pieces\nwith pieces.errors_told():\n    page_{page}.draw()\n"
    at = AppTest.from_string(script, default_timeout=20).run()
    assert not at.exception
    told = "".join(frame.value.to_csv() for frame in at.dataframe) + str(at.main)
    assert "coughs" in told
    assert bool(telling(told)) is PEOPLE[who]
