from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from collab.domain.store import Store
from collab.ui.hearing import Hearing
from collab.ui.routes import routes
from tests.conftest import MakeProject
from tests.ui.test_routes import bearer, entry, message


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("zh-CN,zh;q=0.9", "'Maybe' 不是类别；请从中选择：Yes, No。"),
        ("en-US", "'Maybe' is not a class; choose from Yes, No."),
        ("", "'Maybe' is not a class; choose from Yes, No."),
    ],
)
def test_a_route_says_why_it_refuses_in_the_language_of_its_request(
    store: Store, make_project: MakeProject, asked: str, why: str
) -> None:
    project = make_project(9)
    headers = bearer(store, project.id) | {"Accept-Language": asked}
    with TestClient(Starlette(routes=routes(store), middleware=[Middleware(Hearing)])) as client:
        ask: dict[str, Any] = client.post("/api/v1/sync", json=message(), headers=headers).json()["asks"][0]
        sent = message(answers=[entry(ask, "Maybe")])
        reply = client.post("/api/v1/sync", json=sent, headers=headers).json()
    assert [refused["message"] for refused in reply["refused"]] == [why]
