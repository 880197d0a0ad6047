"""The card's messages in its mode of second looks: verdicts in; blind asks out, and what others said once answered."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from collab.domain.annotation import Annotation
from collab.domain.project import NONE, Answer, Item, Project
from collab.domain.suspect import KINDS, Adjudicated
from collab.engine.encoders.table import Table
from collab.loop import adjudicating
from collab.loop.permitting import Desk
from collab.loop.reviewing import Contrast, Flipped, Revealed, Said
from collab.ui import protocol
from collab.ui.answers import counted_as, told
from collab.ui.protocol import BadMessage, Json, Link, Refused
from collab.ui.reasons import near_message
from collab.ui.words import word

ActKind = Literal["settle", "discard", "send", "withdraw"]
ACTS: tuple[ActKind, ...] = get_args(ActKind)
MOST_SAID = 12
MOST_EXPERTS = 60


@dataclass(frozen=True, slots=True)
class Act:
    """What a reviewer does with an item that they have answered blind."""

    id: str
    kind: ActKind
    item: int
    answer: Answer = ()
    unusable: bool = False
    note: str = ""
    to: str = ""
    """To whom it is sent."""
    target: str = ""
    """The act that is taken back."""
    schema_version: int = 0


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Answers and verdicts in, second looks out."""

    tab: str
    want: int
    have: tuple[int, ...]
    on_screen: int | None
    idle: bool
    kind: str
    """Of one kind alone; "": of all."""
    looking: int | None
    """Item that was answered blind and waits to be told what others said."""
    acts: tuple[Annotation | Act | Refused, ...]


def read_review(body: Any, annotator: str, project: Project) -> ReviewRequest:  # body is JSON of a stranger
    """Read a message of the card. Raises `BadMessage`."""
    message = protocol.read_sync(body, annotator, project)
    kind = body.get("kind", "")
    if kind != "" and kind not in KINDS:
        raise BadMessage(f"kind must be one of {', '.join(KINDS)}, or empty.")
    acts = tuple(
        _read_act(entry) if entry.get("kind") in ACTS else read
        for entry, read in zip(body.get("answers", []), message.answers, strict=True)
    )
    return ReviewRequest(
        message.tab, message.want, message.have, message.on_screen, message.idle, kind, _item(body, "looking"), acts
    )


def read_item(body: Any) -> int:  # body is JSON of a stranger
    """Read which item is meant. Raises `BadMessage`."""
    found = _item(body, "item") if isinstance(body, dict) else None
    if found is None:
        raise BadMessage("item must be the id of an item.")
    return found


def perform(desk: Desk, project: Project, act: Act, who: str, now: int) -> None:
    """Do what the reviewer wants. Raises what the verb does."""
    if act.kind == "settle":
        adjudicating.settle(
            desk, project.id, act.item, act.answer, who, act.id, now,
            unusable=act.unusable, note=act.note, schema_version=act.schema_version,
        )  # fmt: skip
    elif act.kind == "discard":
        adjudicating.discard(desk, project.id, act.item, who, act.id, now, note=act.note)
    elif act.kind == "send":
        adjudicating.send(desk, project.id, act.item, act.to, who, act.id, now, note=act.note)
    else:
        adjudicating.withdraw(desk, project.id, act.target, who, act.id, now)


def look_message(found: Revealed, project: Project, link: Link) -> Json:
    """What the card shows once an item is answered blind."""
    schema, decision = project.schema, found.decision
    by = [s.annotation.annotator for s in found.said if not s.again]
    decided = decision and {
        "answer": list(counted_as(decision.answer, schema)),
        "name": told(decision.answer, schema),
        "source": _source(decision.source, found.settled_by, by),
    }
    return {
        "item": found.item.id,
        "mine": {"id": found.look.id, "kind": found.look.kind, "answer": list(counted_as(found.look.answer, schema))},
        "same": found.same,
        "decision": decided or None,
        "kinds": [{"kind": kind, "name": word(f"suspect.{kind}")} for kind in found.kinds],
        "said": [_said(each, project) for each in found.said[:MOST_SAID]],
        "suggested": _suggested(found, project),
        "flipped": None if found.flipped is None else _flipped(found.flipped, project),
        "contrast": None if found.contrast is None else _contrast(found.contrast, project, link),
        "near": [near_message(each, project, link) for each in found.near],
        "experts": list(found.experts[:MOST_EXPERTS]),
    }


def verdict_message(listed: Adjudicated, item: Item, project: Project, link: Link, table: Table | None = None) -> Json:
    """One of a person's own verdicts in force, for the strip of earlier ones."""
    said = listed.adjudication
    kind = "discard" if said.verdict == "discard" else "unusable" if said.unusable else "answer"
    return {
        "number": listed.number,
        "id": said.event,
        "ask": None,
        "kind": kind,
        "answer": list(counted_as(said.answer, project.schema)),
        "note": listed.note,
        "at": listed.at,
        "changed": said.verdict == "change",
        "afresh": said.before is None,
        "kinds": [{"kind": listed.kind, "name": word(f"suspect.{listed.kind}")}],
        "blind": True,
        "settled": True,
        **protocol.item_message(item, project, link, table),
    }


def _source(source: str, settled_by: str, by: list[str]) -> str:
    """Where a decision comes from, in words."""
    if source == "adjudicated":
        return word("review.by_adjudicator", name=settled_by)
    return ", ".join(by) if source == "agreement" and by else word(f"source.{source}")


def _said(each: Said, project: Project) -> Json:
    said = each.annotation
    answer = counted_as(said.answer, project.schema)
    return {
        "who": said.annotator,
        "answer": told(said.answer, project.schema) or word(f"kind_of.{said.kind}"),
        "color": project.schema[answer[0]].color if said.kind == "answer" and answer != (NONE,) else "",
        "note": said.note,
        "how": word("review.again") if each.again else word("review.knew") if said.shown is not None else "",
        "day": time.strftime("%Y-%m-%d", time.gmtime(said.at / 1000)),
    }


def _suggested(found: Revealed, project: Project) -> Json | None:
    if found.suggested is None:
        return None
    answer, sure = found.suggested
    return {"name": told(answer, project.schema), "sure": sure}


def _flipped(flipped: Flipped, project: Project) -> list[Json]:
    return [
        {"version": version, "name": told(answer, project.schema), "sure": sure}
        for version, answer, sure in zip(flipped.versions, (flipped.before, flipped.after), flipped.sure, strict=True)
    ]


def _contrast(contrast: Contrast, project: Project, link: Link) -> Json:
    return {
        **near_message(contrast.near, project, link),
        "texts": [
            {"name": name, "parts": [{"of": part.of, "text": part.text} for part in parts]}
            for name, parts in contrast.texts
        ],
        "values": [{"name": name, "here": here, "there": there} for name, here, there in contrast.values],
    }


def _read_act(entry: Mapping[str, Any]) -> Act | Refused:
    id_, kind = str(entry["id"]), entry["kind"]
    item = _item(entry, "item")
    answer = entry.get("answer") or []
    texts = {name: entry.get(name) or "" for name in ("note", "to", "target")}
    texts["note"] = protocol.mended(texts["note"])
    version = entry.get("schema_version", 0)
    if (
        item is None
        or not isinstance(answer, list)
        or not all(protocol.is_text(c, protocol.MOST_CLASS) for c in answer)
    ):
        return Refused(id_, "item must be the id of an item, and answer a list of class ids.")
    if not all(protocol.is_text(text, 5000) for text in texts.values()):
        return Refused(id_, "note, to and target must be texts.")
    known = isinstance(version, int) and not isinstance(version, bool) and 0 <= version < 2**63
    return Act(
        id_, kind, item, tuple(answer), entry.get("unusable") is True, texts["note"], texts["to"], texts["target"],
        version if known else 0,
    )  # fmt: skip


def _item(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise BadMessage(f"{name} must be an id or null.")
    return value
