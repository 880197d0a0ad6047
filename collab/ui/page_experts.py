"""Agreement: how alike people answer the same items, how reliable each is, what differing answers come to, norming."""

from collections.abc import Sequence

import streamlit as st

from collab.domain.norming import Stage
from collab.domain.project import Project
from collab.domain.run import SHOWN_FROM
from collab.engine.annotator_quality import OVERLAP_FROM
from collab.engine.assurance import Estimate
from collab.loop import agreeing, norming
from collab.loop.agreeing import Agreement, Reliability
from collab.loop.annotating import new_id
from collab.loop.norming import FEWEST, MOST, SIZE, TOLD_FROM, Seen, Standing
from collab.ui import session
from collab.ui.answers import told
from collab.ui.items import excerpt
from collab.ui.pieces import errors_told, heading, no_project, plain
from collab.ui.quality import extent, table
from collab.ui.words import word

PAIRS = 30
"""More would fill the page; those who agree least come first."""


def draw() -> None:
    """Draw the figures of the open project, and its norming round."""
    project = session.project()
    heading(word("experts.title"), word("experts.why"))
    if project is None:
        no_project("groups", word("experts.none"), word("experts.none_why"))
        return
    leads = session.may("lead", project.id)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _agreement(project, agreeing.agreement(session.desk(), project))
        if leads:
            _people(project)
            _pairs(project)
    with right:
        _own(project)
        _how(project)
    _norming(project, leads=leads)


def _agreement(project: Project, found: Agreement) -> None:
    with st.container(border=True):
        st.header(word("experts.alpha_title"), anchor=False)
        st.markdown(alpha(found))
        if found.alpha is not None:
            st.caption(word("experts.alpha_means"))
        if found.noise is not None:
            st.markdown(word("experts.noise", share=f"{found.noise:.0%}"))
        if project.schema.many and found.items:
            st.caption(word("experts.whole"))
        if found.left_out:
            st.caption(word("experts.left_out", n=f"{found.left_out:,}"))
        if not found.items and not project.policy.several:
            st.caption(word("experts.off"))


def alpha(found: Agreement) -> str:
    """Agreement in a sentence, or why none is told."""
    if found.alpha is not None:
        return word("experts.alpha", **_range(found.alpha), n=f"{found.items:,}", people=found.people)
    if found.items < found.least:
        return word("experts.alpha_few", n=f"{found.items:,}", least=found.least)
    return word("experts.alpha_same", n=f"{found.items:,}")


def _people(project: Project) -> None:
    found = agreeing.people(session.desk(), project)
    with st.container(border=True):
        st.header(word("experts.people"), anchor=False)
        if not found:
            st.caption(word("experts.people_none"))
            return
        table([word(f"experts.{key}") for key in ("annotator", "agrees", "time")], [row(each) for each in found])
        st.caption(word("experts.people_how"))
        if not project.schema.many:
            _confusion(project, found)


def _confusion(project: Project, found: Sequence[Reliability]) -> None:
    """One person's confusions at a time: there may be fifty."""
    each = st.selectbox(
        word("experts.confusion"), found, None, format_func=lambda e: e.annotator, key=f"differs-{project.id}",
        placeholder=word("experts.choose_person"),
    )  # fmt: skip
    if each is None:
        return
    if differs := confused(each, project):
        says = word("experts.they_say", name=plain(each.annotator))
        table([word("experts.others_say"), says, word("experts.confusion_n")], differs)
    else:
        st.caption(word("experts.never_differs"))


def row(each: Reliability) -> list[str]:
    """Name, how often they say what others say most often, and their time."""
    time = word("experts.unknown" if each.seconds is None else "experts.seconds", n=f"{each.seconds or 0:.1f}")
    return [plain(each.annotator), _share(each), time]


def _share(each: Reliability) -> str:
    counts = {"same": f"{each.same:,}", "n": f"{each.shared:,}"}
    if each.share is None or each.shared < SHOWN_FROM:
        return word("experts.few", **counts)
    return word("experts.agreement_of", **counts, range=extent(each.share))


def confused(each: Reliability, project: Project) -> list[list[str]]:
    """By what the others say, what this person says instead, most frequent first."""
    differing = [
        (n, theirs, own)
        for theirs, said in each.confusion.items()
        for own, n in said.items()
        if own != theirs
    ]  # fmt: skip
    names = ((told(theirs, project.schema), told(own, project.schema), n) for n, theirs, own in sorted(differing)[::-1])
    return [[plain(theirs), plain(own), f"{n:,}"] for theirs, own, n in names]


def _pairs(project: Project) -> None:
    found = agreeing.pairs(session.desk(), project)
    with st.container(border=True):
        st.header(word("experts.pairs"), anchor=False)
        if not found:
            st.caption(word("experts.pairs_none", least=agreeing.PAIR_FROM))
            return
        rows = [[f"{plain(p.first)}, {plain(p.second)}", _kappa(p.kappa), f"{p.kappa.n:,}"] for p in found[:PAIRS]]
        table([word(f"experts.{key}") for key in ("pair", "kappa", "both")], rows)
        st.caption(word("experts.pairs_how", least=OVERLAP_FROM))


def _kappa(kappa: Estimate) -> str:
    if kappa.n < OVERLAP_FROM:
        return f"{kappa.value:.2f}"
    return word("experts.kappa_range", **_range(kappa))


def _own(project: Project) -> None:
    found = agreeing.own(session.desk(), project, session.annotator())
    with st.container(border=True):
        st.header(word("experts.yours"), anchor=False)
        st.markdown(yours(found))
        for theirs, own, n in confused(found, project)[:3] if found.shared >= SHOWN_FROM else ():
            st.caption(word("experts.you_differ", theirs=theirs, own=own, n=n))


def yours(found: Reliability) -> str:
    """One's own row in a sentence."""
    if found.share is None:
        return word("experts.yours_none")
    counts = {"same": f"{found.same:,}", "n": f"{found.shared:,}"}
    if found.shared < SHOWN_FROM:
        return word("experts.yours_few", **counts)
    return word("experts.yours_same", **counts, range=extent(found.share))


def _how(project: Project) -> None:
    policy = project.policy
    with st.container(border=True):
        st.header(word("experts.how_title"), anchor=False)
        if policy.decide_by != "agreement":
            st.markdown(word("experts.how_weight", share=f"{policy.aggregate_from:.0%}"))
            if n := agreeing.concluded(session.desk(), project):
                st.caption(word("experts.concluded", n=f"{n:,}"))
        elif policy.answers_most:
            st.markdown(word("experts.how_most", most=policy.answers_most))
        else:
            st.markdown(word("experts.how_agreement"))


def _norming(project: Project, *, leads: bool) -> None:
    found = norming.standing(session.desk(), project, session.annotator())
    with st.container(border=True):
        st.header(word("experts.norming"), anchor=False)
        st.caption(word("experts.norming_why"))
        if found is not None:
            _round(project, found, leads=leads)
        if leads and (found is None or found.norming.stage == "closed"):
            _begin(project)


def _begin(project: Project) -> None:
    with st.form(f"norming-{project.id}", border=False), errors_told():
        size = st.number_input(word("experts.norming_size"), FEWEST, MOST, SIZE)
        if st.form_submit_button(word("experts.begin"), type="primary"):
            norming.begin(session.desk(), project, session.annotator(), new_id(), session.now(), size=int(size))
            st.rerun()


def _round(project: Project, found: Standing, *, leads: bool) -> None:
    at, items = found.norming, len(found.norming.items)
    st.markdown(word(f"experts.stage_{at.stage}", number=at.number, items=items))
    if at.stage in ("blind", "again"):
        st.caption(word("experts.progress", whole=found.whole, people=found.people, items=items, mine=found.mine))
        if leads and (each := norming.standing_of_each(session.desk(), project)):
            lines = (word("experts.each", name=plain(name), n=n, items=items) for name, n in sorted(each.items()))
            st.caption(" · ".join(lines))
    if at.stage != "blind":
        _agreed(project, at.number)
    with st.container(horizontal=True), errors_told():
        if at.stage in ("blind", "again") and found.mine < items and st.button(word("experts.go"), type="primary"):
            session.go("label")
        steps: dict[Stage, tuple[tuple[Stage, str], ...]] = {
            "blind": (("open", "open"),), "open": (("again", "again"), ("closed", "close")),
            "again": (("closed", "close"),),
        }  # fmt: skip
        for stage, key in steps.get(at.stage, ()) if leads else ():
            if _pressed(stage, key, found):
                desk, who = session.desk(), session.annotator()
                norming.move(desk, project, at.number, stage, who, new_id(), session.now())
                st.rerun()
    if at.stage != "blind":
        _side_by_side(project, found, norming.seen(session.desk(), project, at.number, session.annotator()))


def _pressed(stage: Stage, key: str, found: Standing) -> bool:
    """A button to the next stage; where it ends the answering of somebody, behind a sentence that says so."""
    if key == "again" or found.whole >= found.people:
        return st.button(word(f"experts.{key}"), key=f"norming-{stage}")
    with st.popover(word(f"experts.{key}")):
        st.markdown(word("experts.not_all", whole=found.whole, people=found.people))
        return st.button(word("experts.all_the_same"), key=f"norming-{stage}")


def _agreed(project: Project, number: int) -> None:
    found = norming.agreed(session.desk(), project, number)
    if found.before is None:
        st.caption(word("experts.round_few", n=found.items, least=TOLD_FROM))
        return
    lines = [word("experts.before", **_range(found.before), n=found.items, people=found.people)]
    for key, estimate in (("after", found.after), ("change", found.change)):
        if estimate is not None:
            lines.append(word(f"experts.{key}", **_range(estimate)))
    st.markdown("  \n".join(lines))
    st.caption(word("experts.rough"))


def _side_by_side(project: Project, found: Standing, items: Sequence[Seen]) -> None:
    if not items:
        st.caption(word("experts.not_in"))
        return
    differing = [s for s in items if len(set(s.before.values())) > 1]
    st.markdown(word("experts.differ", n=len(differing), items=len(items)))
    people = sorted({name for s in items for name in s.before})
    rows = [
        {word("experts.item"): excerpt(s.item, project), **{name: _said(s, name, project) for name in people}}
        for s in items
    ]
    st.dataframe(rows, hide_index=True, width="stretch", height="auto" if len(rows) < 12 else 460)
    for s in differing:
        _discussed(project, found, s)


def _said(s: Seen, name: str, project: Project) -> str:
    def words(answer: tuple[str, ...], after: bool) -> str:
        silent = word("kind_of.unusable") if (name, after) in s.unusable else word("experts.cant_tell")
        return told(answer, project.schema) or silent

    if name not in s.before:
        return ""
    before = words(s.before[name], False)
    after = words(s.after[name], True) if name in s.after else before
    return before if after == before else word("experts.then", before=before, after=after)


def _discussed(project: Project, found: Standing, s: Seen) -> None:
    at = found.norming
    writing = at.stage in ("open", "again") and session.may("annotate", project.id)
    if not (s.remarks or writing):
        return
    with st.expander(plain(excerpt(s.item, project)[:160]) or plain(s.item.ref)):
        st.caption(" · ".join(f"{plain(name)}: {plain(_said(s, name, project))}" for name in sorted(s.before)))
        for remark in s.remarks:
            st.markdown(word("experts.remark_by", by=f"**{plain(remark.by)}**", text=plain(remark.text)))
        if writing:
            with st.form(f"remark-{at.number}-{s.item.id}", border=False, clear_on_submit=True), errors_told():
                text = st.text_input(word("experts.remark"), max_chars=norming.MAX_TEXT)
                if st.form_submit_button(word("experts.say")) and text.strip():
                    who, now = session.annotator(), session.now()
                    norming.remark(session.desk(), project, at.number, s.item.id, text, who, new_id(), now)
                    st.rerun()


def _range(estimate: Estimate) -> dict[str, str]:
    return {name: f"{getattr(estimate, name):.2f}".replace("-", "−") for name in ("value", "low", "high")}
