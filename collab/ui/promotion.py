"""What a person may do with a version: use it, go back to it, take it along, delete its weights."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from collab.domain.project import Project
from collab.domain.version import ModelVersion
from collab.loop import promoting
from collab.loop.annotating import new_id
from collab.ui import session
from collab.ui.pieces import errors_told
from collab.ui.words import word

Act = Callable[..., None]


def decide(project: Project, model: ModelVersion, models: tuple[ModelVersion, ...]) -> None:
    """Ask of a new version whether to use it, or to keep the one that suggests."""
    champion = next((m for m in models if m.status == "champion"), None)
    kept = f"kept-{model.id}"
    if st.session_state.get(kept):
        st.caption(word("promotion.kept", n=model.id))
        return
    if champion is not None:
        st.caption(word("verdict.stays", n=champion.id))
    with st.container(horizontal=True, vertical_alignment="center"):
        use(project, model, place="result", kind="primary" if better(model) else "secondary")
        if champion is not None and st.button(word("promotion.keep", n=champion.id), key=f"keep-{model.id}"):
            st.session_state[kept] = True
            st.rerun()


def use(
    project: Project, model: ModelVersion, *, place: str, kind: Literal["primary", "secondary"] = "secondary"
) -> None:
    """Offer to use a version; where no blind answers called it better, ask first.

    Args:
        project: Whose.
        model: One that may suggest.
        place: Where the button stands, as each has a name of its own.
        kind: How it looks.
    """
    key = f"use-{place}-{model.id}"
    if waiting := promoting.unread(session.desk(), project, model):
        st.caption(word("promotion.unread", n=f"{waiting:,}"))
    if model.status == "retired":
        if st.button(word("promotion.back"), key=key, icon=":material/undo:"):
            _act(promoting.roll_back, project, model)
        return
    if better(model):
        if st.button(word("promotion.use"), key=key, type=kind, icon=":material/check:"):
            _act(promoting.promote, project, model)
        return
    with st.popover(word("promotion.use"), icon=":material/check:", key=f"ask-{key}"):
        st.markdown(word("promotion.sure", n=model.id))
        if st.button(word("promotion.use_anyway"), key=key, type="primary"):
            _act(promoting.promote, project, model)


def delete(project: Project, model: ModelVersion, *, place: str) -> None:
    """Offer to delete the weights of a version that doesn't suggest; asks first."""
    key = f"delete-{place}-{model.id}"
    with st.popover(word("promotion.delete"), icon=":material/delete:", key=f"ask-{key}"):
        st.markdown(word("promotion.delete_sure", n=model.id))
        if st.button(word("promotion.delete_now"), key=key):
            _act(promoting.delete_weights, project, model)


def usable(model: ModelVersion) -> bool:
    """Whether it may suggest from now on."""
    return model.status != "champion" and not model.record.deleted_by


def deletable(model: ModelVersion) -> bool:
    """Whether it has weights that may go."""
    return usable(model) and bool(promoting.tuned_names(model))


def better(model: ModelVersion) -> bool:
    """Whether blind answers called it better."""
    return model.record.verdict is not None and model.record.verdict.word == "better"


def _act(act: Act, project: Project, model: ModelVersion) -> None:
    with errors_told():
        act(session.desk(), project.id, model.id, session.annotator(), new_id(), session.now())
        st.rerun()
