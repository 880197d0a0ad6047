"""Say which version suggests from now on: promote one, go back to an older one, delete the weights of others.

What a version is made of stands on the disk already, so that the switch is one event and two rows; the worker finds
another policy, loads the encoder beside its work, and goes on. Free of torch: pages call this.
"""

from dataclasses import replace
from typing import Literal

from collab.domain.annotation import Event
from collab.domain.project import LoopPolicy, Project
from collab.domain.store import Store
from collab.domain.version import TUNED, ModelVersion
from collab.errors import Conflict
from collab.loop.measuring import JOINED, image_fields, model_name, reads_text, tuned_folder
from collab.loop.permitting import needs
from collab.loop.versions import judged, version_of

Act = Literal["promote", "roll back"]


@needs("lead", own="by")
def promote(store: Store, project_id: int, version: int, by: str, event_id: str, now: int) -> None:
    """Have a version suggest from now on; items that it has not read yet are queued to be read in the same act.

    Args:
        store: The workspace.
        project_id: Whose.
        version: Its number.
        by: Who says so; "" where the gate alone does. Named in the record where the gate did not call it better.
        event_id: The act's own; pressed twice it is one act.
        now: Milliseconds since 1970.

    Raises:
        UnknownName: There is no such version.
        Conflict: It is the champion already, or its weights were deleted.
    """
    _switch(store, project_id, version, "promote", by, event_id, now)


@needs("lead", own="by")
def roll_back(store: Store, project_id: int, version: int, by: str, event_id: str, now: int) -> None:
    """Have an older version suggest again; arguments and errors as in `promote`.

    Raises:
        Conflict: Also where that version has never suggested.
    """
    _switch(store, project_id, version, "roll back", by, event_id, now)


@needs("lead", own="by")
def delete_weights(store: Store, project_id: int, version: int, by: str, event_id: str, now: int) -> None:
    """Free the disk of a version's weights and features; what is known of it stays.

    Args:
        store: The workspace.
        project_id: Whose.
        version: Its number.
        by: Who says so.
        event_id: The act's own.
        now: Milliseconds since 1970.

    Raises:
        UnknownName: There is no such version.
        Conflict: It suggests, or it has no weights of its own.
    """
    model = version_of(store, project_id, version)
    names = tuned_names(model)
    if not names:
        raise Conflict(f"Version {version} has no weights of its own, so there is nothing to delete.")
    with store.transaction():
        store.lock(project_id)
        if store.event(event_id) is not None:
            return
        models = store.models(project_id)
        policy = store.project(project_id).policy
        if names & {policy.encoder, policy.image_encoder} or _is_champion(models, names):
            raise Conflict(f"Version {version} suggests now. Use another version first, then delete this one.")
        shared = [m for m in models if tuned_names(m) & names and not m.record.deleted_by]
        payload = {"versions": [m.id for m in shared], "names": sorted(names)}
        store.append(Event(event_id, project_id, "delete weights", by, now, payload=payload))
        for each in shared:
            store.save_model(replace(each, record=replace(each.record, deleted_by=by)))
    # Last: what was written down can be deleted again, what was deleted can't be brought back.
    for each in shared:
        if (kept := judged(store, project_id, each.id)) is not None and kept.features[1]:
            store.delete_features(project_id, *kept.features)
    for name in names:
        store.delete_files(tuned_folder(project_id, name))


def tuned_names(model: ModelVersion) -> frozenset[str]:
    """Names of the fine-tuned encoders that a version is made of."""
    names = (model.record.text_encoder, model.record.image_encoder)
    return frozenset(name for name in names if name.startswith(TUNED))


def policy_of(project: Project, model: ModelVersion) -> LoopPolicy:
    """The policy under which a version suggests."""
    text, image = model.record.text_encoder, model.record.image_encoder
    names = model.encoder.split(JOINED)  # versions from before there were records have their names there alone
    if reads_text(project):
        text, names = text or names[0], names[1:]
    if image_fields(project):
        image = image or names[0]
    policy = project.policy
    return replace(policy, encoder=text or policy.encoder, image_encoder=image or policy.image_encoder, head=model.head)


@needs("lead")
def unread(store: Store, project: Project, model: ModelVersion) -> int | None:
    """Items that a version must read before it can suggest anything for them; None: its features are not known."""
    items = store.progress(project.id).items
    if model_name(store, replace(project, policy=policy_of(project, model))) != model.encoder:
        return items  # the table was measured anew
    features = ("", 0)
    if (own := judged(store, project.id, model.id)) is not None:
        features = own.features
    else:
        others = (judged(store, project.id, m.id) for m in store.models(project.id))
        features = next((o.features_before for o in others if o is not None and o.against == model.id), features)
    return max(0, items - len(store.features(project.id, *features))) if features[1] else None


def _switch(store: Store, project_id: int, version: int, act: Act, by: str, event_id: str, now: int) -> None:
    with store.transaction():
        store.lock(project_id)
        if store.event(event_id) is not None:
            return  # the button was pressed twice
        model, project = version_of(store, project_id, version), store.project(project_id)
        if model.status == "champion":
            raise Conflict(f"Version {version} suggests already.")
        if model.record.deleted_by:
            raise Conflict(f"The weights of version {version} were deleted by {model.record.deleted_by}. Train anew.")
        if act == "roll back" and model.status != "retired":
            raise Conflict(f"Version {version} has never suggested, so there is no way back to it; promote it.")
        before = next((m.id for m in store.models(project_id) if m.status == "champion"), None)
        policy = policy_of(project, model)
        payload = {
            "act": act,
            "version": version,
            "champion_before": before,
            "before": _names(project.policy),
            "after": _names(policy),
        }
        event = Event(event_id, project_id, "promote", by, now, schema_version=project.schema.version, payload=payload)
        store.append(event)
        store.save_policy(project_id, policy)
        verdict = model.record.verdict
        if model.status == "candidate" and by and (verdict is None or verdict.word != "better"):
            model = replace(model, record=replace(model.record, overruled_by=by))
        store.save_model(replace(model, status="champion", record=replace(model.record, suggests_since=now)))
        if unread(store, project, model) != 0:
            store.submit_job("encode", project_id, {}, by, now)


def _names(policy: LoopPolicy) -> dict[str, str]:
    return {"encoder": policy.encoder, "image_encoder": policy.image_encoder, "head": policy.head}


def _is_champion(models: tuple[ModelVersion, ...], names: frozenset[str]) -> bool:
    return any(m.status == "champion" and tuned_names(m) & names for m in models)
