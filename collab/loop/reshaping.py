"""Change a project's classes: write them anew, retire or merge one, take the last change back.

Each change is one event that names the schema before and after it; decisions follow at once. Classes keep their place.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from collab.domain.annotation import Event
from collab.domain.project import NONE, Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.domain.store import Store
from collab.errors import Conflict, InvalidSchema, UnknownName
from collab.loop.auditing import revoke_all
from collab.loop.permitting import needs
from collab.loop.settling import ask_on, follow_classes, settle_again


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change would touch."""

    decisions: int
    """Decisions outside the reserve that name the class."""
    audits: int
    """Audit answers that name it."""


@needs("lead")
def impact(store: Store, project_id: int, class_id: str) -> Impact:
    """Say how many decisions and audits count for a class today."""
    schema = store.project(project_id).schema
    counts = store.class_counts(project_id)
    decisions = sum(n for c, n in counts.items() if c != NONE and schema.resolve(c) == class_id)
    audits = store.audit_answers(project_id, now=0)
    return Impact(
        decisions, sum(class_id in [schema.resolve(a) for a in audit.answer or () if a != NONE] for audit in audits)
    )


@needs("lead", own="actor")
def save_classes(
    store: Store, project_id: int, schema: LabelSchema, actor: str, event_id: str, now: int
) -> LabelSchema:
    """Keep new words, keys, colors and guidelines; classes may be appended, their order may not change.

    A class that is new ends the audits so far: nobody could have answered with it. They are asked again, blind.

    Raises:
        InvalidSchema: A class was taken away or moved.
    """
    before = store.project(project_id).schema
    kept = tuple(c.id for c in schema.classes[: len(before.classes)])
    if kept != tuple(c.id for c in before.classes):
        raise InvalidSchema(
            "Classes keep their place: add new ones at the end, and retire or merge the ones to be gone."
        )
    if replace(schema, version=before.version) == before:
        return before  # saved without a change: nothing happened
    return _change(store, project_id, schema, "save", actor, event_id, now)


@needs("lead", own="actor")
def retire(store: Store, project_id: int, class_id: str, actor: str, event_id: str, now: int) -> LabelSchema:
    """Offer a class no longer; what was answered with it stands, and where others are beside it, counts for these."""
    schema = store.project(project_id).schema
    after = _with(schema, replace(schema[class_id], retired=True))
    return _change(store, project_id, after, "retire", actor, event_id, now, touched=(class_id,) if schema.many else ())


@needs("lead", own="actor")
def merge(store: Store, project_id: int, class_id: str, into: str, actor: str, event_id: str, now: int) -> LabelSchema:
    """Let every answer with one class count for another from now on.

    Raises:
        InvalidSchema: The two are the same, or the heir can't be chosen any more.
    """
    schema = store.project(project_id).schema
    if class_id == into or schema[into].retired:
        raise InvalidSchema("A class is merged into another one that can still be chosen; pick one of those.")
    merged = replace(schema[class_id], retired=True, merged_into=into)
    return _change(store, project_id, _with(schema, merged), "merge", actor, event_id, now, touched=(class_id, into))


@needs("lead", own="actor")
def undo(store: Store, project_id: int, actor: str, event_id: str, now: int) -> LabelSchema:
    """Take the last change of the classes back; undone twice, it is there again.

    Raises:
        Conflict: The classes have never been changed.
    """
    versions = store.schema_versions(project_id)
    if len(versions) < 2:
        raise Conflict("The classes have not been changed yet; there is nothing to take back.")
    now_in_force, earlier = versions[-1], versions[-2]
    appended = now_in_force.classes[len(earlier.classes) :]
    # A class that was appended stays in its column, for a suggestion may know it by now; it is only not offered.
    back = replace(earlier, classes=(*earlier.classes, *(replace(c, retired=True) for c in appended)))
    touched = tuple(
        heir
        for one, two in zip(now_in_force.classes, earlier.classes, strict=False)
        if one.merged_into != two.merged_into
        for heir in (one.id, one.merged_into or two.merged_into)
    )
    if back.many and any(
        one.retired != two.retired for one, two in zip(now_in_force.classes, back.classes, strict=True)
    ):
        touched = tuple(c.id for c in back.classes)  # decisions that leave a retired class out don't name it
    return _change(store, project_id, back, "undo", actor, event_id, now, touched=touched)


@needs("see personal", own="actor")
def mark_personal(
    store: Store, project_id: int, names: Sequence[str], actor: str, event_id: str, now: int, *, named_by: str = ""
) -> Project:
    """Say which columns are personal, those beside the fields too; what was exported before stays what it is.

    Args:
        named_by: The column that names the items, where no field says so.

    Raises:
        UnknownName: No file that was imported has such a column.
    """
    project = store.project(project_id)
    columns = columns_of(store, project)
    if unknown := [name for name in names if name not in columns]:
        raise UnknownName("column", unknown[0], columns)
    known = {f.name for f in project.fields}
    more = [Field(n, "text", "id" if n == named_by else "metadata") for n in names if n not in known]
    fields = tuple(replace(f, personal=f.name in names) for f in (*project.fields, *more))
    if fields == project.fields:
        return project
    payload = {"personal": {"before": sorted(project.personal), "after": sorted(names)}}
    event = Event(event_id, project_id, "fields", actor, now, schema_version=project.schema.version, payload=payload)
    with store.transaction():
        if store.append(event):
            store.save_fields(project_id, fields)
            store.submit_job("index", project_id, {}, actor, now)  # for the columns by which items are looked for
    return replace(project, fields=fields)


@needs("see personal")
def columns_of(store: Store, project: Project) -> tuple[str, ...]:
    """All columns of a project's items: its fields, and those that stand beside them in its files."""
    beside = (name for *_, report in store.imports(project.id) for name in report.columns)
    return tuple(dict.fromkeys((*(f.name for f in project.fields), *beside)))


@needs("lead", own="actor")
def save_policy(store: Store, project_id: int, policy: LoopPolicy, actor: str, event_id: str, now: int) -> None:
    """Keep new settings, as an event that names the ones before."""
    project = store.project(project_id)
    payload = {"before": project.policy.as_dict(), "after": policy.as_dict()}
    event = Event(event_id, project_id, "policy", actor, now, schema_version=project.schema.version, payload=payload)
    with store.transaction():
        if not store.append(event):
            return
        store.save_policy(project_id, policy)
        if _settling(policy) != _settling(project.policy):
            store.add_slots(project_id, policy.annotations_per_item)
            changed, items = store.project(project_id), store.annotated(project_id)
            settle_again(store, changed, items, now)
            if policy.several:
                for item in items:
                    ask_on(store, changed, item)


def _with(schema: LabelSchema, changed: LabelClass) -> LabelSchema:
    return replace(schema, classes=tuple(changed if c.id == changed.id else c for c in schema.classes))


def _settling(policy: LoopPolicy) -> tuple[object, ...]:
    """What says how many answers an item needs, and what they come to."""
    return (
        policy.annotations_per_item, policy.overlap_share, policy.overlap, policy.answers_most, policy.decide_by,
    )  # fmt: skip


def _guidance(schema: LabelSchema) -> tuple[object, ...]:
    """What people answer by: half of a certificate's audits must not be answered by one guideline, half by another."""
    return schema.guidelines, *((c.id, c.example, c.near_miss) for c in schema.live)


def _meaning(schema: LabelSchema) -> tuple[object, ...]:
    """What an answer says: no certificate outlives a change of it. Keys and colors don't belong to it."""
    classes = ((c.id, c.name, c.description, c.critical) for c in schema.live)
    return schema.question, *classes, *(c.merged_into for c in schema.classes)


def _change(
    store: Store,
    project_id: int,
    schema: LabelSchema,
    act: str,
    actor: str,
    event_id: str,
    now: int,
    touched: Sequence[str] = (),
) -> LabelSchema:
    before = store.project(project_id).schema
    after = replace(schema, version=before.version + 1)
    payload = {"act": act, "before": asdict(before), "after": asdict(after), "touched": list(touched)}
    event = Event(event_id, project_id, "schema", actor, now, schema_version=after.version, payload=payload)
    with store.transaction():
        if not store.append(event):
            return before
        store.save_schema(project_id, after)
        if _meaning(after) != _meaning(before):
            revoke_all(store, project_id, now)
        elif _guidance(after) != _guidance(before):
            revoke_all(store, project_id, now, only="auditing")
        project = store.project(project_id)
        follow_classes(store, project, touched, now)
    return after
