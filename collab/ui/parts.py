"""On which parts of the data the model agrees more, on Insights: by the values of a column, and on groups."""

import streamlit as st

from collab.domain.run import SHOWN_FROM
from collab.loop.slicing import Column, Groups, Part, Parts
from collab.ui.figures import Range, ranges
from collab.ui.pieces import plain
from collab.ui.quality import counted, table
from collab.ui.words import word


def draw(found: Parts | None, groups: Groups | None) -> None:
    """Draw agreement by the column that the person chooses; nothing where no column divides the audits."""
    columns = found.columns if found is not None else ()
    if not columns and groups is None:
        return
    with st.container(border=True):
        st.header(word("parts.title"), anchor=False)
        if columns:
            _column(columns)
        if groups is not None:
            st.markdown(unseen(groups))
            st.caption(word("parts.group_how", column=plain(groups.column)))


def _column(columns: tuple[Column, ...]) -> None:
    by_name = {c.name: c for c in columns}
    # Named by more than its place: the columns may change while somebody looks.
    chosen = st.selectbox(word("parts.column"), list(by_name), key="parts-column") if len(columns) > 1 else None
    column = by_name[chosen or columns[0].name]
    drawn = [
        Range(value_of(p), p.share.value, p.share.low, p.share.high, word("parts.of", k=p.right, n=p.n))
        for p in column.parts
        if p.share is not None
    ]
    if len(drawn) > 1:
        st.altair_chart(ranges(drawn), width="stretch", alt=word("parts.alt", column=column.name))
    table([plain(column.name), word("parts.agreed")], rows_of(column))
    unresolved = sum(p.unresolved for p in column.parts)
    if unresolved:
        st.caption(word("insights.unresolved", n=unresolved))
    if any(p.share is None for p in column.parts):
        st.caption(word("parts.few", least=SHOWN_FROM))
    st.caption(word("parts.how"))


def rows_of(column: Column) -> list[list[str]]:
    """A row for each part, with its counts and its interval."""
    return [[plain(value_of(p)), _told(p)] for p in column.parts]


def unseen(groups: Groups) -> str:
    """How the model does on groups that it has not seen, beside those that it learned from."""
    column, new, old = plain(groups.column), groups.unseen_share, groups.learned_share
    if new is None:
        told = word("parts.group_few", column=column, n=groups.unseen, groups=groups.unseen_groups, least=SHOWN_FROM)
    else:
        share = counted(groups.unseen_right, new)
        told = word("parts.group_new", column=column, groups=f"{groups.unseen_groups:,}", share=share)
    if old is None:
        return told
    share = counted(groups.learned_right, old)
    return " ".join((told, word("parts.group_known", groups=f"{groups.learned_groups:,}", share=share)))


def value_of(part: Part) -> str:
    """The value that the part has in the column."""
    return part.value or word("parts.empty")


def _told(part: Part) -> str:
    if part.share is None:
        return word("insights.count", both=part.right, n=part.n) if part.n else word("insights.count_none")
    return counted(part.right, part.share)
