"""Mounts the labeling card; what it shows comes through `collab.ui.routes`, not through here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from collab.domain.project import NONE, Project
from collab.domain.suspect import KINDS
from collab.ui import words

_HERE = Path(__file__).parent
# One after the other: an inline module can't import its neighbours.
_SCRIPTS = (
    "line.js", "text.js", "sheet.js", "picture.js", "view.js", "asides.js", "why.js", "toggles.js",
    "looks.js", "review.js", "input.js", "card.js", "mount.js",
)  # fmt: skip


def _read(*names: str) -> str:
    return "\n".join((_HERE / name).read_text("utf-8") for name in names)


_card = st.components.v2.component(
    "collab.card",
    html=_read("card.html"),
    css=_read("card.css", "picture.css", "why.css", "toggles.css", "review.css"),
    js=_read(*_SCRIPTS),
    isolate_styles=True,
)


@dataclass(frozen=True, slots=True)
class CardEvent:
    """What the card asks of its page in this run; mostly nothing."""

    who: bool = False
    """"Not you?" was pressed: ask for the name again."""
    stale: bool = False
    """The classes have changed since the page handed them over: read the project anew and mount again."""


def label_card(
    project: Project,
    annotator: str,
    token: str,
    *,
    lang: str = "en",
    mode: Literal["label", "chosen", "review"] = "label",
    base: str = "",
    keys_on: bool = True,
    reopen: str = "",
    key: str = "card",
) -> CardEvent:
    """Mount the card of a project for one annotator.

    Args:
        token: The grant that its requests carry; it alone says who answers, and in which project.
        lang: Language of its own strings; those of the items come with them.
        mode: What is asked: the model's questions, what the person picked, or second looks.
        base: Path before `/api`, where the app doesn't stand at the root.
        keys_on: Whether single keys answer until the person decides otherwise.
        reopen: Id of an annotation of theirs that is opened first, once; Esc leads to the questions that wait.
        key: Must stay the same from run to run; another key is another card.
    """
    words.speak(lang)
    data = card_data(project, annotator, token, mode=mode, base=base, keys_on=keys_on, reopen=reopen)
    result = _card(key=key, data=data, on_who_change=_rerun, on_stale_change=_rerun)
    return CardEvent(who=bool(result.who), stale=bool(result.stale))


def card_data(
    project: Project,
    annotator: str,
    token: str,
    *,
    mode: str = "label",
    base: str = "",
    keys_on: bool = True,
    reopen: str = "",
) -> dict[str, Any]:
    """What the card knows from its page; the same from run to run, so that a rerun doesn't touch it."""
    schema, policy = project.schema, project.policy
    columns = {c.id: column for column, c in enumerate(schema.classes)}
    classes = [
        {
            "id": c.id, "name": c.name, "key": c.key, "color": c.color, "description": c.description,
            "example": c.example, "near_miss": c.near_miss, "column": columns[c.id],
        }
        for c in schema.live
    ]  # fmt: skip
    return {
        "project": project.id, "annotator": annotator, "token": token, "base": base, "mode": mode,
        "lang": words.language(), "strings": words.words_of("card"), "reasons": words.words_of("reason"),
        "question": schema.question, "guidelines": schema.guidelines, "classes": classes,
        "many": schema.many, "none": NONE,
        "schema_version": schema.version, "goal": policy.daily_goal, "idle_minutes": policy.idle_minutes,
        "keys_on": keys_on, "reopen": reopen,
        "kinds": [
            {"kind": kind, "name": words.word(f"look_at.{kind or 'all'}")} for kind in ("", *KINDS)
        ] if mode == "review" else [],
        "pictures": any(field.shown and field.kind == "image" for field in project.fields),
    }  # fmt: skip


def _rerun() -> None:
    """A trigger needs a callback to be known; the rerun that it causes is all that is wanted."""
