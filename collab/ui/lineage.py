"""The versions of a project's model, each as a card: where it comes from, how good it is, what it took, what to do."""

import streamlit as st

from collab.domain.project import Project
from collab.domain.version import ModelVersion, makers
from collab.ui import comparison, promotion, session, verdicts
from collab.ui.naming import encoder_words, head_words
from collab.ui.pieces import plain
from collab.ui.words import word

SHOWN = 6
COLORS = {"champion": "green", "candidate": "blue", "retired": "gray"}


def draw(project: Project, models: tuple[ModelVersion, ...]) -> None:
    """Draw the newest ones, and the others where somebody asks for them.

    Args:
        project: Whose.
        models: Newest first; at least one.
    """
    st.header(word("models.versions"), anchor=False)
    st.caption(word("models.versions_why"))
    for model in models[:SHOWN]:
        _card(project, model, models)
    if len(models) > SHOWN:
        with st.expander(word("versions.older", n=len(models) - SHOWN)):
            for model in models[SHOWN:]:
                _card(project, model, models)


def _card(project: Project, model: ModelVersion, models: tuple[ModelVersion, ...]) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{word('versions.number', n=model.id)}** · {title(model, models)}")
            st.badge(status(model), color=COLORS[model.status])  # type: ignore[arg-type]  # colors of badges
        st.caption(origin(model, session.clock(model.at)))
        record = model.record
        if record.making is not None or record.accuracy is not None:
            one, two, three = st.columns(3, gap="medium")
            n = record.audits
            one.markdown(f"{_head('accuracy')}  \n{verdicts.accuracy(record.accuracy, n)}")
            two.markdown(f"{_head('calibration')}  \n{verdicts.calibration(record.calibration)}")
            if record.making is not None:
                three.markdown(f"{_head('cost')}  \n{verdicts.cost(record.making)}")
        for line in remarks(model):
            st.caption(line)
        _acts(project, model, models)


def _head(key: str) -> str:
    return f":small[{word(f'versions.{key}_head')}]"


def _acts(project: Project, model: ModelVersion, models: tuple[ModelVersion, ...]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if promotion.usable(model):
            promotion.use(project, model, place="list")
        comparison.offer(project, model, models)
        if promotion.deletable(model):
            promotion.delete(project, model, place="list")


def title(model: ModelVersion, models: tuple[ModelVersion, ...]) -> str:
    """What it is, in a few words."""
    making = model.record.making
    head = head_words(model.head)
    if making is None:
        return word("versions.reads", encoder=plain(encoder_words(model.encoder, makers(models))), head=plain(head))
    if making.method == "mlp":
        return word("versions.network")
    return word("versions.tuned", method=word(f"method.{making.method}"), n=f"{making.labels:,}")


def status(model: ModelVersion) -> str:
    """Whether it suggests, in a word."""
    return word("versions.deleted") if model.record.deleted_by else word(f"models.{model.status}")


def origin(model: ModelVersion, at: str) -> str:
    """When it was made, and held against which one."""
    return word("versions.origin", at=at) if model.parent is None else word(
        "versions.origin_parent", at=at, parent=model.parent
    )  # fmt: skip


def remarks(model: ModelVersion) -> list[str]:
    """How it was judged, who took it all the same, who deleted its weights."""
    record, lines = model.record, []
    if record.verdict is not None:
        lines.append(
            word(f"versions.{record.verdict.word.replace(' ', '_')}".replace("'", ""), n=record.verdict.against)
        )
    if record.overruled_by:
        lines.append(word("versions.overruled", name=plain(record.overruled_by)))
    if record.deleted_by:
        lines.append(word("versions.deleted_by", name=plain(record.deleted_by)))
    return lines
