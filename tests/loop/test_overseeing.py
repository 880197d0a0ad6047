"""The access log, retention, and projects that were deleted."""

import pytest

from collab.domain.access import AccessFilter, Person, Retention
from collab.domain.store import ItemFilter
from collab.errors import Conflict, Forbidden, InvalidPolicy
from collab.loop import erasing, handing_out, looking, ordering, overseeing, reshaping
from collab.loop.permitting import Desk, _told
from collab.loop.recalling import recall
from collab.loop.summarizing import summary
from collab.loop.sweeping import sweep_retention
from tests.loop.conftest import NOW

DAY = 86_400_000


@pytest.fixture
def signs(loop):
    _told.clear()
    signs = loop(items=6, mark=0.0, audit_schedule=())
    signs.store.set_sign_in_way("accounts")
    for name, role in (("Ana", "annotator"), ("Root", "admin")):
        signs.store.save_person(Person(name))
        signs.store.set_role(signs.project.id, name, role)
        signs.store.start_session(name, name, NOW, 10**15)
    return signs


def entries(signs, **wanted) -> list[tuple]:
    found = signs.store.accesses(signs.project.id, AccessFilter(**wanted))
    return [(e.person, e.act, e.what, len(e.items)) for _, e in reversed(found)]


def test_what_people_saw_and_took_away_is_in_the_log_once(signs):
    store, project = signs.store, signs.project
    ana, root = Desk(store, "Ana", "Ana"), Desk(store, "Root", "Root")
    handed = {"want": 2, "have": (), "on_screen": None, "ranking": 0, "now": NOW}
    first = handing_out.hand_out(ana, project, "Ana", "tab", **handed)
    signs.say("Ana", first.asks[0])
    for _ in range(3):  # a page draws itself anew at each click
        looking.find(ana, project.id, ItemFilter(text="awful"))
        recall(ana, project.id, "Ana", 10)
    ordering.export(root, project.id, {"what": "mine", "format": "csv"}, "Root", NOW)
    summary(root, project.id, NOW)
    with pytest.raises(Forbidden):
        overseeing.accesses(ana, project.id, AccessFilter())
    assert entries(signs) == [
        ("Ana", "see", "items", 2), ("Ana", "see", "list", 3), ("Ana", "see", "answers", 1),
        ("Root", "export", "data", 0), ("Root", "export", "report", 0), ("Ana", "refused", "overseeing.accesses", 0),
    ]  # fmt: skip
    assert "awful" not in str(store.accesses())
    assert [o.entry.person for o in overseeing.accesses(root, project.id, AccessFilter(act="export"))] == [
        "Root",
        "Root",
    ]


def test_the_log_can_be_taken_along_and_that_is_in_it(signs):
    looking.find(Desk(signs.store, "Ana", "Ana"), signs.project.id, ItemFilter())
    name = overseeing.keep_accesses(Desk(signs.store, "Root", "Root"), signs.project.id, AccessFilter(), "Root", NOW)
    heads, line = signs.store.file(name).read_text().splitlines()
    assert heads == "number,at,person,act,what,project,items,detail,log"
    assert line.split(",")[2:6] == ["Ana", "see", "list", str(signs.project.id)]
    assert entries(signs, person="Root") == [("Root", "export", "access log", 0)]


def test_an_erased_persons_name_goes_from_the_access_log_too(signs):
    looking.find(Desk(signs.store, "Ana", "Ana"), signs.project.id, ItemFilter())
    erasing.erase_person(signs.store, "Ana", "Root", NOW)
    assert entries(signs) == [("erased 1", "see", "list", 6)]
    assert signs.store.access("Ana", "Ana", NOW) is None
    assert signs.store.members(signs.project.id) == {"Root": "admin"}


def test_retention_deletes_old_entries_and_says_so_and_keeps_all_at_zero(signs):
    store = signs.store
    for at in (NOW - 9 * DAY, NOW - DAY):
        handing_out.hand_out(
            store, signs.project, "Ana", f"tab {at}", want=1, have=(), on_screen=None, ranking=0, now=at
        )
    sweep_retention(store, NOW)
    assert len(entries(signs)) == 2
    overseeing.keep_for(store, Retention(access_log=7), "Root", NOW)
    assert overseeing.due(store, NOW).entries == 1
    sweep_retention(store, NOW)
    sweep_retention(store, NOW)
    assert [(e.act, e.what, e.detail.get("entries")) for _, e in store.accesses()] == [
        ("change", "shorten access log", 1), ("change", "retention", None), ("see", "items", None)
    ]  # fmt: skip
    with pytest.raises(InvalidPolicy):
        Retention(deleted=-1)


def test_deleted_projects_are_purged_when_their_days_are_over(signs, make_project):
    store, gone = signs.store, signs.project
    store.delete_project(gone.id, NOW)
    overseeing.keep_for(store, Retention(deleted=30), "Root", NOW)
    ((found, at),) = overseeing.due(store, NOW).deleted
    assert (found.name, found.items, at) == ("Signs", 6, NOW + 30 * DAY)
    sweep_retention(store, NOW + 29 * DAY)
    make_project(name="Signs")
    with pytest.raises(Conflict, match="rename"):
        overseeing.restore_project(store, gone.id, "Root", NOW)
    sweep_retention(store, NOW + 31 * DAY)
    assert overseeing.due(store, NOW).deleted == ()
    assert store.check_chain(gone.id) == 1


def test_the_last_administrator_isnt_erased_and_exports_of_an_erased_item_arent_offered(signs):
    store, project = signs.store, signs.project
    store.save_person(Person("Root", admin=True))
    store.set_password("Root", "digest")
    with pytest.raises(Conflict, match="last administrator"):
        erasing.erase_person(store, "Root", "Root", NOW)
    assert store.annotators() == ("Ana", "Root")
    name = f"exports/{project.id}-all.csv"
    store.write_file(name, iter([b"x"]))
    assert looking.is_there(store, project.id, name)
    erasing.erase_item(store, project, store.pool(project.id)[0].item, "Root", NOW)
    assert not looking.is_there(store, project.id, name)


def test_changes_that_the_projects_own_log_tells_are_listed_among_the_others_page_by_page(signs):
    store, project = signs.store, signs.project
    root = Desk(store, "Root", "Root")
    looking.find(Desk(store, "Ana", "Ana"), project.id, ItemFilter())
    handed = {"want": 1, "have": (), "on_screen": None, "ranking": 0, "now": NOW}
    ask = handing_out.hand_out(Desk(store, "Ana", "Ana"), project, "Ana", "tab", **handed).asks[0]
    signs.say("Ana", ask)  # an answer isn't told
    item = ask.item
    reshaping.mark_personal(root, project.id, ("text",), "Root", "e1", NOW + 1)
    erasing.erase_item(root, project, item, "Root", NOW + 2)
    whole = overseeing.accesses(store, None, AccessFilter(act="change"))
    told = [(o.entry.person, o.entry.what, o.entry.items, o.entry.detail) for o in whole if o.event][:2]
    assert told == [("Root", "erase", (item,), {"what": "item"}), ("Root", "fields", (), {"personal": ["text"]})]
    paged, before = [], {}
    while page := overseeing.accesses(root, project.id, AccessFilter(), before, 1):
        paged, before = [*paged, *page], overseeing.read_to(page, before)
    assert paged == overseeing.accesses(root, project.id, AccessFilter())
    assert {o.event for o in paged} == {True, False}
    csv = b"".join(overseeing.rows_of(store, project.id, AccessFilter(act="change"))).decode()
    assert f",Root,change,erase,{project.id},{item}," in csv
