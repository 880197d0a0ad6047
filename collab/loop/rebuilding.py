"""Make the projections anew from the log alone."""

from dataclasses import replace

from collab.domain.annotation import ANNOTATION_KINDS, Annotation
from collab.domain.store import Store
from collab.loop.enforcing import forget
from collab.loop.replaying import forget_several, replay
from collab.loop.settling import apply, apply_verdict, conclude, convene, follow_classes, settle_one


def rebuild(store: Store, project_id: int) -> None:
    """Make states, decisions and annotations in force anew from the log alone."""
    versions = {schema.version: schema for schema in store.schema_versions(project_id)}
    project = replace(store.project(project_id), schema=versions[min(versions)])
    with store.transaction():
        store.lock(project_id)
        store.reset_projections(project_id)
        after = 0
        while events := store.log(project_id, after):
            for after, event in events:  # noqa: B007  # the last number is where the next page starts
                if event.kind in ANNOTATION_KINDS:
                    apply(store, project, Annotation.from_event(event))
                elif event.kind == "certificate":
                    replay(store, event)
                elif event.kind == "aggregate":
                    conclude(store, project, event)
                elif event.kind == "norming":
                    convene(store, project, event)
                elif event.kind in ("adjudicate", "withdraw"):
                    apply_verdict(store, project, event)
                elif event.kind == "reopen" and event.item is not None:
                    forget(store, project.id, event.item)
                    forget_several(store, project.id, event.item)
                    for each in store.current(event.item):
                        store.set_current(event.item, each.annotator, None)
                    settle_one(store, project, event.item, event.at)
                elif event.kind == "erase" and event.item is not None:
                    store.forget_answers(project_id, event.item, event.at)
                elif event.kind == "schema":
                    project = replace(project, schema=versions[event.schema_version])
                    follow_classes(store, project, event.payload.get("touched", ()), event.at, reopen=False)
