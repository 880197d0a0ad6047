"""The form of a search: words first, and behind a click all else that items can be found by."""

import streamlit as st

from collab.domain.project import Field, Project
from collab.domain.store import FieldFilter, ItemFilter
from collab.loop import finding
from collab.loop.finding import Search, Sure
from collab.ui import session
from collab.ui.answers import choices
from collab.ui.pieces import plain
from collab.ui.words import word

STATES = ("", "labeled", "machine", "flagged", "later", "unsure", "disputed", "unusable", "open")
SOURCES = ("", "agreement", "adjudicated", "aggregated", "imported", "machine")
ORDERS = ("", "surest", "least sure")
LIKE, WORDS = "like", "words-turn"


def wanted(project: Project) -> Search:
    """Draw the form; returns what is looked for."""
    if not session.may("review", project.id):  # what others answered isn't told, nor what a filter by it leaves
        typed = _words()
        return Search(ItemFilter(typed.strip(), fields=_fields(project)), like=_like(project))
    names = choices(project.schema)
    asked = st.query_params.get("state", "")
    text, state, answer = st.columns([3, 1.4, 1.4], vertical_alignment="bottom")
    with text:
        typed = _words()
    with state:
        chosen = st.selectbox(
            word("data.state"), STATES, index=STATES.index(asked) if asked in STATES else 0,
            format_func=lambda s: word(f"state.{s}") if s else word("data.any"), key=f"state-{asked}",
        )  # fmt: skip
    with answer:
        label = st.selectbox(
            word("data.answer"), ["", *names], format_func=lambda c: names.get(c, word("data.any")), key="answer"
        )
    with st.expander(word("find.more"), icon=":material/tune:"):
        source, fields = _source(), _fields(project)
        sure, order = _model(project) if finding.model_speaks(session.desk(), project.id) else (None, "")
    mine = session.annotator() if chosen == "later" else ""
    items = ItemFilter(typed.strip(), chosen, label, mine, source=source, fields=fields)  # type: ignore[arg-type]  # each is one of those above
    return Search(items, sure, _like(project), order)  # type: ignore[arg-type]  # as above


def _words() -> str:
    return st.text_input(
        word("data.search"), placeholder=word("data.search_hint"), icon=":material/search:",
        key=f"words-{st.session_state.get(WORDS, 0)}",
    )  # fmt: skip


def look_for_like(project: Project, item: int) -> None:
    """From now on, have the items like this one come first, whatever words were looked for before."""
    st.session_state[LIKE] = project.id, item
    st.session_state[WORDS] = st.session_state.get(WORDS, 0) + 1  # another key, and the field is empty


def like(project: Project) -> int | None:
    """The item that others shall be like."""
    of, item = st.session_state.get(LIKE, (None, None))
    return item if of == project.id else None


def _like(project: Project) -> int | None:
    item = like(project)
    if item is not None and st.button(word("find.like_no_more"), icon=":material/close:", type="tertiary"):
        del st.session_state[LIKE]
        st.rerun()
    return item


def _source() -> str:
    return st.selectbox(
        word("data.source"), SOURCES, format_func=lambda s: word(f"source.{s}") if s else word("data.any"), key="source"
    )


def _fields(project: Project) -> tuple[FieldFilter, ...]:
    """Conditions on single fields; nothing is found by what is personal."""
    if not (there := _askable(project)):
        return ()
    chosen = st.multiselect(word("find.fields"), list(there), placeholder=word("find.fields_hint"), key="fields")
    asked = (_field(there[name]) for name in chosen)
    return tuple(each for each in asked if each is not None)


def _askable(project: Project) -> dict[str, Field]:
    """Fields that items can be found by, by name."""
    found = (f for f in project.fields if f.kind in ("text", "number", "category") and not f.personal)
    return {f.name: f for f in found if f.role in ("both", "shown", "encoded")}


def _field(field: Field) -> FieldFilter | None:
    """What one field must hold; None while nothing is said."""
    key = f"field-{field.name}"
    if field.kind == "number":
        low, high = st.columns(2)
        with low:
            least = st.number_input(word("find.from", field=plain(field.name)), value=None, key=f"{key}-low")
        with high:
            most = st.number_input(word("find.to", field=plain(field.name)), value=None, key=f"{key}-high")
        if least is None and most is None:
            return None
        return FieldFilter(field.name, "between", low=least, high=most)
    what = "find.contains" if field.kind == "text" else "find.equals"
    typed = st.text_input(word(what, field=plain(field.name)), key=key).strip()
    return FieldFilter(field.name, "contains" if field.kind == "text" else "equals", typed) if typed else None


def _model(project: Project) -> tuple[Sure | None, str]:
    """How probable the model must find something, and in which order that comes."""
    classes = {c.id: c.name for c in project.schema.live}
    of, share, order = st.columns([1.4, 2.4, 1.4], vertical_alignment="bottom")
    with of:
        name = st.selectbox(
            word("find.probability_of"), ["", *classes],
            format_func=lambda c: classes.get(c, word("find.likeliest")), key="sure-of",
        )  # fmt: skip
    with share:
        low, high = st.slider(word("find.probability"), 0, 100, (0, 100), format="%d %%", key="sure")
    with order:
        by = st.selectbox(
            word("find.order"), ORDERS,
            format_func=lambda o: word(f"find.{o.replace(' ', '_')}") if o else word("find.usual"), key="order",
        )  # fmt: skip
    if (low, high) == (0, 100) and not by:
        return None, ""
    return Sure(low / 100, high / 100, name), by
