"""The card's messages: JSON to types, and types to JSON. What an ask hides is left out here once more."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

from collab.domain.annotation import Annotation, AnnotationKind, Ask, Choices, Footing, Suggestion
from collab.domain.media import thumb_of, view_of
from collab.domain.project import Field, Item, Project
from collab.domain.task import task_of
from collab.engine.calibration import out_of_ten
from collab.engine.encoders.table import Column, Table
from collab.loop.handing_out import MOST_HELD
from collab.loop.recalling import Recalled
from collab.loop.veiling import veiled
from collab.ui.answers import counted_as
from collab.ui.sentences import told

Json = dict[str, Any]  # values of parsed JSON
Link = Callable[[str], str]
"""From the name of a stored image to the address under which this browser may see it."""

MOST_ANSWERS = 100
MOST_HISTORY = 50
MOST_EXACT = 1e15
"""Whole numbers from here on stay as they were written."""
KINDS = frozenset(get_args(AnnotationKind)) - {"restore"}
DOUBTS = ("unsure", "unlike")
"""Reasons that a suggestion says itself, and better, where it stands on as little."""
FOOTINGS: tuple[Footing, ...] = get_args(Footing)
LONGEST_SECONDS, MOST_CLASS = 1e9, 1000
_BROKEN = re.compile("[\0\ud800-\udfff]")


class BadMessage(ValueError):
    """A message that isn't of the protocol; the text says which part."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that can never be stored."""

    id: str
    message: str
    gone: bool = False
    """Whether its item was erased: nothing of it is to be shown any more."""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Answers in, asks out."""

    tab: str
    want: int
    have: tuple[int, ...]
    on_screen: int | None
    ranking: int
    idle: bool
    waits: str
    """Id of the answer whose item stays on screen until it is known what the model says; "": of none."""
    answers: tuple[Annotation | Refused, ...]


def read_sync(body: Any, annotator: str, project: Project) -> SyncRequest:  # body is JSON of a stranger
    """Read a sync message. A single bad answer is refused by itself, so that it can't block the ones behind it."""
    if not isinstance(body, dict):
        raise BadMessage("The message is not an object.")
    answers = body.get("answers", [])
    have = body.get("have", [])
    if not isinstance(answers, list) or len(answers) > MOST_ANSWERS:
        raise BadMessage(f"answers must be a list of at most {MOST_ANSWERS}.")
    if not isinstance(have, list) or len(have) > 10 * MOST_HELD or not all(map(_is_id, have)):
        raise BadMessage("have must be a list of ask ids.")
    return SyncRequest(
        tab=_text(body, "tab", 64, needed=True),
        want=min(_number(body, "want"), MOST_HELD),
        have=tuple(have),
        on_screen=_optional_id(body, "on_screen"),
        ranking=_number(body, "ranking"),
        idle=body.get("idle") is True,
        waits=_text(body, "waits", 64),
        answers=tuple(_read_answer(entry, annotator, project) for entry in answers),
    )


def read_history(body: Any) -> tuple[int, int | None]:  # body is JSON of a stranger
    """Read (limit, before) of a history message."""
    if not isinstance(body, dict):
        raise BadMessage("The message is not an object.")
    return min(max(_number(body, "limit", 20), 1), MOST_HISTORY), _optional_id(body, "before")


def read_link(body: Any) -> tuple[str, str]:  # body is JSON of a stranger
    """Read (name, token) of an image's address that was handed out before."""
    if not isinstance(body, dict):
        raise BadMessage("The message is not an object.")
    address = _text(body, "link", 1000, needed=True)
    _, _, path = urlsplit(address).path.partition("/api/v1/")
    return path, parse_qs(urlsplit(address).query).get("t", [""])[0]


def ask_message(ask: Ask, item: Item, project: Project, link: Link, measured: Table | None = None) -> Json:
    """What a card learns of an ask: never its purpose or score, and no suggestion of one that goes out without.

    Args:
        ask: As it is handed out.
        item: What it asks about.
        project: Whose it is.
        link: Makes the addresses of images.
        measured: What is known of the columns, so that a value can be placed among all.
    """
    ask = veiled(project, ask)
    return {
        "id": ask.id,
        "blind": ask.blind,
        "first": project.policy.mode == "answer first",
        "reason": ask.reason,
        "doubt": ask.reason in DOUBTS,
        "chosen": ask.lane == "chosen",
        "suggestion": None if ask.suggestion is None else suggestion_message(ask.suggestion, project),
        **item_message(item, project, link, measured),
    }


def item_message(item: Item, project: Project, link: Link, measured: Table | None = None) -> Json:
    """The part of an item that people see: other columns may hold what must not be known, as the file's own answer."""
    shown = [(field, item.fields.get(field.name)) for field in project.fields if field.shown]
    seen = [(field, "" if value is None else str(value)) for field, value in shown if field.kind in ("text", "image")]
    texts = [value for field, value in seen if field.kind == "text"]
    columns = {} if measured is None else {column.name: column for column in measured.columns}
    facts = [_fact(f, value, columns.get(f.name)) for f, value in shown if f.kind not in ("text", "image")]
    return {
        "item": item.id,
        "digest": project.told(item.digest),
        "ref": shown_ref(item, project),
        "fields": [
            {"name": field.name, "kind": "text", "value": value}
            if field.kind == "text"
            else {"name": field.name, "kind": "image", **_image(value, link)}
            for field, value in seen
        ],
        "meta": facts,
        "lang": _language(" ".join(texts)),
        # Where several texts are read as one, the place in it says nothing to a person.
        "truncated_at": item.read_until if len(texts) == 1 else None,
    }


def shown_ref(item: Item, project: Project) -> str:
    """What an item is called before people: its own id, else a part of its digest.

    Never the number of its row: files often list class by class, and on a blind ask it would tell the answer.
    """
    return item.ref if any(field.role == "id" for field in project.fields) else project.told(item.digest)[:6]


def _image(name: str, link: Link) -> Json:
    """Where to see an image, small and whole; "" where the item has none."""
    return {"thumb": link(thumb_of(name)) if name else "", "view": link(view_of(name)) if name else ""}


def _fact(field: Field, value: Any, column: Column | None) -> list[Any]:  # a cell of JSON
    """Name, value, and where there is more its unit and its place among all: above which share of the numbers it lies,
    or which share of the items has this category."""
    more: Json = {"unit": field.unit} if field.unit else {}
    if column is not None and column.kind != "date" and (share := column.standing(value)) is not None:
        more["above" if column.kind == "number" else "share"] = round(share, 3)
    return [field.name, _told(value), *([more] if more else [])]


def _told(value: Any) -> str:  # a cell of JSON
    """A number or a category as people write it: 3750, not 3750.0; "" where none is there."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < MOST_EXACT
    return "" if value is None else str(int(value) if whole else value)


def suggestion_message(suggestion: Suggestion, project: Project) -> Json:
    """A suggestion in schema order: what was merged counts for its successor, what was retired for nothing."""
    schema, task = project.schema, task_of(project.schema)
    columns = [0.0] * len(schema.classes)
    for each, share in zip(schema.classes, suggestion.proba, strict=False):  # the head may not know the latest class
        heir = schema.index(each.id)
        if not schema.classes[heir].retired:
            columns[heir] = max(columns[heir], share) if schema.many else columns[heir] + share
    total = 1.0 if schema.many else sum(columns) or 1.0
    proba = [share / total for share in columns]
    suggested = task.suggested(proba)
    return {
        "proba": proba,
        "often": _often(task.sure(proba)),
        "model": suggestion.model,
        "footing": suggestion.footing,
        "choices": _choices_message(suggestion.choices, project, suggested),
        **({"suggested": list(suggested), "each": [_often(share) for share in proba]} if schema.many else {}),
    }


def _choices_message(choices: Choices | None, project: Project, suggested: Sequence[int]) -> Json | None:
    """A label set by the classes of today; None once it leaves no choice, rules nothing out, or says nothing new."""
    if choices is None:
        return None
    schema = project.schema
    heirs = {schema.index(schema.classes[column].id) for column in choices.columns}
    columns = sorted(column for column in heirs if not schema.classes[column].retired)
    if not (0 if schema.many else 1) < len(columns) < len(schema.live) or columns == list(suggested):
        return None
    return {"columns": columns, "level": choices.level, "often": _often(choices.level)}


def _often(probability: float) -> Json:
    """A probability as the card says it, in tenths."""
    told = out_of_ten(probability)
    return {"n": told.times, "bound": told.bound.split()[0]}


def history_message(entry: Recalled, project: Project, link: Link, measured: Table | None = None) -> Json:
    """One of a person's own annotations, with what they saw of the item."""
    annotation = entry.annotation
    return {
        "number": entry.number,
        "id": annotation.id,
        "ask": annotation.ask,
        "kind": annotation.kind,
        "answer": list(counted_as(annotation.answer, project.schema)),
        "at": annotation.at,
        "changed": entry.changed,
        "blind": annotation.blind,
        **item_message(entry.item, project, link, measured),
    }


def _read_answer(entry: Any, annotator: str, project: Project) -> Annotation | Refused:  # JSON of a stranger
    if not isinstance(entry, dict) or not is_text(entry.get("id"), 64) or len(entry["id"]) < 8:
        raise BadMessage("Each of answers must be an object with an id.")
    try:
        if not isinstance(entry.get("kind"), str) or entry["kind"] not in KINDS:
            raise BadMessage(f"kind must be one of {', '.join(sorted(KINDS))}.")
        if not _is_id(entry.get("item")):
            raise BadMessage("item must be the id of an item.")
        answer = entry.get("answer") or []
        if not isinstance(answer, list) or not all(is_text(c, MOST_CLASS) for c in answer):
            raise BadMessage("answer must be a list of class ids.")
        return Annotation(
            entry["id"], project.id, entry["item"], annotator, entry["kind"], 0,
            answer=tuple(answer) if entry["kind"] == "answer" else (),
            ask=_optional_id(entry, "ask"),
            target=_text(entry, "target", 64) or None,
            seconds=_seconds(entry.get("seconds")),
            shown=_shown(entry.get("shown"), project),
            note=_text({**entry, "note": mended(entry.get("note"))}, "note", 5000),
            seen=_text(entry, "digest", 128),
            schema_version=min(_number(entry, "schema_version", project.schema.version), project.schema.version),
        )  # fmt: skip
    except BadMessage as error:
        return Refused(entry["id"], told(error))


def _shown(value: object, project: Project) -> Suggestion | None:
    """Read back what `suggestion_message` sent; None where the classes have changed in between."""
    if not isinstance(value, Mapping) or not is_text(value.get("model"), 64):
        return None
    proba = value.get("proba")
    if not isinstance(proba, list) or len(proba) != len(project.schema.classes) or not all(map(_is_share, proba)):
        return None
    footing = value.get("footing", "")
    return Suggestion(
        tuple(map(float, proba)), value["model"], footing if footing in FOOTINGS else "",
        _choices(value.get("choices"), len(proba)),
    )  # fmt: skip


def _choices(value: object, classes: int) -> Choices | None:
    if not isinstance(value, Mapping) or not _is_share(value.get("level")):
        return None
    columns = value.get("columns")
    if not isinstance(columns, list) or len(columns) > classes or not all(_is_id(c) and c < classes for c in columns):
        return None
    return Choices(tuple(columns), float(value["level"]))


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _seconds(value: object) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LONGEST_SECONDS
    return float(value) if usable else None  # type: ignore[arg-type]  # usable says that it is a number


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _optional_id(body: Json, name: str) -> int | None:
    value = body.get(name)
    if value is not None and not _is_id(value):
        raise BadMessage(f"{name} must be an id or null.")
    return value


def _number(body: Json, name: str, default: int = 0) -> int:
    value = body.get(name, default)
    if not _is_id(value):
        raise BadMessage(f"{name} must be a whole number, not below 0.")
    return int(value)


def _text(body: Json, name: str, limit: int, *, needed: bool = False) -> str:
    value = body.get(name)
    if value is None and not needed:
        return ""
    if not is_text(value, limit) or (needed and not value):
        raise BadMessage(f"{name} must be a text of at most {limit} characters.")
    return str(value)


def is_text(value: object, limit: int) -> bool:
    """Whether it is a text that can be kept: of at most so many characters, none of them half of a pair, or NUL."""
    return isinstance(value, str) and len(value) <= limit and _BROKEN.search(value) is None


def mended(value: object) -> object:
    """A text that can be kept: a browser that cuts a text off may leave half of an emoji at its end."""
    return _BROKEN.sub("\ufffd", value) if isinstance(value, str) else value


def _language(text: str) -> str:
    """The language tag under which a browser should set a text: it decides which glyphs Chinese gets."""
    letters = [c for c in text[:2000] if c.isalpha()]
    if not letters:
        return ""
    han = sum("\u4e00" <= c <= "\u9fff" or "\u3400" <= c <= "\u4dbf" for c in letters)
    latin = sum(c.isascii() for c in letters)
    return "zh" if han > 0.3 * len(letters) else "en" if latin > 0.9 * len(letters) else ""
