"""The review route: blind asks out, then who said what, then verdicts in."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from collab.domain.annotation import Decision
from collab.domain.project import Project
from collab.domain.store import Store
from collab.domain.suspect import Suspect
from collab.loop import annotating
from collab.ui import session
from collab.ui.routes import routes
from tests.conftest import MakeProject
from tests.samples import answer_of
from tests.ui.test_routes import bearer, entry, message


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project(3)


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(store))) as opened:
        yield opened


@pytest.fixture
def doubted(store: Store, project: Project) -> int:
    """An item that Ada answered, which a model doubts and a near item contradicts."""
    item, near, _ = (row.item for row in store.pool(project.id))
    store.add_annotator("eve")
    annotating.submit(store, answer_of(project.id, item, "No", by="Ada", note="it is ironic"), "", 1000)
    annotating.submit(store, answer_of(project.id, near, "Yes", by="Bo"), "", 1000)
    found = [
        Suspect(item, "error", 0.9, {"instead": ["Yes"], "sure": 0.8, "near": [[near, 0.7]]}, ("No",)),
        Suspect(item, "contradiction", 0.8, {"other": near, "cosine": 0.7}, ("No",)),
    ]
    store.put_suspects(project.id, ("error", "contradiction"), found, 1000)
    return item


def test_nothing_of_what_others_said_goes_out_before_the_blind_answer(
    client: TestClient, store: Store, project: Project, doubted: int
) -> None:
    headers = bearer(store, project.id, "rex")
    reply = client.post("/api/v1/review", json=message(kind="error"), headers=headers).json()
    (ask,) = reply["asks"]
    assert (ask["item"], ask["suggestion"], ask["blind"], ask["look"]) == (doubted, None, True, None)
    assert not {"Ada", "ironic", "contradiction", "error"} & {str(v) for v in ask.values()}
    assert client.post("/api/v1/look", json={"item": doubted}, headers=headers).status_code == 422
    assert reply["left"]["error"] == reply["left"][""] == 1


def test_after_it_the_card_learns_who_said_what_and_why_and_settles_by_one_act(
    client: TestClient, store: Store, project: Project, doubted: int
) -> None:
    headers = bearer(store, project.id, "rex")
    (ask,) = client.post("/api/v1/review", json=message(), headers=headers).json()["asks"]
    said = message(answers=[entry(ask, "Yes")], on_screen=ask["id"], looking=doubted)
    reply = client.post("/api/v1/review", json=said, headers=headers).json()
    look = reply["looks"][str(doubted)]
    assert (look["mine"]["answer"], look["same"], look["decision"]["name"]) == (["Yes"], False, "No")
    assert [(s["who"], s["answer"], s["note"]) for s in look["said"]] == [("Ada", "No", "it is ironic")]
    assert [k["kind"] for k in look["kinds"]] == ["error", "contradiction"]
    assert (look["suggested"], look["experts"]) == ({"name": "Yes", "sure": 0.8}, ["eve"])
    (text,) = look["contrast"]["texts"]
    assert [(p["of"], p["text"]) for p in text["parts"]] == [
        ("both", "a short text, number "), ("first", "1"), ("second", "2"),
    ]  # fmt: skip
    assert [n["by"] for n in look["near"]] == ["Bo"]

    verdict = _act("settle", doubted, answer=["Yes"])
    reply = client.post("/api/v1/review", json=message(answers=[verdict]), headers=headers).json()
    assert (reply["acked"], reply["asks"], reply["left"][""]) == ([verdict["id"]], [], 0)
    assert store.decision(doubted) == Decision(doubted, ("Yes",), "adjudicated")
    history = client.post("/api/v1/reviewed", json={"limit": 5}, headers=headers).json()
    assert [(e["id"], e["answer"], e["changed"]) for e in history["entries"]] == [(verdict["id"], ["Yes"], True)]
    (settled,) = history["entries"]
    assert (settled["afresh"], [k["name"] for k in settled["kinds"]]) == (False, ["Likely an error"])

    undo = _act("withdraw", doubted, target=verdict["id"])
    reply = client.post("/api/v1/review", json=message(answers=[undo]), headers=headers).json()
    assert store.decision(doubted) == Decision(doubted, ("No",), "agreement")
    assert reply["asks"][0]["look"]["mine"]["answer"] == ["Yes"]  # answered blind already


def test_an_act_that_can_not_be_done_is_refused_by_itself(
    client: TestClient, store: Store, project: Project, doubted: int
) -> None:
    headers = bearer(store, project.id, "rex")
    acts = [
        _act("settle", doubted, answer=["Yes"]),  # not answered blind
        _act("send", doubted, to=7),
        _act("withdraw", doubted, target="nothing"),
    ]
    reply = client.post("/api/v1/review", json=message(answers=acts), headers=headers).json()
    assert (reply["acked"], [r["id"] for r in reply["refused"]]) == ([], [a["id"] for a in acts])
    assert client.post("/api/v1/review", json=message(kind="?"), headers=headers).status_code == 422
    assert client.post("/api/v1/review", json=message()).status_code == 401


def _act(kind: str, item: int, **more: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "ask": None, "item": item, "kind": kind, "answer": [], **more}


def test_of_a_flipped_suggestion_the_card_learns_what_each_version_said(
    client: TestClient, store: Store, project: Project
) -> None:
    item = store.pool(project.id)[0].item
    detail = {"versions": [3, 4], "before": ["No"], "after": ["Yes"], "sure": [0.6, 0.9]}
    store.put_suspects(project.id, ("flip",), [Suspect(item, "flip", 0.3, detail)], 1000)
    headers = bearer(store, project.id, "rex")
    (ask,) = client.post("/api/v1/review", json=message(kind="flip"), headers=headers).json()["asks"]
    said = message(answers=[entry(ask, "Yes")], on_screen=ask["id"], looking=item)
    look = client.post("/api/v1/review", json=said, headers=headers).json()["looks"][str(item)]
    assert look["flipped"] == [
        {"version": 3, "name": "No", "sure": 0.6}, {"version": 4, "name": "Yes", "sure": 0.9},
    ]  # fmt: skip
    assert (look["decision"], look["said"]) == (None, [])


def test_the_page_lists_what_was_sent_with_the_way_back(
    client: TestClient, store: Store, project: Project, doubted: int
) -> None:
    headers = bearer(store, project.id, "rex")
    (ask,) = client.post("/api/v1/review", json=message(), headers=headers).json()["asks"]
    acts = [entry(ask, "Yes"), _act("send", doubted, to="eve")]
    client.post("/api/v1/review", json=message(answers=acts), headers=headers)
    session.hold(store)
    at = AppTest.from_string(
        "from collab.ui import page_review, session\npage_review._sent(session.project())\n", default_timeout=20
    )
    at.session_state["annotator"], at.session_state[f"sent-box-{project.id}"] = "rex", True
    at.run()
    assert [not at.exception, at.button[0].label, at.button[0].disabled] == [True, "Take the chosen one back", True]
    (row,) = at.dataframe[0].value.to_dict("records")
    assert (row["Who"], row["Sent to"]) == ("rex", "eve")


def test_who_flagged_an_item_gets_it_too_after_those_of_others_until_it_is_put_off(
    client: TestClient, store: Store, project: Project
) -> None:
    mine, other, _ = (row.item for row in store.pool(project.id))
    for item, who in ((mine, "rex"), (other, "Bo")):
        flag = replace(answer_of(project.id, item, "No", by=who), kind="flag", answer=())
        annotating.submit(store, flag, "", int(time.time() * 1000))
    headers = bearer(store, project.id, "rex")
    reply = client.post("/api/v1/review", json=message(kind="flagged"), headers=headers).json()
    assert ([ask["item"] for ask in reply["asks"]], reply["left"]["flagged"]) == ([other, mine], 2)
    later = message(kind="flagged", answers=[entry(reply["asks"][1], kind="later", answer=[])])
    assert client.post("/api/v1/review", json=later, headers=headers).json()["left"]["flagged"] == 1


def test_what_had_no_decision_before_is_told_as_decided_after_a_reload_too(
    client: TestClient, store: Store, project: Project
) -> None:
    item = store.pool(project.id)[0].item
    store.put_suspects(project.id, ("flip",), [Suspect(item, "flip", 0.3)], 1000)
    headers = bearer(store, project.id, "rex")
    (ask,) = client.post("/api/v1/review", json=message(kind="flip"), headers=headers).json()["asks"]
    acts = [entry(ask, "Yes"), _act("settle", item, answer=["Yes"])]
    client.post("/api/v1/review", json=message(answers=acts), headers=headers)
    (settled,) = client.post("/api/v1/reviewed", json={"limit": 5}, headers=headers).json()["entries"]
    assert (settled["changed"], settled["afresh"]) == (True, True)
