"""Settings of a project: its classes, its policy, its end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import streamlit as st

from collab.domain.project import LabelClass, LabelSchema, Project
from collab.loop import founding, looking, reshaping
from collab.loop.annotating import new_id
from collab.ui import policy, session
from collab.ui.classes import ClassRow, class_editor, read_classes, row_of
from collab.ui.pieces import empty, errors_told, heading, plain, typed_as
from collab.ui.promises import standing
from collab.ui.words import word


def draw() -> None:
    """Draw the settings of the open project."""
    project = session.project()
    heading(word("settings.title"), plain(project.name) if project else "")
    if project is None:
        empty("tune", word("settings.none"), word("settings.none_why"))
        return
    _schema(project)
    _retire_or_merge(project)
    policy.draw(project)
    _personal(project)
    _delete(project)


def _schema(project: Project) -> None:
    schema = project.schema
    with st.container(border=True):
        st.header(word("settings.classes"), anchor=False)
        st.caption(word("settings.classes_why", version=schema.version))
        st.caption(word("settings.any_applies" if schema.many else "settings.one_applies"))
        question = st.text_input(word("new.question"), schema.question, key=f"q-{project.id}-{schema.version}")
        rows = class_editor([row_of(c) for c in schema.live], key=f"classes-{project.id}-{schema.version}")
        guidelines = st.text_area(word("new.guidelines"), schema.guidelines, key=f"g-{project.id}-{schema.version}")
        for line in _renames(project, rows):
            st.warning(line, icon=":material/edit:")
        sure = _ends(project, "save")
        if st.session_state.pop("saved-schema", 0) == schema.version:
            st.success(word("settings.saved"))
        with st.container(horizontal=True):
            if st.button(word("settings.save"), type="primary", key="save-schema", disabled=not sure):
                with errors_told():
                    changed = replace(
                        schema, question=question.strip(), guidelines=guidelines.strip(), classes=_edited(schema, rows)
                    )
                    saved = reshaping.save_classes(session.desk(), project.id, changed, *_act())
                    st.session_state["saved-schema"] = saved.version
                    st.rerun()
            if schema.version > 1 and st.button(word("settings.undo"), icon=":material/undo:"):
                reshaping.undo(session.desk(), project.id, *_act())
                st.rerun()


def _renames(project: Project, rows: Sequence[ClassRow]) -> Iterator[str]:
    """Say of each class with answers that is about to be called otherwise what the new name will stand for."""
    written = {c.id: c.name for c in read_classes(rows)}
    for each in project.schema.live:
        new = written.get(each.id, each.name)
        if new and new != each.name:
            touched = reshaping.impact(session.desk(), project.id, each.id)
            if answers := touched.decisions + touched.audits:
                yield word("settings.renames", name=plain(each.name), answers=f"{answers:,}", new=plain(new))


def _ends(project: Project, act: str) -> bool:
    """Say which certificates a change of the classes would end; whether somebody has agreed to that, or need not."""
    found = standing(looking.certificates(session.desk(), project.id))
    for each in found:
        said = word("settings.ends_certificate", number=each.number)
        labels = word("settings.ends_labels", labels=f"{each.labels:,}") if each.labels else ""
        st.info(f"{said} {labels}", icon=":material/verified:")
    return not found or st.checkbox(word("settings.ends_sure"), key=f"ends-{act}-{project.id}-{found[0].number}")


def _edited(schema: LabelSchema, rows: Sequence[ClassRow]) -> tuple[LabelClass, ...]:
    """Live classes as edited, each in its place among the retired ones; new rows come last."""
    written = {c.id: c for c in read_classes(rows)}
    known = {c.id for c in schema.classes}
    old = tuple(c if c.retired else written[c.id] for c in schema.classes if c.retired or c.id in written)
    return (*old, *(c for c in written.values() if c.id not in known))


def _retire_or_merge(project: Project) -> None:
    schema = project.schema
    names = {c.id: c.name for c in schema.live}  # a list to choose from isn't Markdown
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
        touched = reshaping.impact(session.desk(), project.id, source)
        text = "settings.merge_preview" if into else "settings.retire_preview"
        called = {"name": plain(names[source]), "into": plain(names.get(into, ""))}
        st.markdown(word(text, **called, decisions=touched.decisions, audits=touched.audits))
        sure = _ends(project, "reshape")
        if st.button(word("settings.merge" if into else "settings.retire"), disabled=not sure):
            with errors_told():
                if into:
                    reshaping.merge(session.desk(), project.id, source, into, *_act())
                else:
                    reshaping.retire(session.desk(), project.id, source, *_act())
                st.rerun()


def _personal(project: Project) -> None:
    """Which columns are withheld from those without the right, for those who have it."""
    if not session.may("see personal", project.id):
        return
    with st.container(border=True):
        st.header(word("settings.personal"), anchor=False)
        st.caption(word("settings.personal_why"))
        columns = reshaping.columns_of(session.desk(), project)
        before = [name for name in columns if name in project.personal]
        chosen = st.multiselect(
            word("settings.personal_columns"),
            columns,
            before,
            key=f"personal-{project.id}-{len(before)}",
            placeholder=word("frame.choose"),
        )
        if encoded := [f.name for f in project.fields if f.encoded and f.name in chosen]:
            st.caption(word("settings.personal_read", columns=plain(", ".join(encoded))))
        if st.button(word("settings.personal_save"), disabled=set(chosen) == set(before)):
            with errors_told():
                reshaping.mark_personal(session.desk(), project.id, chosen, *_act())
                st.rerun()


def _delete(project: Project) -> None:
    with st.expander(word("settings.delete")):
        st.markdown(word("settings.delete_why"))
        typed = st.text_input(word("settings.type_name", name=plain(project.name)), key=f"delete-{project.id}")
        if st.button(word("settings.delete_now"), disabled=not typed_as(typed, project.name)):
            founding.delete(session.desk(), project.id, session.now())
            session.forget_project()
            session.go("home")


def _act() -> tuple[str, str, int]:
    """Who acts, under which id, and when."""
    return session.annotator(), new_id(), session.now()
