"""Two versions side by side, on Models: what they say of the same blind answers, and the items on which they differ."""

import streamlit as st

from collab.domain.project import LabelSchema, Project
from collab.domain.version import ModelVersion
from collab.loop import handing_out, looking, versions
from collab.loop.versions import Comparison, Flip
from collab.ui import session
from collab.ui.answers import told
from collab.ui.figures import Shift, shift_map
from collab.ui.items import excerpt, pictured, thumb_cell
from collab.ui.pieces import plain
from collab.ui.quality import table
from collab.ui.words import word

MOST_CLASSES = 12
"""Up to which the differences are drawn as a map."""
MOST_ROWS = 8
LISTED = 100
"""Flipped items that are listed."""


def draw(project: Project, models: tuple[ModelVersion, ...]) -> None:
    """Let a person choose two versions, and compare them; nothing where no version was ever judged."""
    known = comparable(models)
    if not known:
        return
    newest = next(m for m in models if m.record.verdict is not None)
    ids, key = list(known), _key(project, models)
    first = _against(newest) if _against(newest) in known else ids[0]
    with st.container(border=True):
        st.header(word("comparison.title"), anchor=False)
        one, two = st.columns(2)
        with one:
            a = st.selectbox(
                word("comparison.first"), ids, ids.index(first), format_func=_name, key=f"first-{key}"
            )  # fmt: skip
        with two:
            b = st.selectbox(
                word("comparison.second"), ids, ids.index(newest.id), format_func=_name, key=f"second-{key}"
            )  # fmt: skip
        if a == b:
            st.caption(word("comparison.same"))
            return
        _answers(project.schema, versions.compare(session.desk(), project.id, a, b), a, b)
        judged_one = next((m for m in (known[b], known[a]) if _against(m) in (a, b)), None)
        if judged_one is not None:
            _flips(project, judged_one)


def comparable(models: tuple[ModelVersion, ...]) -> dict[int, ModelVersion]:
    """Versions that blind answers judged, or that others were held against, by number, oldest first."""
    judged = [m for m in models if m.record.verdict is not None]
    numbers = {m.id for m in judged} | {_against(m) for m in judged}
    return {m.id: m for m in sorted(models, key=lambda m: m.id) if m.id in numbers}


def offer(project: Project, model: ModelVersion, models: tuple[ModelVersion, ...]) -> None:
    """Offer to compare a version with the one that it was held against."""
    if model.record.verdict is not None:
        key = _key(project, models)
        st.button(
            word("comparison.go", n=_against(model)), icon=":material/compare_arrows:", key=f"compare-{model.id}",
            on_click=_choose, args=(key, _against(model), model.id),
        )  # fmt: skip


def _choose(key: str, a: int, b: int) -> None:
    st.session_state[f"first-{key}"], st.session_state[f"second-{key}"] = a, b
    st.toast(word("comparison.above", a=a, b=b))


def _key(project: Project, models: tuple[ModelVersion, ...]) -> str:
    """Changes with the versions, so that a new one is what is compared."""
    return f"{project.id}-{max(comparable(models), default=0)}"


def _name(number: int) -> str:
    return word("versions.number", n=number)


def _against(model: ModelVersion) -> int:
    return model.record.verdict.against if model.record.verdict is not None else 0


def _answers(schema: LabelSchema, found: Comparison, a: int, b: int) -> None:
    if not found.audits:
        st.caption(word("comparison.no_answers"))
        return
    st.markdown(summary(found, a, b))
    if found.mended or found.broken:
        if found.before and found.after:
            _map(schema, found)
            rows = changes(schema, found)
        else:
            rows = wrong(schema, found)
        keys = ("people", "model") if found.before else ("class",)
        heads = [word(f"comparison.{key}") for key in keys]
        table([*heads, _name(a), _name(b)], rows[:MOST_ROWS])
        if not found.before:
            st.caption(word("comparison.wrong_how"))


def summary(found: Comparison, a: int, b: int) -> str:
    """How often each agreed, and how many blind answers changed sides."""
    said = {"a": a, "b": b, "n": f"{found.audits:,}", "mended": f"{found.mended:,}", "broken": f"{found.broken:,}"}
    return word("comparison.summary", **said, before=f"{found.right_before:,}", after=f"{found.right_after:,}")


def changes(schema: LabelSchema, found: Comparison) -> list[list[str]]:
    """Pairs of classes whose counts differ, mistakes alone, the greatest change first."""
    shifts = [s for s in _shifts(schema, found) if s.people != s.model and s.before != s.after]
    shifts.sort(key=lambda s: -abs(s.after - s.before))
    return [[plain(s.people), plain(s.model), f"{s.before:,}", f"{s.after:,}"] for s in shifts]


def wrong(schema: LabelSchema, found: Comparison) -> list[list[str]]:
    """Where any number of classes may apply: in how many answers each was named by people or model alone."""
    before, after = found.wrong_before, found.wrong_after
    names = [c for c in found.classes if before.get(c, 0) != after.get(c, 0)]
    names.sort(key=lambda c: -abs(after.get(c, 0) - before.get(c, 0)))
    return [[plain(schema[c].name), f"{before.get(c, 0):,}", f"{after.get(c, 0):,}"] for c in names]


def _map(schema: LabelSchema, found: Comparison) -> None:
    shifts = _shifts(schema, found)
    names = list(dict.fromkeys(s.people for s in shifts))
    if len(names) <= MOST_CLASSES:
        st.altair_chart(shift_map(shifts), width="stretch", alt=word("comparison.map_alt"))
        st.caption(word("comparison.map_how"))


def _shifts(schema: LabelSchema, found: Comparison) -> list[Shift]:
    """A cell for each pair of classes that occur, in schema order."""
    there = [
        i for i in range(len(found.classes))
        if any(cells[i][j] or cells[j][i] for cells in (found.before, found.after) for j in range(len(found.classes)))
    ]  # fmt: skip
    names = [schema[c].name for c in found.classes]
    return [Shift(names[i], names[j], found.before[i][j], found.after[i][j]) for i in there for j in there]


def _flips(project: Project, model: ModelVersion) -> None:
    desk, found = session.desk(), versions.flips(session.desk(), project.id, model.id)
    st.subheader(word("comparison.flips"), anchor=False)
    if not found:
        st.caption(word("comparison.no_flips" if model.record.flipped == 0 else "comparison.flips_unknown"))
        return
    total = model.record.flipped or len(found)
    st.markdown(word("comparison.flipped", n=f"{total:,}", a=_against(model), b=model.id))
    shown = found[:LISTED]
    items, link = looking.items(desk, project.id, tuple(f.item for f in shown)), session.image_link(project.id)
    shown = tuple(f for f in shown if f.item in items)
    rows = [
        thumb_cell(items[f.item], project, link)
        | _said(f, project)
        | {word("data.item"): excerpt(items[f.item], project)}
        for f in shown
    ]
    picked = st.dataframe(
        rows, key=f"flips-{model.id}", hide_index=True, width="stretch", height=320 if len(rows) > 8 else "auto",
        on_select="rerun", selection_mode="multi-row", row_height=52 if pictured(project) else None,
        column_config={
            word("data.item"): st.column_config.TextColumn(width="large"),
            word("data.picture"): st.column_config.ImageColumn(width="small"),
        },
    )  # fmt: skip
    chosen = [shown[i].item for i in picked["selection"]["rows"]] or [f.item for f in found]
    if st.button(word("comparison.review", n=f"{len(chosen):,}"), type="primary", icon=":material/bolt:"):
        if handing_out.choose(desk, project.id, session.annotator(), chosen, "flipped"):
            session.go("label", mode="chosen")
        st.warning(word("data.none_to_label"))
    st.caption(word("comparison.review_why"))


def _said(flip: Flip, project: Project) -> dict[str, str | None]:
    said = ("comparison.says", flip.before, flip.sure_before), ("comparison.says_now", flip.after, flip.sure_after)
    return {word(key): f"{told(answer, project.schema)} ({sure:.0%})" for key, answer, sure in said}
