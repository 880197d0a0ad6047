"""One answer for many items: what it would come to, a yes, and later the way back."""

import time
import uuid
from collections.abc import Sequence

import streamlit as st

from collab.domain.batch import Batch
from collab.domain.project import Answer, Project
from collab.errors import UserError
from collab.loop import batching, finding, looking
from collab.loop.finding import Search
from collab.ui import session
from collab.ui.answers import choices, told
from collab.ui.items import excerpt
from collab.ui.pieces import empty, plain
from collab.ui.sentences import told as told_error
from collab.ui.words import word

EXAMPLES = 5
_STATES = {
    "answering": "batch.cut_off",
    "done": "batch.done",
    "undoing": "batch.undo_cut_off",
    "undone": "batch.undone",
}

# Where it opens is below the list, out of sight.
_into_view = st.components.v2.component(
    "collab.into_view",
    js="""export default ({ data, parentElement }) => {
      const box = parentElement.host ?? parentElement;
      if (box.turn === data.turn) return;
      box.turn = data.turn;
      box.style.scrollMarginTop = "80px";
      for (const ms of [200, 800]) // what stands below it is drawn by and by, and gives it room to move up
        setTimeout(() => box.scrollIntoView({ block: "start" }), ms);
    };""",
)


def offer(place: str) -> None:
    """The button that opens the way to one answer for many."""
    opened = f"bulk-{place}"
    if st.button(word("batch.open"), icon=":material/done_all:", key=f"{opened}-button"):
        # Another number each time it is opened: it is brought into view once.
        st.session_state[opened] = 0 if st.session_state.get(opened) else time.time()
        st.rerun()


def draw(project: Project, wanted: Search, ticked: list[int], total: int, *, exact: bool, place: str) -> None:
    """Ask which answer and for which items, say what that comes to, and do it once that is confirmed.

    Args:
        total: How many hits can be answered at once.
        exact: Whether these are all.
    """
    _last(project)
    opened = f"bulk-{place}"
    if not st.session_state.get(opened):
        return
    with st.container(border=True):
        _into_view(key=f"{opened}-view", data={"turn": st.session_state[opened]})
        st.subheader(word("batch.title"), anchor=False)
        st.caption(word("batch.why"))
        answer = _answer(project)
        all_of = word("batch.all_found" if exact else "batch.first_found", n=f"{total:,}")
        scopes = {True: word("batch.ticked", n=len(ticked)), False: all_of}
        only = bool(ticked) and st.radio(
            word("batch.which"), (True, False), format_func=scopes.__getitem__, horizontal=True,
            key=f"{opened}-{bool(ticked)}",
        )  # fmt: skip
        items = ticked if only else _all(project, wanted)
        try:
            reach = batching.reach(session.desk(), project, items, session.annotator())
        except UserError as error:  # an audit is among them
            st.error(plain(told_error(error)), icon=":material/error:")
            return
        _say(project, reach)
        with st.container(horizontal=True):
            ready = bool(answer and reach.free)
            sure = st.button(
                word("batch.confirm", n=f"{len(reach.free):,}", answer=plain(told(answer, project.schema) or "…")),
                type="primary", icon=":material/done_all:", disabled=not ready, key=f"{opened}-yes",
            )  # fmt: skip
            if st.button(word("batch.leave"), key=f"{opened}-no"):
                del st.session_state[opened]
                st.rerun()
    if sure and ready:
        made = batching.begin(
            session.desk(), project, reach.free, answer, session.annotator(), str(uuid.uuid4()),
            _reason(wanted, by_hand=only), session.now(),
        )  # fmt: skip
        del st.session_state[opened]
        st.session_state["last_batch"] = made.id
        _carry_out(project, made)


def batches(project: Project) -> None:
    """The list of batches, each with the way to undo it or to go on with it."""
    found = batching.batches(session.desk(), project)
    if not found:
        empty("done_all", word("batch.none"), word("batch.none_why"))
        return
    for made in found:
        with st.container(border=True):
            answer = plain(told(made.answer, project.schema))
            st.markdown(f"**{_line(made, answer)}**")
            who = {"who": plain(made.annotator), "at": session.clock(made.made_at)}
            st.caption(word("batch.by", **who, reason=plain(made.reason)))
            st.caption(_state(made))
            _ways(project, made)


def _answer(project: Project) -> Answer:
    """The answer that all of them get."""
    names = choices(project.schema)
    if not project.schema.many:
        one = st.pills(word("data.answer"), list(names), format_func=lambda c: plain(names[c]), key="bulk-answer")
        return (one,) if one else ()
    several = st.pills(
        word("data.answer"),
        list(names),
        format_func=lambda c: plain(names[c]),
        selection_mode="multi",
        key="bulk-answers",
    )
    return tuple(c for c in names if c in several)


def _all(project: Project, wanted: Search) -> list[int]:
    """All that were found; a page that is drawn anew doesn't look for them again."""
    key = project.id, wanted, looking.progress(session.desk(), project.id).events
    kept = st.session_state.get("all_found")
    if kept is None or kept[0] != key:
        kept = key, finding.all_found(session.desk(), project, wanted)[0].tolist()
        st.session_state["all_found"] = kept
    return list(kept[1])


def _say(project: Project, reach: batching.Reach) -> None:
    """What the batch comes to, with a few of its items."""
    left = {
        "mine": reach.mine, "others": reach.others, "unusable": reach.unusable, "norming": reach.norming,
        "aside": reach.aside,
    }  # fmt: skip
    told_left = [word(f"batch.{name}", n=f"{n:,}") for name, n in left.items() if n]
    st.markdown(" ".join([word("batch.reach", n=f"{len(reach.free):,}"), *told_left]))
    step = max(1, len(reach.free) // EXAMPLES)
    some = tuple(reach.free[::step][:EXAMPLES])
    items = looking.items(session.desk(), project.id, some)
    lines = [plain(excerpt(items[item], project)[:160]) for item in some if item in items]
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines))


def _carry_out(project: Project, made: Batch) -> None:
    """Step through a batch, with a bar that shows how far it is."""
    bar, began = st.progress(made.share, text=word("batch.doing", share=f"{made.share:.0%}")), time.monotonic()
    while made.busy:
        made = batching.step(session.desk(), project, made.id, session.annotator(), session.now())
        if not made.busy or time.monotonic() - began > 0.2:
            began = time.monotonic()
            bar.progress(made.share, text=word("batch.doing", share=f"{made.share:.0%}"))
    st.rerun()


def _last(project: Project) -> None:
    """What became of the batch that was just made, with the way back."""
    number = st.session_state.get("last_batch")
    made = next((b for b in batching.batches(session.desk(), project, 20) if b.id == number), None) if number else None
    if made is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        answer = plain(told(made.answer, project.schema))
        st.markdown(_line(made, answer))
        st.caption(_state(made))
        _ways(project, made, "last")


def _line(made: Batch, answer: str) -> str:
    return word("batch.line_one" if made.answered == 1 else "batch.line", n=f"{made.answered:,}", answer=answer)


def _state(made: Batch) -> str:
    """How far a batch is, and how many of its items it left alone."""
    said = word(_STATES[made.status], n=f"{made.at:,}", of=f"{len(made.items):,}", back=f"{made.taken_back:,}")
    return f"{said} {word('batch.left', n=f'{made.left:,}')}" if made.left else said


def _ways(project: Project, made: Batch, place: str = "list") -> None:
    """Go on with a batch that was cut off, or undo it."""
    with st.container(horizontal=True):
        if made.busy and st.button(word("batch.go_on"), type="primary", key=f"on-{place}-{made.id}"):
            _carry_out(project, made)
        undo = made.status in ("answering", "done") and made.at
        if undo and st.button(
            word("batch.undo", n=f"{made.answered:,}"), icon=":material/undo:", key=f"undo-{place}-{made.id}"
        ):
            _carry_out(
                project, batching.take_back(session.desk(), project, made.id, session.annotator(), session.now())
            )


def _reason(wanted: Search, *, by_hand: bool) -> str:
    """How the items were chosen, in words that stand in the list of batches."""
    parts: Sequence[str] = [
        word("batch.by_hand") if by_hand else "",
        word("batch.by_lasso") if wanted.among is not None else "",
        word("batch.by_words", words=wanted.items.text) if wanted.items.text else "",
        word("batch.by_likeness") if wanted.like is not None else "",
        word("batch.by_model") if wanted.asks_model else "",
        word("batch.by_state") if wanted.items.state or wanted.items.answer or wanted.items.source else "",
        *(word("batch.by_field", field=each.field) for each in wanted.items.fields),
    ]
    return ", ".join(part for part in parts if part) or word("batch.by_nothing")
