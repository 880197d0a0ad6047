import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collab.domain.annotation import Annotation, Choices, Suggestion
from collab.domain.project import LabelClass, Project
from collab.domain.run import ImportReport, Round
from collab.domain.store import Store
from collab.errors import StoreReadOnly
from collab.ui import protocol
from collab.ui.grants import Download, Grant, issue_download, issue_grant
from collab.ui.routes import MOST_BYTES, routes
from tests.conftest import MakeProject
from tests.samples import ask_of


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project(60, mark=0.2)


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(store))) as opened:
        yield opened


def bearer(store: Store, project: int, who: str = "ann", **more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_grant(store.secret(), Grant(who, project, **more))}"}


def message(**more: Any) -> dict[str, Any]:
    return {
        "tab": "tab-1",
        "want": 4,
        "have": [],
        "on_screen": None,
        "ranking": 0,
        "idle": False,
        "answers": [],
        **more,
    }


def entry(ask: dict[str, Any], choice: str = "Yes", **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "ask": ask["id"], "item": ask["item"], "kind": "answer", "answer": [choice],
        "note": "", "target": None, "seconds": 2.5, "shown": None, "schema_version": 1, **more,
    }  # fmt: skip


def test_an_empty_card_gets_as_many_asks_as_it_wants(client: TestClient, store: Store, project: Project) -> None:
    reply = client.post("/api/v1/sync", json=message(), headers=bearer(store, project.id)).json()
    assert len(reply["asks"]) == 4
    assert reply["tally"] == {"today": 0, "decided": 0, "items": 60}
    assert reply["state"].pop("fields")
    assert reply["state"] == {
        "reading": 0.0, "checked": False, "checked_on": 0, "accept_filled": False, "exhausted": False,
        "schema_version": 1,
    }  # fmt: skip


def test_an_answer_is_stored_once_however_often_it_is_sent(client: TestClient, store: Store, project: Project) -> None:
    headers = bearer(store, project.id)
    ask = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"][0]
    sent = message(want=0, answers=[entry(ask)])
    replies = [client.post("/api/v1/sync", json=sent, headers=headers).json() for _ in range(3)]
    assert [r["acked"] for r in replies] == [[sent["answers"][0]["id"]]] * 3
    assert replies[-1]["tally"]["today"] == 1
    assert [a.answer for a in store.current(ask["item"])] == [("Yes",)]


@pytest.mark.parametrize(("sent", "kept"), [(1, 1), (2, 2), (9, 2)])
def test_an_answer_keeps_the_version_of_the_classes_that_were_on_screen(
    client: TestClient, store: Store, project: Project, sent: int, kept: int
) -> None:
    headers = bearer(store, project.id)
    ask = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"][0]
    store.save_schema(project.id, replace(project.schema, version=2))
    client.post("/api/v1/sync", json=message(answers=[entry(ask, schema_version=sent)]), headers=headers)
    assert [event.schema_version for _, event in store.log(project.id)] == [kept]


def test_a_blind_ask_never_says_why_it_was_drawn_or_what_the_model_thinks(
    client: TestClient, store: Store, project: Project
) -> None:
    items = [row.item for row in store.pool(project.id) if not row.reserved]
    asks = [ask_of(project.id, item, blind=place < 20, reason="unsure") for place, item in enumerate(items)]
    store.put_asks(project.id, asks, 1, whole=True, overlap=1)
    store.suggest(project.id, {item: Suggestion((0.9, 0.1), "1.2", "", Choices((0, 1), 0.9)) for item in items})
    headers = bearer(store, project.id)
    replies = [client.post("/api/v1/sync", json=message(tab=f"tab-{n}", want=6), headers=headers) for n in range(8)]
    blind = [ask for reply in replies for ask in reply.json()["asks"] if ask["blind"]]
    assert len(blind) > 10
    assert {ask["suggestion"] for ask in blind} == {None}
    assert len({ask["reason"] for ask in blind}) == 1
    assert {tuple(ask) for ask in blind} == {
        (
            "id",
            "blind",
            "first",
            "reason",
            "doubt",
            "chosen",
            "suggestion",
            "item",
            "digest",
            "ref",
            "fields",
            "meta",
            "lang",
            "truncated_at",
        )
    }
    told = "".join(reply.text for reply in replies)
    assert "audit" not in told
    assert "score" not in told
    assert "purpose" not in told


def _answered_first(client: TestClient, store: Store, project: Project, *, waits: bool, **more: Any) -> tuple[str, Any]:
    """An answer in a project in which people answer first: its id, and the reply to it."""
    policy = replace(project.policy, mode="answer first", blind_share=0.0, audit_schedule=(), audit_trickle=0)
    store.save_policy(project.id, policy)
    items = [row.item for row in store.pool(project.id) if not row.reserved]
    store.put_asks(project.id, [ask_of(project.id, item, **more) for item in items], 1, whole=True, overlap=1)
    headers = bearer(store, project.id)
    ask = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"][0]
    assert (ask["first"], ask["blind"], ask["suggestion"]) == (True, True, None)
    sent = entry(ask, "No")
    body = message(want=0, answers=[sent], waits=sent["id"] if waits else None)
    return sent["id"], client.post("/api/v1/sync", json=body, headers=headers)


def test_who_has_answered_first_and_waits_is_told_what_the_model_says(
    client: TestClient, store: Store, project: Project
) -> None:
    sent, reply = _answered_first(client, store, project, waits=True)
    often = {"n": 8, "bound": "about"}
    word = {"proba": [0.75, 0.25], "often": often, "model": "1.1", "footing": "", "choices": None}
    assert reply.json()["revealed"] == {sent: word}


def test_who_does_not_wait_or_was_blind_by_the_coin_is_told_nothing(
    client: TestClient, store: Store, project: Project, make_project: MakeProject
) -> None:
    _, gone = _answered_first(client, store, project, waits=False)
    _, blind = _answered_first(client, store, make_project(9, name="Other"), waits=True, blind=True)
    assert [(r.json()["revealed"], "proba" in r.text) for r in (gone, blind)] == [({}, False)] * 2


def test_a_suggestion_travels_in_the_order_of_the_schema(client: TestClient, store: Store, project: Project) -> None:
    items = [row.item for row in store.pool(project.id) if not row.reserved]
    store.put_asks(project.id, [ask_of(project.id, item) for item in items], 1, whole=True, overlap=1)
    asks = client.post("/api/v1/sync", json=message(want=6), headers=bearer(store, project.id)).json()["asks"]
    shown = next(ask["suggestion"] for ask in asks if not ask["blind"])
    often = {"n": 8, "bound": "about"}
    assert shown == {"proba": [0.75, 0.25], "often": often, "model": "1.1", "footing": "", "choices": None}


def test_a_label_set_goes_with_its_classes(project: Project) -> None:
    word = Suggestion((0.4, 0.35, 0.2, 0.05), "1.1", "", Choices((0, 1, 2), 0.95))
    whole = protocol.suggestion_message(word, _with(project, ()))
    merged = protocol.suggestion_message(word, _with(project, ("b", "c")))
    assert whole["choices"] == {"columns": [0, 1, 2], "level": 0.95, "often": {"n": 9, "bound": "more"}}
    assert merged["choices"] is None


def test_the_label_set_that_was_on_screen_is_kept_with_the_answer(
    client: TestClient, store: Store, project: Project
) -> None:
    headers = bearer(store, project.id)
    asks = client.post("/api/v1/sync", json=message(want=6), headers=headers).json()["asks"]
    ask = next(ask for ask in asks if not ask["blind"])
    word = {"proba": [0.5, 0.5], "model": "1.1", "footing": "", "choices": {"columns": [0, 1], "level": 0.9}}
    client.post("/api/v1/sync", json=message(answers=[entry(ask, shown=word)]), headers=headers)
    (kept,) = store.current(ask["item"])
    assert kept.shown == Suggestion((0.5, 0.5), "1.1", "", Choices((0, 1), 0.9))


def _with(project: Project, merged: tuple[str, ...]) -> Project:
    """The project with classes a to d, some of them merged into a."""
    classes = [
        LabelClass(id_, id_.upper(), retired=id_ in merged, merged_into="a" if id_ in merged else "") for id_ in "abcd"
    ]
    return replace(project, schema=replace(project.schema, classes=tuple(classes)))


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic x"}])
def test_without_a_good_grant_nothing_is_told(client: TestClient, project: Project, header: dict[str, str]) -> None:
    reply = client.post("/api/v1/sync", json=message(), headers=header)
    assert reply.status_code == 401
    assert list(reply.json()) == ["error"]


def test_the_grant_says_who_answers_whatever_the_body_says(client: TestClient, store: Store, project: Project) -> None:
    headers = bearer(store, project.id, "bob")
    ask = client.post("/api/v1/sync", json=message(annotator="ann"), headers=headers).json()["asks"][0]
    client.post("/api/v1/sync", json=message(answers=[entry(ask, annotator="ann")], project=99), headers=headers)
    assert [a.annotator for a in store.current(ask["item"])] == ["bob"]


def test_a_message_that_is_too_large_is_refused(client: TestClient, store: Store, project: Project) -> None:
    reply = client.post("/api/v1/sync", content=b" " * (MOST_BYTES + 1), headers=bearer(store, project.id))
    assert reply.status_code == 413


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"want": 1}', "tab"),
        (b'{"tab": "t", "want": -1}', "want"),
        (b'{"tab": "t", "have": ["x"]}', "have"),
        (b'{"tab": "t", "answers": {}}', "answers"),
        (b'{"tab": "t", "answers": [{"kind": "answer"}]}', "id"),
        (b'{"tab": "t", "answers": [{"id": "12345678\\ud800"}]}', "id"),
        (b'{"tab": "\\ud800"}', "tab"),
        (b'{"tab": ' + b"1" * 5000 + b"}", "JSON"),
    ],
)
def test_a_message_that_breaks_the_protocol_is_told_which_part(
    client: TestClient, store: Store, project: Project, body: bytes, hint: str
) -> None:
    reply = client.post("/api/v1/sync", content=body, headers=bearer(store, project.id))
    assert reply.status_code == 422
    assert hint in reply.json()["error"]


def test_an_answer_that_can_never_be_stored_does_not_hold_up_the_next_one(
    client: TestClient, store: Store, project: Project
) -> None:
    headers = bearer(store, project.id)
    one, two, three, four = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"]
    bad_class, bad_kind = entry(one, "Perhaps"), entry(two, kind="shout")
    bad_item, good = entry(three, item=10**9), entry(four, note="cut off \ud83d", seconds=10**400)
    odd_kind, odd_target = entry(two, kind=["x"]), entry(two, target="\ud800")
    bad = [bad_class, bad_kind, bad_item, odd_kind, odd_target]
    sent = json.dumps(message(answers=[*bad, good]))
    reply = client.post("/api/v1/sync", content=sent, headers=headers).json()
    assert reply["acked"] == [good["id"]]
    assert [each["id"] for each in reply["refused"]] == [each["id"] for each in bad]
    kept = Annotation.from_event(store.event(good["id"]) or pytest.fail("It was acknowledged."))
    assert (kept.note, kept.seconds) == ("cut off \ufffd", None)
    assert "Yes, No" in reply["refused"][0]["message"]


def test_storage_trouble_is_a_503_with_its_sentence(
    client: TestClient, store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise StoreReadOnly("collab.db")

    headers = bearer(store, project.id)
    ask = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"][0]
    monkeypatch.setattr(type(store), "append", fail)
    reply = client.post("/api/v1/sync", json=message(answers=[entry(ask)]), headers=headers)
    assert (reply.status_code, reply.json()) == (503, {"error": str(StoreReadOnly("collab.db"))})


def test_history_holds_ones_own_answers_latest_first_and_pages_back(
    client: TestClient, store: Store, project: Project
) -> None:
    ann, bob = bearer(store, project.id, "ann"), bearer(store, project.id, "bob")
    asks = client.post("/api/v1/sync", json=message(), headers=ann).json()["asks"]
    client.post("/api/v1/sync", json=message(answers=[entry(ask) for ask in asks]), headers=ann)
    first = client.post("/api/v1/history", json={"limit": 3, "before": None}, headers=ann).json()
    before = first["entries"][-1]["number"]
    last = client.post("/api/v1/history", json={"limit": 3, "before": before}, headers=ann).json()
    assert [e["item"] for e in first["entries"] + last["entries"]] == [ask["item"] for ask in reversed(asks)]
    assert (first["more"], last["more"]) == (True, False)
    assert client.post("/api/v1/history", json={}, headers=bob).json() == {"entries": [], "more": False}


def test_an_answer_that_was_taken_back_leaves_the_history(client: TestClient, store: Store, project: Project) -> None:
    headers = bearer(store, project.id)
    ask = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"][0]
    given = entry(ask)
    undo = {**entry(ask), "kind": "undo", "answer": [], "target": given["id"]}
    client.post("/api/v1/sync", json=message(answers=[given]), headers=headers)
    reply = client.post("/api/v1/sync", json=message(answers=[undo]), headers=headers).json()
    assert reply["acked"] == [undo["id"]]
    assert client.post("/api/v1/history", json={}, headers=headers).json()["entries"] == []


def test_a_signed_link_fetches_its_file_and_no_other(client: TestClient, store: Store) -> None:
    for name in ("exports/1-a.csv", "exports/1-b.csv"):
        store.write_file(name, iter([b"text,answer\n"]))
    link = {"t": issue_download(store.secret(), Download("exports/1-a.csv", 1, "export", "ann"))}
    good = client.get("/api/v1/download/exports/1-a.csv", params=link)
    assert (good.status_code, good.content) == (200, b"text,answer\n")
    assert good.headers["content-disposition"] == 'attachment; filename="1-a.csv"'
    assert client.get("/api/v1/download/exports/1-b.csv", params=link).status_code == 403
    assert client.get("/api/v1/download/exports/1-a.csv").status_code == 403
    outside = {"t": issue_download(store.secret(), Download("../../etc/passwd", 1, "export", "ann"))}
    assert client.get("/api/v1/download/..%2F..%2Fetc%2Fpasswd", params=outside).status_code in (403, 404)


@pytest.mark.parametrize(
    ("name", "project_id", "status"),
    [
        ("exports/1-a.csv", 1, 200),
        ("exports/all-access-log-1.csv", None, 200),
        ("models/1/7.safetensors", 1, 200),
        ("imports/1-rejected.csv", 1, 200),
        ("exports/1-a.csv", 2, 404),
        ("exports/12-a.csv", 1, 404),
        ("exports/1-a.csv", None, 404),
        ("exports/all-access-log-1.csv", 1, 404),
        ("models/1/7.safetensors", 2, 404),
        ("imports/1-rejected.csv", 2, 404),
        ("heads/1.safetensors", 1, 404),
    ],
)
def test_a_link_fetches_files_of_its_project_alone(
    client: TestClient, store: Store, project: Project, name: str, project_id: int | None, status: int
) -> None:
    opened = store.begin_import(project.id, "again.csv", "nothing", 1)
    store.finish_import(opened, ImportReport(rejected=1, rejected_file="imports/1-rejected.csv"), 0.0, 500, 2)
    store.write_file(name, iter([b"text"]))
    link = {"t": issue_download(store.secret(), Download(name, project_id, "export", "ann"))}
    assert client.get(f"/api/v1/download/{name}", params=link).status_code == status


def test_health_says_whether_the_store_can_be_read(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}

    def fail(*_: object) -> None:
        raise StoreReadOnly("collab.db")

    monkeypatch.setattr(type(store), "ping", fail)
    assert client.get("/healthz").status_code == 503


def test_routes_stand_under_the_prefix_of_the_app(store: Store, project: Project) -> None:
    with TestClient(Starlette(routes=routes(store, "/lab/"))) as client:
        reply = client.post("/lab/api/v1/sync", json=message(), headers=bearer(store, project.id))
        assert reply.status_code == 200
        assert client.post("/api/v1/sync", json=message()).status_code == 404


def test_reasons_come_once_the_worker_has_put_them_and_to_nobody_else(
    client: TestClient, store: Store, project: Project
) -> None:
    items = [row.item for row in store.pool(project.id) if not row.reserved]
    store.put_asks(project.id, [ask_of(project.id, item) for item in items], 1, whole=True, overlap=1)
    store.add_round(Round(project.id, 1, 1, 1, 4))
    headers = bearer(store, project.id)
    asks = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"]
    ask = next(each for each in asks if each["suggestion"])
    sent = {"tab": "tab-1", "ask": ask["id"], "class": "Yes"}
    assert client.post("/api/v1/why", json=sent, headers=headers).json() == {"waiting": True}
    content = {"classes": ["Yes", "No"], "words": [["text", 0, 1, [1, 0]]]}
    content |= {name: [] for name in ("near", "fields", "kinds", "pictures")}
    store.put_why(project.id, ask["item"], 1, content, 5)
    assert client.post("/api/v1/why", json=sent, headers=headers).json()["for"] == "Yes"
    other = client.post("/api/v1/why", json=sent, headers=bearer(store, project.id, "bo"))
    assert (other.status_code, "good" in other.text) == (422, False)
    assert client.post("/api/v1/why", json={"tab": "tab-1", "ask": "x"}, headers=headers).status_code == 422
    assert client.post("/api/v1/why", json=sent).status_code == 401


def test_an_answer_to_an_erased_item_is_refused_as_such(client: TestClient, store: Store, project: Project) -> None:
    headers = bearer(store, project.id)
    (ask, *_) = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"]
    store.empty_item(project.id, ask["item"])
    reply = client.post("/api/v1/sync", json=message(answers=[entry(ask)]), headers=headers).json()
    (refused,) = reply["refused"]
    assert (refused["gone"], "erased" in refused["message"]) == (True, True)
