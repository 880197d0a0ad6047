"""Hide the model's word and show it: what of it people see before they answer, and what once they have.

The one place that knows the modes of a project; whatever is sent to a browser or kept in the log passes here.
"""

from collections.abc import Mapping
from dataclasses import replace

from collab.domain.annotation import ALWAYS_BLIND, Annotation, Ask, Suggestion
from collab.domain.project import Mode, Project
from collab.domain.store import Store
from collab.loop.permitting import needs

REASONS: Mapping[Mode, str] = {"suggestion first": "blind", "answer first": "first", "blind": "alone"}
"""Key of the sentence that every ask carries whose word is hidden: the same one for all of a mode."""


def hides(project: Project, ask: Ask) -> bool:
    """Whether an ask goes out without the model's word, and without anything that hints at it."""
    return ask.blind or ask.purpose in ALWAYS_BLIND or project.policy.mode != "suggestion first"


def veiled(project: Project, ask: Ask) -> Ask:
    """Take from an ask what would tell it apart from any other that goes out without the model's word; but for a
    norming round, of which everybody knows."""
    if not hides(project, ask):
        return ask
    reason = "norming" if ask.purpose == "norming" else REASONS[project.policy.mode]
    return replace(ask, suggestion=None, purpose="query", lane="query", score=0.0, reason=reason, blind=True)


def recorded(
    project: Project, annotation: Annotation, ask: Ask | None, first: Annotation | None, reveal: bool = True
) -> Annotation:
    """Write into an annotation what was on screen, what was hidden, and whether it is shown from now on.

    Args:
        ask: What is answered, None where somebody acts on an item that they have not been asked.
        first: The annotation that this one changes.
        reveal: Whether somebody waits to be shown the word.
    """
    bare = replace(annotation, hidden=None, revealed=False, by_coin=False)
    if ask is None:
        return replace(bare, blind=annotation.shown is None)
    if first is not None and first.revealed and annotation.shown is not None:
        return replace(bare, blind=False, shown=first.hidden)  # what was sent, whatever comes back
    mode, measures = project.policy.mode, ask.purpose in ALWAYS_BLIND
    knew = annotation.shown is not None or (first is not None and (first.revealed or not first.blind))
    if not (ask.blind or measures) and (mode == "suggestion first" or knew):
        return replace(bare, blind=False)
    free = not (ask.blind or measures) and first is None and annotation.kind == "answer"
    return replace(
        bare,
        blind=True,
        shown=None,
        hidden=ask.suggestion,
        revealed=reveal and mode == "answer first" and free and ask.suggestion is not None,
        by_coin=mode == "suggestion first" and not measures,
    )


@needs("annotate", own="annotator")
def revealed(store: Store, project: int, annotator: str, answer: str) -> Suggestion | None:
    """What the model says of an item that this person has answered, where their answer has uncovered it."""
    event = store.event(answer) if answer else None
    if event is None or (event.project, event.actor, event.kind) != (project, annotator, "answer"):
        return None
    said = Annotation.from_event(event)
    return said.hidden if said.revealed else None
