"""`collab member`, as people run it."""

import io
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collab.domain.project import Field, LoopPolicy
from collab.loop import admitting
from collab.storage.database import open_store
from tests.samples import YES_NO
from tests.test_cli import Collab, collab

__all__ = ["collab"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(admitting, "_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def project(collab: Collab, tmp_path: Path) -> str:
    with closing(open_store(tmp_path / "workspace")) as store:
        return store.create_project("Notes", (Field("text"),), YES_NO, LoopPolicy(), 1).name


def test_the_first_account_must_be_an_administrators_and_says_what_it_changes(collab: Collab, project: str) -> None:
    assert "--admin" in collab("member", "add", "Ben", "--generate").err
    said = collab("member", "add", "Ana", "--admin", "--generate")
    assert "names are no longer taken on trust" in said.out
    assert collab("member", "list", "--json").json == {
        "sign_in": "accounts",
        "people": [
            {"name": "Ana", "admin": True, "disabled": False, "issuer": "", "subject": "", "roles": {}},
        ],
    }  # fmt: skip


def test_a_password_comes_by_standard_input_or_is_typed_twice(
    collab: Collab, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("seven green bottles\n"))
    assert collab("member", "add", "Ana", "--admin", "--password-stdin").status == 0
    assert "--password-stdin or --generate" in collab("member", "password", "Ana").err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    typed = iter(["eight brown kettles", "something else here"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert "not the same" in collab("member", "password", "Ana").err


def roles(collab: Collab) -> dict[str, object]:
    said: Any = collab("member", "list", "--json").json
    return {person["name"]: person["roles"] for person in said["people"]}


def test_roles_are_given_changed_and_taken_away(collab: Collab, project: str) -> None:
    collab("member", "add", "Ana", "--admin", "--generate")
    collab("member", "add", "Ben", "--generate", "--project", project, "--role", "lead")
    assert roles(collab) == {"Ana": {}, "Ben": {"Notes": "lead"}}
    assert collab("member", "role", "Ben", "adjudicator", "--project", project).status == 0
    assert roles(collab)["Ben"] == {"Notes": "adjudicator"}
    assert collab("member", "remove", "Ben", "--project", project).status == 0
    assert roles(collab)["Ben"] == {}
    assert collab("member", "role", "Nobody", "lead", "--project", project).status == 1
    assert collab("member", "role", "Ben", "lead").status == 2


def test_the_last_administrator_stays(collab: Collab, project: str) -> None:
    collab("member", "add", "Ana", "--admin", "--generate")
    assert "last administrator" in collab("member", "disable", "Ana").err
    assert "last administrator" in collab("member", "role", "Ana", "none").err


def test_the_server_opens_to_a_network_only_where_people_sign_in(collab: Collab, project: str) -> None:
    said = collab("run", "--host", "0.0.0.0")
    assert said.status == 1
    assert "collab member add NAME --admin" in " ".join(said.err.split())
