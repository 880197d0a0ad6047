"""Why the model suggests what it does, as the card hears it: of the fields that people see, and of the class they see.

For a question with one right class the effects are those on its lead over the likeliest other one; with several, those
on the class itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collab.domain.media import thumb_of
from collab.domain.project import NONE, Item, Project
from collab.loop.inquiring import Neighbour, Reasons
from collab.ui.answers import told
from collab.ui.protocol import BadMessage, Json, Link, is_text, item_message, shown_ref
from collab.ui.words import word

LEAST = 0.02
"""Logits below which nothing is said to speak for or against: nobody would answer otherwise for it."""
WEAK = 0.2
"""Nor what moves less than this share of the strongest part."""
MOST_FACTS = 6
"""Columns that are told, the strongest first."""
EXCERPT = 160
ALIKE = ((0.8, "why.nearly_same"), (0.5, "why.alike"), (0.25, "why.somewhat"), (-1.0, "why.hardly"))
"""Cosines from which neighbours are called so."""


@dataclass(frozen=True, slots=True)
class _Side:
    """For which class effects are told, and over which other one."""

    column: int
    """Place among the classes of the effects."""
    rival: int | None

    def effect(self, effects: Sequence[float]) -> float:
        """How far a part moves the lead of the class, in logits."""
        return effects[self.column] - (0 if self.rival is None else effects[self.rival])


def read_why(body: Any) -> tuple[str, int, str, str]:  # body is JSON of a stranger
    """Read (tab, ask, id of the class, id of its rival) of a message; either may be "".

    Raises:
        BadMessage: It isn't one.
    """
    if not isinstance(body, dict):
        raise BadMessage("The message is not an object.")
    tab, ask, wanted, over = body.get("tab"), body.get("ask"), body.get("class", ""), body.get("over", "")
    if not is_text(tab, 64) or not tab:
        raise BadMessage("tab must be a text of at most 64 characters.")
    if not isinstance(ask, int) or isinstance(ask, bool) or not 0 <= ask < 2**63:
        raise BadMessage("ask must be an id.")
    if not isinstance(wanted, str) or not isinstance(over, str):
        raise BadMessage("class and over must be ids of classes.")
    return str(tab), ask, wanted, over


def why_message(found: Reasons, project: Project, link: Link, wanted: str, over: str = "") -> Json:
    """What the card learns: parts with a `push` in [-1, 1], above 0 for the class, relative to the strongest one.

    Args:
        found: Effects of everything, and neighbours.
        project: Its fields say what people see.
        link: Makes the addresses of images.
        wanted: Id of the class that is on screen; "" or one that isn't likely: the likeliest.
        over: Id of the class over which it leads there; else the likeliest other one.
    """
    content = found.content
    side = _side(content, project, wanted, over)
    if side is None:
        return {"waiting": False, "failed": True}
    seen = {f.name for f in project.fields if f.shown}
    classes = content["classes"]
    words = [(entry[:3], side.effect(entry[3])) for entry in content["words"] if entry[0] in seen]
    values = {fact[0]: fact[1] for fact in item_message(found.item, project, link)["meta"]}
    facts = [(name, side.effect(e)) for name, e in content["fields"]]
    unseen = sum(effect for name, effect in facts if name not in seen)
    told = [(name, effect) for name, effect in facts if name in seen]
    kinds = [(kind, name, side.effect(e)) for kind, name, e in content["kinds"]]
    return {
        "waiting": False,
        "failed": False,
        "for": _name(project, classes[side.column]),
        "over": "" if side.rival is None else _name(project, classes[side.rival]),
        "classes": [{"id": c, "name": _name(project, c)} for c in classes] if project.schema.many else [],
        "words": [
            {"field": name, "start": start, "end": end, "push": push}
            for ((name, start, end), _), push in _pushed(words)
        ],
        "facts": [
            {"name": name, "value": values.get(name, ""), "push": push}
            for (name, _), push in sorted(_pushed(told, unseen), key=lambda e: -abs(e[1]))[:MOST_FACTS]
        ],
        "unseen": next((push for (name, _), push in _pushed([*told, ("", unseen)]) if name == ""), 0.0),
        "pictures": [
            {"field": name, "grid": grid, "push": _scaled([side.effect(e) for e in effects])}
            for name, grid, effects in content["pictures"]
            if name in seen
        ],
        "kinds": [
            {"name": name if kind == "image" else word(f"why.{kind}"), "push": push}
            for (kind, name, _), push in zip(kinds, _scaled([effect for *_, effect in kinds]), strict=True)
            if kind != "image" or name in seen
        ],
        "taught": bool(content["near"]),  # only a guess from the names has no neighbours from the start
        "near": [near_message(each, project, link) for each in found.near],
    }


def _side(content: Mapping[str, Any], project: Project, wanted: str, over: str) -> _Side | None:
    classes = content.get("classes") or []
    if not classes:
        return None
    known = {c.id for c in project.schema.classes}
    heirs = [project.schema.resolve(c) if c in known else "" for c in (wanted, over)]
    column, rival = (classes.index(heir) if heir in classes else None for heir in heirs)
    column = 0 if column is None else column
    others = [place for place in (rival, *range(len(classes))) if place not in (None, column)]  # the likeliest first
    return _Side(column, None if project.schema.many or not others else others[0])


def _pushed(parts: Sequence[tuple[Any, float]], beside: float = 0.0) -> list[tuple[tuple[Any, float], float]]:
    """Parts that move something, with their push."""
    pushes = _scaled([effect for _, effect in parts], beside)
    return [(part, push) for part, push in zip(parts, pushes, strict=True) if abs(push) >= WEAK]


def _scaled(effects: Sequence[float], beside: float = 0.0) -> list[float]:
    """Effects relative to the strongest one; all 0 where even that is too weak to be told."""
    most = max((abs(effect) for effect in (*effects, beside)), default=0.0)
    return [round(effect / most, 3) if most >= LEAST else 0.0 for effect in effects]


def near_message(near: Neighbour, project: Project, link: Link) -> Json:
    """A labeled item that is near, for a line of it."""
    source = near.decision.source
    pictures = (near.item.fields.get(f.name) for f in project.fields if f.shown and f.kind == "image")
    picture = next(filter(None, pictures), "")
    return {
        "ref": shown_ref(near.item, project),
        "thumb": link(thumb_of(picture)) if picture else "",
        "excerpt": _words(near.item, project)[:EXCERPT],
        "answer": told(near.decision.answer, project.schema),
        "color": "" if near.decision.answer == (NONE,) else project.schema[near.decision.answer[0]].color,
        "by": word("why.came_with_file") if source == "imported" else ", ".join(near.by) or word("why.others"),
        "alike": next(word(key) for least, key in ALIKE if near.cosine >= least or least == -1.0),
        "cosine": round(near.cosine, 2),
    }


def _words(item: Item, project: Project) -> str:
    """Its texts, then its other values with their names; its picture is shown, and needs none."""
    given = [
        (f, "" if item.fields.get(f.name) is None else str(item.fields[f.name])) for f in project.fields if f.shown
    ]
    texts = [value for field, value in given if field.kind == "text" and value]
    facts = [f"{field.name} {value}" for field, value in given if field.kind not in ("text", "image") and value]
    return " ".join(" · ".join((*texts, *facts)).split())


def _name(project: Project, class_id: str) -> str:
    return project.schema[project.schema.resolve(class_id)].name
