import uuid
from dataclasses import replace

import pytest

from collab.domain.annotation import Ask, Decision
from collab.domain.project import LabelClass, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import Audit, Store
from collab.engine.assurance import share_of
from collab.errors import Conflict, InvalidSchema
from collab.loop import annotating, handing_out, rebuilding, reporting, reshaping
from collab.loop.reshaping import Impact
from tests.conftest import MakeProject
from tests.samples import answer_of

MOODS = LabelSchema("How does it sound?", classes_from_names(("Glad", "Happy", "Sad")))


def act() -> tuple[str, str, int]:
    return "ann", str(uuid.uuid4()), 10_000


def answer(store: Store, project: int, *choices: str, by: str = "ann") -> list[int]:
    items = [row.item for row in store.pool(project) if not row.reserved][: len(choices)]
    for item, choice in zip(items, choices, strict=True):
        annotating.submit(store, answer_of(project, item, choice, by), "tab", 1000)
    return items


def test_a_merged_class_counts_for_its_heir_at_once_and_for_itself_again_after_undo(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(10, schema=MOODS)
    glad, happy = answer(store, project.id, "Glad", "Happy")
    assert reshaping.impact(store, project.id, "Glad") == Impact(1, 0)
    reshaping.merge(store, project.id, "Glad", "Happy", *act())
    assert [store.decision(i) for i in (glad, happy)] == [Decision(i, ("Happy",), "agreement") for i in (glad, happy)]
    assert store.class_counts(project.id) == {"Happy": 2}
    assert [c.id for c in store.project(project.id).schema.live] == ["Happy", "Sad"]
    reshaping.undo(store, project.id, *act())
    assert store.class_counts(project.id) == {"Glad": 1, "Happy": 1}
    assert store.project(project.id).schema == replace(MOODS, version=3)


def test_a_dispute_between_two_classes_ends_when_they_are_merged(store: Store, make_project: MakeProject) -> None:
    project = make_project(10, schema=MOODS, policy=LoopPolicy(annotations_per_item=2))
    (item,) = answer(store, project.id, "Glad", by="ann")
    answer(store, project.id, "Happy", by="bob")
    assert store.items([item])[item].state == "disputed"
    reshaping.merge(store, project.id, "Glad", "Happy", *act())
    assert store.decision(item) == Decision(item, ("Happy",), "agreement")


def test_answers_of_several_classes_that_differ_by_a_retired_one_agree_until_it_is_back(
    store: Store, make_project: MakeProject
) -> None:
    moods = replace(MOODS, task="multi label")
    project = make_project(10, schema=moods, policy=LoopPolicy(annotations_per_item=2))
    (item,) = answer(store, project.id, "Glad", by="ann")
    both = replace(answer_of(project.id, item, "Glad", "bob"), answer=("Glad", "Sad"))
    annotating.submit(store, both, "tab", 1000)
    assert store.items([item])[item].state == "disputed"
    assert reporting.people_agreement(store, project.id, moods).share == share_of(0, 1)
    schema = reshaping.retire(store, project.id, "Sad", *act())
    assert store.decision(item) == Decision(item, ("Glad",), "agreement")
    assert reporting.people_agreement(store, project.id, schema).share == share_of(1, 1)
    reshaping.undo(store, project.id, *act())
    assert (store.items([item])[item].state, store.decision(item)) == ("disputed", None)


def test_a_retired_class_is_no_longer_offered_and_keys_of_the_others_stay(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(10, schema=MOODS)
    (item,) = answer(store, project.id, "Happy")
    schema = reshaping.retire(store, project.id, "Happy", *act())
    assert [(c.id, c.key) for c in schema.live] == [("Glad", "1"), ("Sad", "3")]
    assert store.decision(item) == Decision(item, ("Happy",), "agreement")


def test_classes_can_be_renamed_and_appended_but_not_moved_or_taken_away(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(schema=MOODS)
    glad, happy, sad = MOODS.classes
    wanted = (replace(glad, name="Cheerful"), happy, sad, LabelClass("Angry", "Angry", "4"))
    saved = reshaping.save_classes(store, project.id, replace(MOODS, classes=wanted), *act())
    assert saved == store.project(project.id).schema == replace(MOODS, classes=wanted, version=2)
    for bad in ((happy, glad, sad), (glad, happy)):
        with pytest.raises(InvalidSchema, match="keep their place"):
            reshaping.save_classes(store, project.id, replace(MOODS, classes=bad), *act())


def test_undoing_an_appended_class_keeps_its_column_but_offers_it_no_longer(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(schema=MOODS)
    angry = LabelClass("Angry", "Angry", "4")
    reshaping.save_classes(store, project.id, replace(MOODS, classes=(*MOODS.classes, angry)), *act())
    schema = reshaping.undo(store, project.id, *act())
    assert schema.classes == (*MOODS.classes, replace(angry, retired=True))


def test_a_resent_change_is_the_same_change(store: Store, make_project: MakeProject) -> None:
    project = make_project(schema=MOODS)
    once = act()
    reshaping.retire(store, project.id, "Glad", *once)
    reshaping.retire(store, project.id, "Glad", *once)
    assert store.project(project.id).schema.version == 2
    assert [event.kind for _, event in store.log(project.id)] == ["schema"]


def test_a_change_that_contradicts_itself_leaves_everything_as_it_was(store: Store, make_project: MakeProject) -> None:
    project = make_project(schema=MOODS)
    with pytest.raises(Conflict, match="nothing to take back"):
        reshaping.undo(store, project.id, *act())
    with pytest.raises(InvalidSchema, match="merged into another one"):
        reshaping.merge(store, project.id, "Glad", "Glad", *act())
    with pytest.raises(InvalidSchema, match="the key '2'"):
        reshaping.save_classes(
            store, project.id, replace(MOODS, classes=(replace(MOODS["Glad"], key="2"), *MOODS.classes[1:])), *act()
        )
    assert store.project(project.id).schema == MOODS
    assert store.log(project.id) == []


def test_new_settings_are_an_event_that_names_the_old_ones(store: Store, make_project: MakeProject) -> None:
    project = make_project()
    wanted = replace(project.policy, daily_goal=50)
    reshaping.save_policy(store, project.id, wanted, *act())
    ((_, event),) = store.log(project.id)
    assert store.project(project.id).policy == wanted
    assert (event.kind, event.payload["before"]["daily_goal"], event.payload["after"]["daily_goal"]) == (
        "policy",
        200,
        50,
    )


def test_a_new_class_has_the_audits_asked_again_before_they_count(store: Store, make_project: MakeProject) -> None:
    policy = LoopPolicy(audit_schedule=((50, 1),))
    project = make_project(20, mark=0.5, schema=MOODS, policy=policy)
    ask = hand_out_one(store, project)
    annotating.submit(store, replace(answer_of(project.id, ask.item, "Sad", "ann"), ask=ask.id), ask.token, 1000)
    assert store.progress(project.id).audited == 1
    schema = store.project(project.id).schema
    longer = replace(schema, classes=(*schema.classes, LabelClass("Calm", "Calm")))
    reshaping.save_classes(store, project.id, longer, *act())
    waiting = Audit(ask.item, 1, None, asked=True, held=True)
    assert (store.progress(project.id).audited, store.audit_answers(project.id, 10_000)) == (0, [waiting])
    assert hand_out_one(store, store.project(project.id)).item == ask.item
    rebuilding.rebuild(store, project.id)
    assert store.audit_answers(project.id, 10_000) == [waiting]


def hand_out_one(store: Store, project: Project) -> Ask:
    arguments = {"want": 1, "have": (), "on_screen": None, "ranking": 0, "now": 1000}
    return handing_out.hand_out(store, project, "ann", "tab", **arguments).asks[0]
