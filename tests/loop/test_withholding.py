"""What is personal never leaves the loop for whoever may not see it."""

import inspect
import json

import pytest
import sqlalchemy as sa

from collab.domain.access import Person
from collab.domain.annotation import Annotation
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import ItemFilter, NewItem, Store
from collab.errors import Forbidden, UnknownName, UserError
from collab.loop import annotating, exporting, handing_out, looking, ordering, rebuilding, reporting, reshaping
from collab.loop.bundling import bundle
from collab.loop.permitting import Desk
from collab.loop.slicing import PARTS
from collab.loop.withholding import _Withheld
from collab.ui import protocol
from collab.ui.items import excerpt
from tests.loop.conftest import NOW

FAR = 10**15
TELLING = ("Maria Quux", "1971-03-04", "P-77", "Elm Street")


@pytest.fixture
def project(store):
    fields = (
        Field("text"), Field("name", personal=True), Field("born", "category", personal=True),
        Field("patient", role="id", personal=True), Field("home", role="metadata", personal=True),
    )  # fmt: skip
    schema = LabelSchema("Ill?", classes_from_names(("ill", "well")))
    made = store.create_project("Ward", fields, schema, LoopPolicy(encoder="hashing", audit_schedule=()), NOW)
    import_id = store.begin_import(made.id, "ward.csv", "nothing", NOW)
    row = {"text": "coughs at night", "name": TELLING[0], "born": TELLING[1]}
    store.add_items(import_id, [NewItem(TELLING[2], row, 32 * "a", 0.5, {"home": TELLING[3], "bed": "9"})])
    columns = ("text", "name", "born", "patient", "home", "bed")
    store.finish_import(import_id, ImportReport(added=1, columns=columns), 0.0, 500, NOW)
    store.index_text(made.id)
    store.set_sign_in_way("accounts")
    for name, role in (("Ana", "annotator"), ("Leo", "lead")):
        store.save_person(Person(name))
        store.set_role(made.id, name, role)
        store.start_session(name, name, NOW, FAR)
    return made


def desk(store: Store, name: str) -> Desk:
    return Desk(store, name, name)


def test_an_annotator_gets_nothing_personal_and_a_lead_all_of_it(store, project):
    for name, knows in (("Ana", False), ("Leo", True)):
        seen = looking.project(desk(store, name), project.id)
        (row,), _ = looking.find(desk(store, name), project.id, ItemFilter())
        item = looking.items(desk(store, name), project.id, (row.item.id,))[row.item.id]
        told = json.dumps([protocol.item_message(item, seen, str), excerpt(item, seen), row.item.ref, str(row.item)])
        assert [word in told for word in TELLING] == 4 * [knows]
        assert "coughs at night" in told
        assert 6 * "a" not in json.dumps(protocol.item_message(item, seen, str))


@pytest.mark.parametrize("indexed", [True, False])
def test_nobody_finds_an_item_by_what_is_personal(store, project, indexed):
    if not indexed:
        store.write(sa.text("UPDATE counter SET indexed = 0"))
    for word in (*TELLING, "maria", "1971"):
        assert store.find(project.id, ItemFilter(text=word))[1] == 0, word
    assert store.find(project.id, ItemFilter(text="coughs"))[1] == 1


def test_what_becomes_personal_later_is_found_no_more_and_found_again_when_it_isnt(store, project):
    reshaping.mark_personal(store, project.id, ["text"], "Leo", "one", NOW)
    assert [store.find(project.id, ItemFilter(text=word))[1] for word in ("coughs", "Maria", "P-77")] == [0, 1, 1]
    reshaping.mark_personal(store, project.id, [], "Leo", "two", NOW)
    assert [store.find(project.id, ItemFilter(text=word))[1] for word in ("coughs", "Maria", "P-77")] == [1, 1, 1]
    assert [event.payload["personal"] for _, event in store.log(project.id)] == [
        {"before": ["born", "home", "name", "patient"], "after": ["text"]}, {"before": ["text"], "after": []}
    ]  # fmt: skip
    with pytest.raises(UnknownName):
        reshaping.mark_personal(store, project.id, ["shoe size"], "Leo", "three", NOW)


def test_an_answer_to_an_item_whose_digest_was_keyed_is_in_force(store, project):
    ana, seen = desk(store, "Ana"), looking.project(desk(store, "Ana"), project.id)
    ask = handing_out.hand_out(ana, seen, "Ana", "tab", want=1, have=(), on_screen=None, ranking=0, now=NOW).asks[0]
    item = looking.items(ana, project.id, (ask.item,))[ask.item]
    shown = protocol.item_message(item, seen, str)["digest"]
    said = Annotation("act 1", project.id, ask.item, "Ana", "answer", 0, ("ill",), ask.id, seen=shown)
    annotating.submit(ana, said, "tab", NOW)
    rebuilding.rebuild(store, project.id)
    assert store.items([ask.item])[ask.item].state == "decided"


@pytest.mark.parametrize("what", ["mine", "decisions", "annotations"])
def test_an_export_leaves_personal_columns_out_unless_asked_for(store, project, what):
    item = store.stream_items(project.id)[0].id
    annotating.submit(store, Annotation("act", project.id, item, "Ana", "answer", 0, ("ill",)), "", NOW)
    for personal in (False, True):
        made = exporting.export_data(store, project, what, "csv", progress=lambda *_: False, personal=personal)
        written = made.path.read_text("utf-8")
        beside = personal and what == "mine"  # the others hold fields alone
        assert [word in written for word in (*TELLING[:2], TELLING[3])] == [personal, personal, beside]
        assert (TELLING[2] in written) == (personal and what != "mine")
        assert "coughs at night" in written


def test_only_a_verb_of_its_own_orders_an_export_with_personal_columns(store, project):
    leo = desk(store, "Leo")
    assert ordering.export(leo, project.id, {"personal": True}, "Leo", NOW).payload == {"personal": False}
    with pytest.raises(Forbidden):
        ordering.export_personal(desk(store, "Ana"), project.id, {}, "Ana", NOW)


def test_figures_by_personal_columns_are_for_those_who_see_these(store, project):
    columns = [{"name": name, "parts": []} for name in ("bed", "born", "home")]
    store.put_figures(project.id, PARTS, {"labels": 1, "answered": 1, "columns": columns}, NOW)
    for name, seen in (("Ana", ["bed"]), ("Leo", ["bed", "born", "home"])):
        found = reporting.parts(desk(store, name), project.id)
        assert [column.name for column in found.columns] == seen


def test_a_model_that_names_values_of_a_personal_column_isnt_handed_out_unasked(store, project):
    columns = '[{"name": "born", "kind": "category", "values": ["1971-03-04"], "shares": [1.0]}]'
    table = f'{{"columns": {columns}, "shift": [0.0], "factor": [1.0]}}'
    store.write_file(f"tables/{project.id}.json", iter([table.encode()]))
    with pytest.raises(UserError, match="values of born by name, which is personal"):
        bundle(store, project, now=NOW, report=lambda *_: False)


def test_every_method_that_gives_items_or_projects_is_withheld():
    giving = {
        name
        for name, method in inspect.getmembers(Store, inspect.isfunction)
        if any(word in str(inspect.signature(method).return_annotation) for word in ("Item", "Project"))
    }
    assert giving - set(vars(_Withheld)) == {"create_project"}
