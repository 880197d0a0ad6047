"""Images over HTTP: by signed links that tell nothing, run out, and can be had anew."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collab.domain.access import Person
from collab.domain.media import thumb_of, view_of
from collab.domain.project import Field, Project
from collab.domain.store import Store
from collab.loop.admitting import digest
from collab.ui.grants import DAY, Grant, issue_grant, issue_media, issue_session, may_see, session_cookie
from collab.ui.routes import routes
from tests.ui.harness.pictures import keep, picture_project, picture_row

FIELDS = (Field("front", "image"), Field("title"), Field("back", "image"), Field("price", "number"))
SECRET = b"a key"
NAME = "media/3f/3f00.thumb.webp"


@pytest.fixture
def name(store: Store) -> str:
    return keep(store, 7, 640, 400)


@pytest.fixture
def project(store: Store, name: str) -> Project:
    row = picture_row(1, {"front": name, "title": "A cup", "back": "", "price": 3.0})
    return picture_project(store, [row], FIELDS)


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(store))) as opened:
        yield opened


def bearer(store: Store, project: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_grant(store.secret(), Grant('ann', project))}"}


def sync(client: TestClient, store: Store, project: int) -> dict[str, Any]:
    message = {"tab": "t", "want": 1, "have": [], "on_screen": None, "ranking": 0, "idle": False, "answers": []}
    sent: dict[str, Any] = client.post("/api/v1/sync", json=message, headers=bearer(store, project)).json()
    return sent


def test_the_card_gets_images_in_the_order_of_the_fields_and_is_told_where_one_lacks(
    client: TestClient, store: Store, project: Project
) -> None:
    (ask,) = sync(client, store, project.id)["asks"]
    assert [(f["name"], f["kind"]) for f in ask["fields"]] == [("front", "image"), ("title", "text"), ("back", "image")]
    assert (ask["fields"][2]["thumb"], ask["fields"][2]["view"], ask["meta"]) == ("", "", [["price", "3"]])


def test_the_links_of_an_ask_show_the_view_and_its_thumbnail(
    client: TestClient, store: Store, project: Project, name: str
) -> None:
    front = sync(client, store, project.id)["asks"][0]["fields"][0]
    view, thumb = client.get(front["view"]), client.get(front["thumb"])
    assert view.content == store.file(view_of(name)).read_bytes()
    assert thumb.content == store.file(thumb_of(name)).read_bytes()
    assert {k: view.headers[k] for k in ("content-type", "cache-control", "x-content-type-options")} == {
        "content-type": "image/webp",
        "cache-control": "private, max-age=86400, immutable",
        "x-content-type-options": "nosniff",
    }
    assert view.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_link_tells_the_project_and_a_day_and_nothing_of_the_item(
    client: TestClient, store: Store, project: Project
) -> None:
    link = sync(client, store, project.id)["asks"][0]["fields"][0]["view"]
    assert re.fullmatch(r"/api/v1/media/[0-9a-f]{2}/[0-9a-f]{32}\.view\.webp\?t=1\.\d{5}\.[0-9a-f]{32}", link)


def test_without_a_good_link_an_image_is_not_shown(
    client: TestClient, store: Store, project: Project, name: str
) -> None:
    view, other = view_of(name), view_of(keep(store, 8))
    token = issue_media(store.secret(), project.id, view, time.time())
    assert client.get(f"/api/v1/{view}").status_code == 403
    assert client.get(f"/api/v1/{other}", params={"t": token}).status_code == 403
    late = issue_media(store.secret(), project.id, view, time.time() - 3 * DAY)
    assert client.get(f"/api/v1/{view}", params={"t": late}).status_code == 403
    gone = view.replace(view[6:8], "00", 1).replace(".view", "00.view")
    token = issue_media(store.secret(), project.id, gone, time.time())
    assert client.get(f"/api/v1/{gone}", params={"t": token}).json() == {"error": "There is no such image here."}


def test_the_original_has_no_link_of_its_own(client: TestClient, store: Store, project: Project, name: str) -> None:
    store.write_file(name, iter([b"with its GPS"]))
    token = issue_media(store.secret(), project.id, name, time.time())
    assert client.get(f"/api/v1/{name}", params={"t": token}).status_code == 403


def test_a_link_ends_with_its_project(client: TestClient, store: Store, project: Project) -> None:
    link = sync(client, store, project.id)["asks"][0]["fields"][0]["view"]
    store.delete_project(project.id, 9)
    assert client.get(link).status_code == 404


def test_a_link_stays_the_same_all_day_and_is_good_for_one_to_two_days() -> None:
    morning, evening = 20_000.1 * DAY, 20_000.9 * DAY
    token = issue_media(SECRET, 4, NAME, morning)
    assert token == issue_media(SECRET, 4, NAME, evening)
    assert [may_see(SECRET, token, NAME, evening + days * DAY) for days in (0, 1, 1.2)] == [4, 4, None]
    assert may_see(b"another key", token, NAME, evening) is None


def test_a_link_that_has_run_out_is_had_anew_by_a_card_of_its_project_alone(
    client: TestClient, store: Store, project: Project, name: str
) -> None:
    view = view_of(name)
    old = f"/api/v1/{view}?t={issue_media(store.secret(), project.id, view, time.time() - 9 * DAY)}"
    fresh = client.post("/api/v1/media", json={"link": old}, headers=bearer(store, project.id)).json()["link"]
    assert client.get(fresh).status_code == 200
    assert client.post("/api/v1/media", json={"link": old}, headers=bearer(store, 99)).status_code == 422
    forged = old[:-1] + ("0" if old[-1] != "0" else "1")
    assert client.post("/api/v1/media", json={"link": forged}, headers=bearer(store, project.id)).status_code == 422
    assert client.post("/api/v1/media", json={"link": old}).status_code == 401


def test_a_link_is_had_anew_only_by_those_who_may_see_every_image(store: Store, name: str) -> None:
    fields = (Field("front", "image"), Field("back", "image", personal=True))
    project = picture_project(store, [picture_row(1, {"front": name, "back": ""})], fields)
    view = view_of(name)
    link = f"/api/v1/{view}?t={issue_media(store.secret(), project.id, view, time.time())}"
    store.set_sign_in_way("accounts")
    with TestClient(Starlette(routes=routes(store))) as client:
        for who, status in (("lead", 200), ("adjudicator", 422)):
            store.save_person(Person(who))
            store.start_session(digest(who), who, 1, 10**15)
            store.set_role(project.id, who, who)  # type: ignore[arg-type]  # each is a role
            client.cookies = {session_cookie(store.secret()): issue_session(store.secret(), who)}
            grant = issue_grant(store.secret(), Grant(who, project.id, session=digest(who)))
            reply = client.post("/api/v1/media", json={"link": link}, headers={"Authorization": f"Bearer {grant}"})
            assert reply.status_code == status


def test_links_stand_under_the_prefix_of_the_app(store: Store, project: Project) -> None:
    with TestClient(Starlette(routes=routes(store, "/lab"))) as client:
        message = {"tab": "t", "want": 1, "have": [], "on_screen": None, "ranking": 0, "idle": False, "answers": []}
        headers = bearer(store, project.id)
        ask = client.post("/lab/api/v1/sync", json=message, headers=headers).json()["asks"][0]
        view = ask["fields"][0]["view"]
        assert client.get(view).status_code == 200
        assert client.post("/lab/api/v1/media", json={"link": view}, headers=headers).json() == {"link": view}
