"""Walks all verbs that pages and routes use: each has to be opened by a right, before it does anything."""

import ast
import functools
import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import collab.ui
from collab.domain.access import RIGHTS, ROLES, AccessFilter, Person
from collab.domain.annotation import Annotation
from collab.errors import Forbidden, SignedOut
from collab.loop.permitting import Desk
from tests.loop.conftest import NOW

FAR = 10**15
BY_THEMSELVES = {
    "admitting.sign_in", "admitting.enter", "admitting.vouched", "admitting.turn_away",  # before anybody is somebody
}  # fmt: skip
WITH_A_DESK = {
    # tried by tests of their own
    "permitting.leave", "permitting.refuse", "permitting.refused", "permitting.may", "looking.file",
}  # fmt: skip
STRANGERS = ("no part in it", "part in another", "disabled", "session ended", "session of another", "no session")
OUT = STRANGERS[2:]


def used() -> dict[str, object]:
    """Every function of the loop that a module of the pages names, by module and name."""
    found = {}
    for path in sorted(Path(collab.ui.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("collab.loop"):
                for alias in node.names:
                    place = f"{node.module}.{alias.name}"
                    if node.module == "collab.loop":
                        modules[alias.asname or alias.name] = importlib.import_module(place)
                    else:
                        found[place.removeprefix("collab.loop.")] = getattr(
                            importlib.import_module(node.module), alias.name
                        )
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                module = modules[node.value.id]
                found[f"{module.__name__.rpartition('.')[2]}.{node.attr}"] = getattr(module, node.attr)
    return {name: each for name, each in found.items() if inspect.isfunction(each)}


def takes(verb: object) -> str:
    """What the first argument is said to be."""
    first = next(iter(inspect.signature(verb).parameters.values()), None)
    return "" if first is None else getattr(first.annotation, "__name__", str(first.annotation))


USED = used()
VERBS = {name: verb for name, verb in USED.items() if hasattr(verb, "right")}


@contextmanager
def harmless(verb) -> Iterator[list[tuple[object, ...]]]:
    """Put nothing in the place of what a verb does behind its check, and keep with what it was called."""
    calls = []
    cell = verb.__closure__[verb.__code__.co_freevars.index("verb")]
    inner = cell.cell_contents
    cell.cell_contents = functools.wraps(inner)(lambda *arguments, **more: calls.append((*arguments, more)))
    try:
        yield calls
    finally:
        cell.cell_contents = inner


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A project, and somebody of every role and of every kind that has none."""
    from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
    from collab.storage.database import open_store

    store = open_store(tmp_path_factory.mktemp("people") / "workspace")
    schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
    one, two = (
        store.create_project(name, (Field("text"),), schema, LoopPolicy(encoder="hashing"), NOW) for name in "12"
    )
    store.set_sign_in_way("accounts")
    for name in (*ROLES, *STRANGERS, "of all"):
        store.save_person(Person(name, admin=name == "of all"))
        store.start_session(f"session of {name}", name, NOW, NOW + 1 if name == "session ended" else FAR)
        store.set_role(one.id, name, name if name in ROLES else "admin" if name in OUT else None)
    store.set_role(two.id, "part in another", "admin")
    store.save_person(replace(store.person("disabled"), disabled=True))
    store.start_session("session of disabled", "disabled", NOW, FAR)
    yield store, one
    store.close()


def desk(store, name: str) -> Desk:
    session = {"no session": "", "session of another": "session of admin"}.get(name, f"session of {name}")
    return Desk(store, name, session)


def call(verb, desk: Desk, project, person: str):
    """Call a verb with arguments that name a project and a person, and mean nothing else."""
    arguments = {}
    for name, each in list(inspect.signature(verb.__wrapped__).parameters.items())[1:]:
        if each.kind in (each.KEYWORD_ONLY, each.VAR_KEYWORD) or name == "access" or name.startswith("_"):
            continue
        if name == "annotation":
            arguments[name] = Annotation("id", project.id, 1, person, "answer", 0, ("plus",))
        elif name in ("project", "project_id"):
            arguments[name] = project if "Project" in str(each.annotation) else project.id
        else:
            arguments[name] = person if name == verb.own else None
    return verb(desk, **arguments)


def test_whatever_pages_call_with_a_store_says_which_right_it_needs():
    bare = {name for name, verb in USED.items() if "Store" in takes(verb) and not hasattr(verb, "right")}
    assert bare - BY_THEMSELVES == set()
    assert {name for name, verb in USED.items() if takes(verb) == "Desk" and not hasattr(verb, "right")} <= WITH_A_DESK
    assert len(VERBS) > 60


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_opens_to_those_who_have_its_right_and_to_nobody_else(people, name):
    store, project = people
    verb = VERBS[name]
    workspace = "workspace" in verb.__code__.co_freevars and _cell(verb, "workspace")
    with harmless(verb) as calls:
        for who in (*ROLES, *STRANGERS, "of all"):
            calls.clear()
            rights = RIGHTS.get("admin" if who == "of all" else who if who in ROLES and not workspace else None, ())
            before = store.accesses(wanted=AccessFilter(person=who), limit=1)
            if who in OUT:
                with pytest.raises(SignedOut):
                    call(verb, desk(store, who), project, who)
            elif verb.right is None or verb.right in rights:
                call(verb, desk(store, who), project, who)
                assert len(calls) == 1
                continue
            else:
                with pytest.raises(Forbidden, match="Ask an administrator"):
                    call(verb, desk(store, who), project, who)
                [(number, entry)] = store.accesses(wanted=AccessFilter(person=who), limit=1)
                assert number not in dict(before)
                assert (entry.act, entry.what, entry.detail) == ("refused", name, {"right": verb.right})
            assert calls == []


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if verb.own])
def test_a_verb_of_ones_own_opens_to_nobody_under_another_name(people, name):
    store, project = people
    with harmless(VERBS[name]) as calls, pytest.raises(Forbidden):
        call(VERBS[name], desk(store, "of all"), project, "admin")
    assert calls == []


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if getattr(verb, "alone", "")])
def test_who_may_not_review_is_told_what_they_said_alone(people, name):
    store, project = people
    verb = VERBS[name]
    with harmless(verb) as calls:
        for who in ("annotator", "adjudicator"):
            call(verb, desk(store, who), project, who)
    assert [more.get(verb.alone) or None for *_, more in calls] == ["annotator", None]


def _cell(verb, name: str) -> object:
    return verb.__closure__[verb.__code__.co_freevars.index(name)].cell_contents
