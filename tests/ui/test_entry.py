"""The sign-in route, its cookies, and who comes in where names are taken on trust."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from collab.domain.store import Store
from collab.errors import NotAlone
from collab.loop import admitting
from collab.ui.grants import issue_ticket, known_cookie, session_cookie, session_of
from collab.ui.loopback import Loopback
from collab.ui.routes import routes
from collab.ui.server import check_host

RIGHT = "seven green bottles"
NOW = 10**12


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(admitting, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(store: Store) -> Store:
    admitting.add_person(store, "Ana", password=RIGHT, admin=True, by="", now=NOW)
    return store


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(store)), base_url="https://collab.example") as opened:
        yield opened


def sign_in(client: TestClient, name: str = "Ana", password: str = RIGHT, **headers: str) -> Any:
    return client.post("/api/v1/sign-in", json={"name": name, "password": password}, headers=headers)


def test_the_right_password_sets_a_cookie_out_of_reach_of_scripts_and_other_sites(
    client: TestClient, accounts: Store
) -> None:
    reply = sign_in(client)
    assert (reply.status_code, reply.json()) == (200, {})
    for line in reply.headers.get_list("set-cookie"):
        assert {part.strip().lower() for part in line.split(";")} >= {"httponly", "samesite=strict", "secure", "path=/"}
    session = session_of(accounts.secret(), dict(client.cookies))
    assert accounts.signed_in(session, admitting.MINUTE) == "Ana"
    assert session not in client.cookies[session_cookie(accounts.secret())]


def test_a_wrong_password_sets_none_and_many_have_to_wait(client: TestClient, accounts: Store) -> None:
    statuses = [sign_in(client, password="wrong wrong wrong").status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    assert sign_in(client).headers["retry-after"] == "1"
    assert dict(client.cookies) == {}


def test_a_browser_that_is_known_is_not_held_up_by_others(client: TestClient, accounts: Store) -> None:
    sign_in(client)
    name = known_cookie(accounts.secret())
    known = client.cookies[name]
    client.cookies.clear()
    for _ in range(6):
        sign_in(client, password="wrong wrong wrong")
    assert sign_in(client).status_code == 429
    client.cookies = {name: known}
    assert sign_in(client).status_code == 200


def test_signing_in_ends_the_session_that_the_browser_held(client: TestClient, accounts: Store) -> None:
    sign_in(client)
    first = session_of(accounts.secret(), dict(client.cookies))
    sign_in(client)
    assert accounts.signed_in(first, admitting.MINUTE) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"},
    ],
    ids=str,
)  # fmt: skip
def test_another_site_signs_nobody_in(client: TestClient, accounts: Store, headers: dict[str, str]) -> None:
    reply = sign_in(client, **headers)
    assert (reply.status_code, dict(client.cookies)) == (403, {})
    assert sign_in(client, Origin="https://collab.example", **{"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name": 1, "password": []}', b"[" * 3000, b" " * 5000])
def test_what_is_no_sign_in_is_refused_with_a_sentence(client: TestClient, accounts: Store, body: bytes) -> None:
    reply = client.post("/api/v1/sign-in", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code in (403, 413, 422)
    assert reply.json()["error"].endswith(".")


def test_a_ticket_begins_a_session_only_where_a_provider_vouches(client: TestClient, store: Store) -> None:
    admitting.add_person(store, "Ana", issuer="https://a", subject="1", admin=True, by="", now=NOW)
    far = 10**15
    for ticket, status in (("made up", 403), (issue_ticket(b"other", "Ana", far), 403)):
        assert client.post("/api/v1/sign-in", json={"ticket": ticket}).status_code == status
    assert client.post("/api/v1/sign-in", json={"ticket": issue_ticket(store.secret(), "Ana", far)}).status_code == 200
    store.set_sign_in_way("accounts")
    again = client.post("/api/v1/sign-in", json={"ticket": issue_ticket(store.secret(), "Ana", far)})
    assert again.status_code == 403


async def _page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("in")


async def _line(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("in")
    await socket.close()


def near(store: Store, address: str = "127.0.0.1", host: str = "localhost:8501") -> TestClient:
    app = Starlette(
        routes=[Route("/", _page), WebSocketRoute("/line", _line)],
        middleware=[Middleware(Loopback, way=store.sign_in_way)],
    )
    return TestClient(app, client=(address, 5000), base_url=f"http://{host}")


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1", "[::1]:8501", "LOCALHOST"])
def test_names_on_trust_are_for_this_machine(store: Store, host: str) -> None:
    client = near(store, host=host)
    assert client.get("/").text == "in"
    with client.websocket_connect("/line", headers={"Host": host}) as line:
        assert line.receive_text() == "in"


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("10.0.0.7", "localhost", {}),
        ("127.0.0.1", "rebound.example", {}),
        ("127.0.0.1", "localhost.evil.example", {}),
        ("127.0.0.1", "localhost", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", "localhost", {"Forwarded": "for=x"}),
        ("testclient", "localhost", {}),
    ],
    ids=str,
)
def test_nobody_else_comes_in_on_trust_neither_to_pages_nor_to_their_line(
    store: Store, address: str, host: str, headers: dict[str, str]
) -> None:
    client = near(store, address, host)
    reply = client.get("/", headers=headers)
    assert reply.status_code == 403
    assert "collab member add" in reply.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/line", headers={"Host": host, **headers}):
        pass


def test_where_people_have_accounts_they_come_from_everywhere(accounts: Store) -> None:
    assert near(accounts, "10.0.0.7", "collab.example").get("/").text == "in"


def test_no_server_opens_to_a_network_on_trust(store: Store) -> None:
    check_host(store, "127.0.0.1")
    with pytest.raises(NotAlone, match="collab member add NAME --admin"):
        check_host(store, "0.0.0.0")
    store.set_sign_in_way("accounts")
    check_host(store, "0.0.0.0")
