"""Walks every route with every role, over real HTTP: a grant opens nothing without its session, and a session nothing
without its grant."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collab.domain.access import RIGHTS, ROLES, AccessFilter, Person, Right
from collab.domain.project import Field, LoopPolicy, Project
from collab.domain.run import ImportReport
from collab.domain.store import Store
from collab.domain.suspect import Suspect
from collab.loop import handing_out, reviewing
from collab.loop.admitting import digest
from collab.storage.database import open_store
from collab.ui.grants import (
    Download,
    Grant,
    issue_download,
    issue_grant,
    issue_media,
    issue_session,
    session_cookie,
)
from collab.ui.routes import routes
from tests.samples import YES_NO, rows

FAR = 10**15
NOW = 10**14
STRANGERS = ("stranger", "disabled", "ended", "erased")
IMAGE = "media/ab/" + "ab" * 20 + ".view.webp"
FILE = "exports/1-reviews.csv"
PUBLIC = {"/healthz", "/api/v1/sign-in"}


class Walk:
    """Requests to every route as the page of a person makes them."""

    def __init__(self, client: TestClient, store: Store, project: Project) -> None:
        self.client, self.store, self.project, self.secret = client, store, project, store.secret()

    def ask(self, path: str, who: str, holds: str | None = None) -> tuple[int, str]:
        """The status and the sentence of what comes back, where the browser holds the session of somebody."""
        cookie = issue_session(self.secret, holds or who) if holds != "" else "nothing"
        self.client.cookies = {session_cookie(self.secret): cookie}
        session, number = digest(who), self.project.id
        if path.endswith("/media/{name:path}"):
            note = issue_media(self.secret, number, IMAGE, time.time())
            reply = self.client.get(f"/api/v1/{IMAGE}", params={"t": note})
        elif path.endswith("/download/{name:path}"):
            link = issue_download(self.secret, Download(FILE, number, "export", who, session))
            reply = self.client.get(f"/api/v1/download/{FILE}", params={"t": link})
        else:
            grant = issue_grant(self.secret, Grant(who, number, session=session))
            reply = self.client.post(path, json=BODIES.get(path, {}), headers={"Authorization": f"Bearer {grant}"})
        return reply.status_code, json.loads(reply.text)["error"] if reply.status_code >= 400 else ""


SYNC = {"tab": "t", "want": 1, "have": [], "on_screen": None, "ranking": 0, "idle": False, "answers": []}
BODIES = {
    "/api/v1/sync": SYNC, "/api/v1/review": SYNC, "/api/v1/look": {"item": 1},
    "/api/v1/media": {"link": "/api/v1/media/x"},
    "/api/v1/why": {"tab": "t", "ask": 1},
}  # fmt: skip
RIGHT_OF: dict[str, Right] = {
    "/api/v1/sync": "annotate", "/api/v1/history": "see", "/api/v1/why": "annotate", "/api/v1/media": "see",
    "/api/v1/review": "review", "/api/v1/reviewed": "review", "/api/v1/look": "review",
    "/api/v1/media/{name:path}": "see", "/api/v1/download/{name:path}": "export",
}  # fmt: skip


DOWNLOAD = "/api/v1/download/{name:path}"
ANOTHER = "This link was given in another sign-in. Open the page again and take your own."


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A project with an image and a file, and somebody of every role and of every kind that has none."""
    store = open_store(tmp_path_factory.mktemp("rights") / "workspace")
    made = filled(store, "Reviews")
    store.write_file(IMAGE, iter([b"picture"]))
    store.write_file(FILE, iter([b"text,answer\n"]))
    store.set_sign_in_way("accounts")
    for name in (*ROLES, *STRANGERS):
        store.save_person(Person(name))
        store.start_session(digest(name), name, 1, 2 if name == "ended" else FAR)
        store.set_role(made.id, name, name if name in ROLES else None if name == "stranger" else "admin")
    store.save_person(replace(store.person("disabled"), disabled=True))
    store.end_sessions("erased")
    store.rename_person("erased", "person 1")
    with TestClient(Starlette(routes=routes(store))) as client:
        yield Walk(client, store, made)
    store.close()


def filled(store: Store, name: str) -> Project:
    """A project of a few items."""
    made = store.create_project(name, (Field("text"),), YES_NO, LoopPolicy(encoder="hashing"), 1)
    opened = store.begin_import(made.id, "reviews.csv", "nothing", 1)
    store.add_items(opened, rows(10))
    store.finish_import(opened, ImportReport(added=10), 0.0, 500, 2)
    return made


def test_every_route_is_walked(walk: Walk) -> None:
    known = {route.path for route in routes(walk.store)}  # type: ignore[attr-defined]  # each is a Route
    assert known - PUBLIC == set(RIGHT_OF)


@pytest.mark.parametrize("path", RIGHT_OF)
def test_a_route_opens_to_those_who_have_its_right(walk: Walk, path: str) -> None:
    for who in ROLES:
        status, said = walk.ask(path, who)
        if RIGHT_OF[path] in RIGHTS[who]:
            assert status in (200, 422), (who, said)  # 422: it was opened, and there is no such ask or image
        else:
            assert (status, said[-21:]) == (403, "Ask an administrator.")
            assert walk.store.accesses(wanted=AccessFilter(person=who))[0][1].act == "refused"


@pytest.mark.parametrize("path", RIGHT_OF)
def test_a_route_opens_to_nobody_else(walk: Walk, path: str) -> None:
    status, said = walk.ask(path, "stranger")
    assert status in (403, 404, 422)
    assert said.startswith(("Your role here", "There is no"))
    ended = "You are signed out. Sign in again; answers that aren't saved yet wait in this browser."
    shut = "Your account is shut: nothing more is saved, and nothing is sent. Ask an administrator."
    assert walk.ask(path, "ended") == (401, ended)
    image = path == "/api/v1/media/{name:path}"  # shown by the cookie, which is nobody's any more
    for who in ("disabled", "erased"):
        assert walk.ask(path, who) == (401, ended if image else shut)
        status, said = walk.ask(path, who, "annotator")  # a stranger's guess
        assert (status, said) == ((200, "") if image else (403, ANOTHER) if path == DOWNLOAD else (401, ended))


@pytest.mark.parametrize("path", [path for path in RIGHT_OF if path != "/api/v1/media/{name:path}"])
@pytest.mark.parametrize("holds", ["", "annotator", "a session that was never begun"])
def test_a_grant_or_a_link_alone_is_worth_nothing(walk: Walk, path: str, holds: str) -> None:
    status, said = walk.ask(path, "admin", holds)
    assert status == (403 if (path, holds) == (DOWNLOAD, "annotator") else 401)
    assert (said == ANOTHER) == (status == 403)
    entry = walk.store.accesses(wanted=AccessFilter(person="admin"))[0][1]
    assert (entry.act, entry.detail["why"]) == ("refused", "the browser holds another session")


def test_an_image_is_for_those_who_are_signed_in_and_members(walk: Walk) -> None:
    for holds, status in (("", 401), ("made up", 401), ("stranger", 403), ("annotator", 200)):
        assert walk.ask("/api/v1/media/{name:path}", "admin", holds)[0] == status


def test_a_cookie_alone_or_a_forged_grant_opens_no_route(walk: Walk) -> None:
    walk.client.cookies = {session_cookie(walk.secret): issue_session(walk.secret, "admin")}
    forged = issue_grant(b"another secret", Grant("admin", walk.project.id, session=digest("admin")))
    for headers in ({}, {"Authorization": f"Bearer {forged}"}, {"Authorization": "Basic YTpi"}):
        for path in ("sync", "history", "why", "media"):
            assert walk.client.post(f"/api/v1/{path}", json={}, headers=headers).status_code == 401


def test_a_forged_cookie_is_no_session(walk: Walk) -> None:
    walk.client.cookies = {session_cookie(walk.secret): issue_session(b"another secret", "annotator")}
    note = issue_media(walk.secret, walk.project.id, IMAGE, time.time())
    assert walk.client.get(f"/api/v1/{IMAGE}", params={"t": note}).status_code == 401


def test_a_grant_for_names_on_trust_ends_with_the_first_account(walk: Walk) -> None:
    grant = {"Authorization": f"Bearer {issue_grant(walk.secret, Grant('admin', walk.project.id))}"}
    walk.client.cookies = {session_cookie(walk.secret): issue_session(walk.secret, "admin")}
    assert walk.client.post("/api/v1/history", json={}, headers=grant).status_code == 401


def test_an_item_of_another_project_is_answered_nowhere(walk: Walk) -> None:
    item = next(iter(walk.store.pool(filled(walk.store, "Other").id))).item
    entry = {
        "id": str(uuid.uuid4()), "ask": None, "item": item, "kind": "answer", "answer": ["Yes"], "note": "",
        "target": None, "seconds": 1, "shown": None, "schema_version": 1,
    }  # fmt: skip
    body = {**SYNC, "answers": [entry]}
    grant = issue_grant(walk.secret, Grant("lead", walk.project.id, session=digest("lead")))
    walk.client.cookies = {session_cookie(walk.secret): issue_session(walk.secret, "lead")}
    reply = walk.client.post("/api/v1/sync", json=body, headers={"Authorization": f"Bearer {grant}"}).json()
    assert reply["refused"] == [{"id": entry["id"], "message": f"There is no item {item}.", "gone": False}]
    noted = walk.store.accesses(walk.project.id, AccessFilter(person="lead", act="refused"))[0][1]
    assert (noted.what, noted.detail) == ("exchanging.exchange", {"why": "an item or an answer that isn't theirs"})
    assert walk.store.current(item) == []


def test_a_second_look_is_answered_by_the_one_it_is_for_while_they_may(walk: Walk) -> None:
    store, made = walk.store, filled(walk.store, "Looked at again")
    for name in ("lead", "adjudicator", "annotator"):
        store.set_role(made.id, name, name)  # type: ignore[arg-type]  # each is a role
    first = handing_out.hand_out(
        store, made, "lead", "t", want=1, have=(), on_screen=None, ranking=0, now=NOW
    ).asks[0]  # fmt: skip
    answered = said(walk, made, "lead", first.id, first.item)
    assert answered["refused"] == []
    store.put_suspects(made.id, ("error",), [Suspect(first.item, "error", 0.9)], NOW)
    look = reviewing.hand_out(
        store, made, "adjudicator", "t", want=1, have=(), on_screen=None, kind="error", now=NOW
    ).asks[0]  # fmt: skip
    assert len(said(walk, made, "annotator", look.id, first.item)["refused"]) == 1
    store.set_role(made.id, "adjudicator", "annotator")
    assert len(said(walk, made, "adjudicator", look.id, first.item)["refused"]) == 1
    assert set(said(walk, made, "adjudicator", look.id, first.item, "review")) == {"error"}
    assert store.second_looks(first.item) == []
    store.set_role(made.id, "adjudicator", "adjudicator")
    assert said(walk, made, "adjudicator", look.id, first.item)["refused"] == []
    assert [each.annotator for each in store.second_looks(first.item)] == ["adjudicator"]


def said(walk: Walk, project: Project, who: str, ask: int, item: int, path: str = "sync") -> dict[str, object]:
    """What comes back to an answer over one of the routes."""
    entry = {
        "id": str(uuid.uuid4()), "ask": ask, "item": item, "kind": "answer", "answer": ["Yes"], "note": "",
        "target": None, "seconds": 1, "shown": None, "schema_version": 1,
    }  # fmt: skip
    return posted(walk, project, who, {**SYNC, "answers": [entry]}, path).json()  # type: ignore[no-any-return]


def posted(walk: Walk, project: Project, who: str, body: object, path: str = "sync") -> httpx.Response:
    """What comes back to a message of somebody who is signed in."""
    walk.client.cookies = {session_cookie(walk.secret): issue_session(walk.secret, who)}
    grant = issue_grant(walk.secret, Grant(who, project.id, session=digest(who)))
    text = body if isinstance(body, str) else json.dumps(body)
    return walk.client.post(f"/api/v1/{path}", content=text, headers={"Authorization": f"Bearer {grant}"})
