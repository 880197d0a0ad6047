"""Keep model versions: the one that suggests, and candidates with all that is known of them."""

import json
from dataclasses import asdict, replace

from collab.domain.project import Project
from collab.domain.store import Store
from collab.domain.version import TUNED, Making, ModelStatus, ModelVersion, VersionRecord
from collab.loop.contesting import Outcome
from collab.loop.measuring import image_fields, model_name, reads_text
from collab.loop.versions import judged_file, version_of


def champion_of(store: Store, project: Project, name: str, now: int) -> ModelVersion:
    """The version that suggests: the champion, an older one whose names the policy has again, or a new one.

    Where the stored policy has other names by now, one of the old names is found or made all the same, but as what no
    longer suggests: whoever is still at work on them must not undo a promotion.

    Args:
        store: The workspace.
        project: With the policy.
        name: Of its encoders, as `model_name` says it.
        now: Milliseconds since 1970.
    """
    with store.transaction():
        store.lock(project.id)
        head, models = project.policy.head, store.models(project.id)
        today = store.project(project.id)
        suggests = (model_name(store, today), today.policy.head) == (name, head)
        alike = [m for m in models if (m.encoder, m.head) == (name, head) and not m.record.deleted_by]
        found = next((m for m in alike if m.status == "champion"), None)
        if found is not None:
            return found
        if alike:
            if suggests:
                store.save_model(replace(alike[0], status="champion"))
            return replace(alike[0], status="champion" if suggests else alike[0].status)
        names = _names(project)
        tuned = {each for each in names if each.startswith(TUNED)}
        made = (m.record.making for m in models if tuned & {m.record.text_encoder, m.record.image_encoder})
        record = VersionRecord(*names, making=next(made, None))  # a table measured anew doesn't change what was trained
        status: ModelStatus = "champion" if suggests else "retired"
        return store.add_model(ModelVersion(0, project.id, name, head, status, record=record, at=now))


def keep(
    store: Store, project: Project, champion: int, making: Making, outcome: Outcome, now: int, *, name: str = ""
) -> ModelVersion:
    """Write a candidate as a version, or anew where the same was made before, inside the caller's transaction.

    Args:
        store: The workspace.
        project: With the policy that names the candidate.
        champion: The version that it was held against; what the audits say of that one is kept too.
        making: What made the candidate.
        outcome: What came of holding both against each other.
        now: Milliseconds since 1970.
        name: Of the candidate's encoders when items were read with them; "": as of today.
    """
    before = version_of(store, project.id, champion)
    store.save_model(replace(before, record=_judged(before.record, outcome.before)))
    name, head = name or model_name(store, project), project.policy.head
    same = next((m for m in store.models(project.id) if (m.encoder, m.head) == (name, head)), None)
    known = VersionRecord(*_names(project)) if same is None else same.record
    chose = () if known.verdict is None else known.verdict.audits
    record = replace(
        _judged(known, outcome.after), making=making, verdict=outcome.verdict, flipped=outcome.after.flipped,
        deleted_by="", judged_before=tuple(sorted({*known.judged_before, *chose})),
    )  # fmt: skip
    if same is None:
        version = store.add_model(ModelVersion(0, project.id, name, head, "candidate", champion, record, now))
    else:
        version = replace(same, parent=champion, record=record, at=now)
        store.save_model(version)
    written = json.dumps(asdict(outcome.judged), ensure_ascii=False).encode()
    store.write_file(judged_file(project.id, version.id), iter([written]))
    return version


def _judged(known: VersionRecord, seen: VersionRecord) -> VersionRecord:
    """What is known of a version, with what the audits say now; where they say nothing, what they said stays."""
    if seen.accuracy is not None:
        known = replace(known, accuracy=seen.accuracy, audits=seen.audits)
    return known if seen.calibration is None else replace(known, calibration=seen.calibration)


def _names(project: Project) -> tuple[str, str]:
    """The encoders that a policy names, "" for what the project has no fields of."""
    policy = project.policy
    return policy.encoder if reads_text(project) else "", policy.image_encoder if image_fields(project) else ""
