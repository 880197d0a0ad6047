from dataclasses import replace

import pytest

from collab.domain.access import ROLES, Person
from collab.domain.project import Project
from collab.domain.store import ItemFilter
from collab.errors import Forbidden, SignedOut, UnknownName
from collab.loop import looking, reporting, reshaping
from collab.loop.permitting import Desk
from tests.loop.conftest import NOW

FAR = 10**15


@pytest.fixture
def project(loop):
    return loop(items=2).project


@pytest.fixture
def accounts(store):
    store.set_sign_in_way("accounts")
    for name in ("Ana", "Ben"):
        store.save_person(Person(name))
        store.start_session(name.lower(), name, NOW, FAR)
    return store


def test_a_name_on_trust_may_do_everything_where_names_are_taken_on_trust(store, project):
    assert looking.projects(Desk(store, "Ana")) == (project,)


def test_a_name_on_trust_is_nobody_once_people_have_accounts(accounts, project):
    with pytest.raises(SignedOut):
        looking.progress(Desk(accounts, "Ana"), project.id)


def test_whoever_has_no_part_in_a_project_finds_none(accounts, project):
    desk = Desk(accounts, "Ana", "ana")
    assert looking.projects(desk) == ()
    for _ in range(3):
        with pytest.raises(UnknownName):
            looking.project(desk, project.id)
    assert [(e.person, e.act, e.what) for _, e in accounts.accesses(project.id)] == [
        ("Ana", "refused", "looking.project")
    ]


def test_a_role_that_is_taken_away_counts_at_once(accounts, project: Project):
    desk = Desk(accounts, "Ana", "ana")
    accounts.set_role(project.id, "Ana", "lead")
    reshaping.impact(desk, project.id, project.schema.classes[0].id)
    accounts.set_role(project.id, "Ana", "annotator")
    with pytest.raises(Forbidden, match="change this project"):
        reshaping.impact(desk, project.id, project.schema.classes[0].id)
    assert [(e.person, e.act, e.what) for _, e in accounts.accesses(project.id)] == [
        ("Ana", "refused", "reshaping.impact")
    ]


def test_a_session_opens_no_desk_for_somebody_else(accounts, project):
    accounts.set_role(project.id, "Ana", "lead")
    with pytest.raises(SignedOut):
        looking.progress(Desk(accounts, "Ana", "ben"), project.id)


def test_nobody_acts_under_another_name(accounts, project):
    accounts.set_role(project.id, "Ana", "annotator")
    with pytest.raises(Forbidden):
        reporting.pace(Desk(accounts, "Ana", "ana"), project.id, "Ben")


def test_a_disabled_account_is_out_in_mid_session(accounts, project):
    desk = Desk(accounts, "Ana", "ana")
    accounts.set_role(project.id, "Ana", ROLES[-1])
    accounts.save_person(replace(accounts.person("Ana"), disabled=True))
    with pytest.raises(SignedOut):
        looking.progress(desk, project.id)


def test_who_saw_nothing_is_not_said_to_have_seen_something(accounts, project: Project):
    accounts.set_role(project.id, "Ana", "lead")
    assert looking.find(Desk(accounts, "Ana", "ana"), project.id, ItemFilter("nowhere")) == ([], 0)
    assert accounts.accesses(project.id) == []
