"""Settings of a project: its classes, its policy, its end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import streamlit as st

from collab.domain.project import LabelClass, LabelSchema, Project
from collab.loop import ranking, reshaping
from collab.loop.annotating import new_id
from collab.ui import session
from collab.ui.classes import ClassRow, class_editor, read_classes, row_of
from collab.ui.pieces import empty, errors_told, heading, plain
from collab.ui.words import WORDS, language, word

LEVELS = (0.8, 0.9, 0.95)
"""Of label sets, among which the page offers the choice; a policy may carry others."""


def draw() -> None:
    """Draw the settings of the open project."""
    project = session.project()
    heading(word("settings.title"), plain(project.name) if project else "")
    if project is None:
        empty("tune", word("settings.none"), word("settings.none_why"))
        return
    _schema(project)
    _retire_or_merge(project)
    _policy(project)
    _delete(project)


def _schema(project: Project) -> None:
    schema = project.schema
    with st.container(border=True):
        st.header(word("settings.classes"), anchor=False)
        st.caption(word("settings.classes_why", version=schema.version))
        question = st.text_input(word("new.question"), schema.question, key=f"q-{project.id}-{schema.version}")
        rows = class_editor([row_of(c) for c in schema.live], key=f"classes-{project.id}-{schema.version}")
        guidelines = st.text_area(word("new.guidelines"), schema.guidelines, key=f"g-{project.id}-{schema.version}")
        for line in _renames(project, rows):
            st.warning(line, icon=":material/edit:")
        if st.session_state.pop("saved-schema", 0) == schema.version:
            st.success(word("settings.saved"))
        with st.container(horizontal=True):
            if st.button(word("settings.save"), type="primary", key="save-schema"):
                with errors_told():
                    changed = replace(
                        schema, question=question.strip(), guidelines=guidelines.strip(), classes=_edited(schema, rows)
                    )
                    saved = reshaping.save_classes(session.store(), project.id, changed, *_act())
                    st.session_state["saved-schema"] = saved.version
                    st.rerun()
            if schema.version > 1 and st.button(word("settings.undo"), icon=":material/undo:"):
                reshaping.undo(session.store(), project.id, *_act())
                st.rerun()


def _renames(project: Project, rows: Sequence[ClassRow]) -> Iterator[str]:
    """Say of each class with answers that is about to be called otherwise what the new name will stand for."""
    written = {c.id: c.name for c in read_classes(rows)}
    for each in project.schema.live:
        new = written.get(each.id, each.name)
        if new and new != each.name:
            touched = reshaping.impact(session.store(), project.id, each.id)
            if answers := touched.decisions + touched.audits:
                yield word("settings.renames", name=plain(each.name), answers=f"{answers:,}", new=plain(new))


def _edited(schema: LabelSchema, rows: Sequence[ClassRow]) -> tuple[LabelClass, ...]:
    """Live classes as edited, each in its place among the retired ones; new rows come last."""
    written = {c.id: c for c in read_classes(rows)}
    known = {c.id for c in schema.classes}
    old = tuple(c if c.retired else written[c.id] for c in schema.classes if c.retired or c.id in written)
    return (*old, *(c for c in written.values() if c.id not in known))


def _retire_or_merge(project: Project) -> None:
    schema = project.schema
    names = {c.id: plain(c.name) for c in schema.live}
    with st.container(border=True):
        st.header(word("settings.reshape"), anchor=False)
        one, two = st.columns(2)
        with one:
            source = st.selectbox(
                word("settings.class"), list(names), index=None, format_func=names.__getitem__,
                placeholder=word("settings.choose_class"), key=f"source-{schema.version}",
            )  # fmt: skip
        with two:
            heirs = ["", *(c for c in names if c != source)]
            into = st.selectbox(
                word("settings.into"),
                heirs,
                format_func=lambda c: names.get(c) or word("settings.only_retire"),
                key=f"into-{schema.version}",
            )
        if source is None:
            return
        touched = reshaping.impact(session.store(), project.id, source)
        text = "settings.merge_preview" if into else "settings.retire_preview"
        st.markdown(
            word(text, name=names[source], into=names.get(into, ""), decisions=touched.decisions, audits=touched.audits)
        )
        if st.button(word("settings.merge" if into else "settings.retire")):
            with errors_told():
                if into:
                    reshaping.merge(session.store(), project.id, source, into, *_act())
                else:
                    reshaping.retire(session.store(), project.id, source, *_act())
                st.rerun()


def _policy(project: Project) -> None:
    policy = project.policy
    with st.form(f"policy-{project.id}"):
        st.header(word("settings.policy"), anchor=False)
        one, two = st.columns(2, gap="large")
        with one:
            goal = _number("daily_goal", 1, 10_000, policy.daily_goal)
            overlap = _number("overlap", 1, 20, policy.annotations_per_item)
            idle = _number("idle", 1, 240, policy.idle_minutes)
        with two:
            blind = _share("blind", 0, 50, policy.blind_share)
            accept = _share("accept", 50, 100, policy.accept_from)
            trickle = _number("trickle", 0, 1000, policy.audit_trickle)
        level = _level(policy.set_level)
        names = tuple(dict.fromkeys((*ranking.strategies(), policy.strategy)))
        strategy = st.selectbox(
            word("settings.strategy"), names, names.index(policy.strategy), format_func=_strategy_words
        )
        st.caption(word("settings.strategy_why"))
        encoder = st.text_input(word("settings.encoder"), policy.encoder)
        st.caption(word("settings.encoder_why"))
        if st.form_submit_button(word("settings.save"), type="primary"):
            with errors_told():
                changed = replace(
                    policy, daily_goal=goal, annotations_per_item=overlap, idle_minutes=idle, blind_share=blind,
                    audit_trickle=trickle, accept_from=accept, set_level=level,
                    encoder=encoder.strip() or policy.encoder, strategy=strategy,
                )  # fmt: skip
                reshaping.save_policy(session.store(), project.id, changed, *_act())
                st.success(word("settings.saved"))


def _level(value: float) -> float:
    """How often label sets shall hold the right class, or never any."""
    levels = sorted({0.0, *LEVELS, value})
    level = st.selectbox(word("settings.sets"), levels, levels.index(value), format_func=_level_words)
    st.caption(word("settings.sets_why"))
    return level


def _level_words(level: float) -> str:
    """A level as people count: 0.95 is 19 times in 20."""
    counted = Fraction(round(100 * level), 100)
    if not counted:
        return word("settings.sets_off")
    return word("settings.sets_level", n=counted.numerator, of=counted.denominator)


def _strategy_words(name: str) -> str:
    """What a strategy asks, in plain words; one from elsewhere has only its name."""
    key = f"strategy.{name}"
    return word(key) if key in WORDS[language()] else name


def _number(name: str, least: int, most: int, value: int) -> int:
    """A number, and the sentence that says what it does to the work."""
    number = st.number_input(word(f"settings.{name}"), least, most, value)
    st.caption(word(f"settings.{name}_why"))
    return int(number)


def _share(name: str, least: int, most: int, value: float) -> float:
    """A share in percent, and the sentence that says what it does to the work."""
    percent = st.slider(word(f"settings.{name}"), least, most, round(value * 100))
    st.caption(word(f"settings.{name}_why"))
    return percent / 100


def _delete(project: Project) -> None:
    with st.expander(word("settings.delete")):
        st.markdown(word("settings.delete_why"))
        typed = st.text_input(word("settings.type_name", name=plain(project.name)), key=f"delete-{project.id}")
        if st.button(word("settings.delete_now"), disabled=typed.strip() != project.name):
            session.store().delete_project(project.id)
            session.forget_project()
            session.go("home")


def _act() -> tuple[str, str, int]:
    """Who acts, under which id, and when."""
    return session.annotator(), new_id(), session.now()
