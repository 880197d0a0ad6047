"""Certify: let the model label what is left, under a promise that fresh blind answers stand behind."""

from collections.abc import Sequence

import streamlit as st

from collab.domain.certificate import OPEN, Certificate
from collab.domain.project import Project
from collab.domain.run import Job
from collab.loop import auditing, looking, ordering, reporting
from collab.loop.annotating import new_id
from collab.ui import promises, session, terms
from collab.ui.pieces import duration, empty, errors_told, heading, job_failed, latest_job, live_job, plain, watch_job
from collab.ui.words import word

STEPS = ("choose", "freeze", "audit", "judge", "sign")
WATCH_SECONDS = 2.0


def draw() -> None:
    """Draw where the project stands with its certificates."""
    project = session.project()
    heading(word("certify.title"), word("certify.why"))
    if project is None or not looking.progress(session.desk(), project.id).items:
        empty("verified", word("certify.none"), word("certify.none_why"))
        return
    certificates = looking.certificates(session.desk(), project.id)
    jobs = ordering.jobs(session.desk(), project.id)
    for each in certificates:
        if each.status == "signed":
            _in_force(project, each, live_job(jobs, "withdraw"))
    running = live_job(jobs, "freeze") or live_job(jobs, "sign")
    current = next((c for c in certificates if c.status in OPEN), None)
    if running is None and current is None:  # the widest step, with the choice beside what it brings
        _failed(jobs, "freeze", certificates[0].at if certificates else 0)
        _new(project, certificates)
        one, two = st.columns(2, gap="large")
        with one:
            _steps("" if any(c.status == "signed" for c in certificates) else "choose")
        with two:
            _all(project, certificates)
        return
    left, right = st.columns([5, 3], gap="large")
    with left:
        at = _under_way(project, jobs, running, current)
    with right:
        _steps(at)
        _all(project, certificates)


def _under_way(project: Project, jobs: Sequence[Job], running: Job | None, current: Certificate | None) -> str:
    """Draw the step that waits for the worker or for people, and say which it is."""
    if running is not None:
        with st.container(border=True):
            st.header(word(f"certify.{running.kind}_now"), anchor=False)
            watch_job(project.id, running.id, what=word(f"job.{running.kind}"))
        return running.kind
    assert current is not None, "without a job there is a certificate"
    if current.status == "auditing":
        _auditing(project, current)
        return "audit"
    _failed(jobs, "sign", current.judged_at)
    _certified(project, current)
    return "sign"


def _failed(jobs: Sequence[Job], kind: str, since: int) -> None:
    last = latest_job(list(jobs), kind)
    if last is not None and last.status == "failed" and last.created_at >= since:
        job_failed(last)


def _new(project: Project, certificates: Sequence[Certificate]) -> None:
    """The choice of a new one; before it, what became of the last."""
    if certificates:
        _last(project, certificates[0])
    overview = reporting.overview(session.desk(), project.id, session.now())
    if overview.progress.reading < 1:
        empty(
            "menu_book", word("certify.reading", share=f"{overview.progress.reading:.0%}"), word("certify.reading_why")
        )
        return
    last = looking.last_round(session.desk(), project.id)
    if last is None or not last.strength:  # it only guesses from the names of the classes
        empty("model_training", word("certify.no_model"), word("certify.no_model_why"))
        if st.button(word("home.start"), type="primary"):
            session.go("label")
        return
    if any(c.status == "signed" for c in certificates):
        more = st.expander(word("certify.another"), on_change="rerun", key=f"another-{project.id}")
        if more.open:  # the forecast is worked out only for those who want to see it
            with more:
                _choice(project, certificates)
    else:
        _choice(project, certificates)


def _choice(project: Project, certificates: Sequence[Certificate]) -> None:
    left, right = st.columns([5, 7], gap="medium")
    with left, st.container(border=True):
        chosen = terms.choose(project, certificates)
    with right, st.container(border=True):
        terms.explain(project, chosen, 1 + len(certificates))
        st.caption(word("certify.freeze_why", n=f"{chosen.audits:,}"))
        if st.button(word("certify.freeze", n=f"{chosen.audits:,}"), type="primary", icon=":material/lock:"):
            with errors_told():
                auditing.begin(session.desk(), project.id, chosen, session.annotator(), session.now())
                st.rerun()


def _last(project: Project, last: Certificate) -> None:
    """Say what to know of the latest certificate before another one is made."""
    if last.status == "revoked":
        st.error(f"{_title(last)}: {promises.ended(last)}", icon=":material/block:")
    elif last.status in ("withdrawn", "given up"):
        st.info(f"{_title(last)}: {promises.ended(last)}", icon=":material/undo:")
    elif last.status == "refused" and last.verdict is not None:
        with st.container(border=True):
            st.header(word("certify.refused", number=last.number), anchor=False)
            right = last.verdict.above - last.verdict.errors
            st.markdown(word("certify.refused_found", n=f"{last.verdict.above:,}", right=f"{right:,}"))
            st.markdown(promises.refusal(last.verdict))
            if last.verdict.unresolved:
                st.caption(word("certify.unresolved", n=f"{last.verdict.unresolved:,}"))
            if last.verdict.missed:
                st.markdown(promises.missed_table(last.verdict.missed, project.schema))
            st.caption(word("certify.refused_next"))


def _auditing(project: Project, current: Certificate) -> None:
    audits = looking.certificate_audits(session.desk(), project.id, current.number, session.now())
    answered = sum(a.answer is not None for a in audits)
    unresolved = sum(a.answer is None and a.asked and not a.held for a in audits)
    with st.container(border=True):
        st.header(word("certify.auditing", number=current.number), anchor=False)
        st.markdown(promises.promise(current.terms, looking.certificates(session.desk(), project.id)))
        if names := terms.critical(project):
            st.markdown(promises.misses(current.terms, list(names.values())))
        done = answered + unresolved
        st.progress(
            min(1.0, done / max(1, len(audits))),
            text=word("certify.answered", answered=f"{answered:,}", n=f"{len(audits):,}"),
        )
        if unresolved:
            st.caption(word("certify.unresolved", n=f"{unresolved:,}"))
        if audits and done == len(audits):
            _await_verdict(project.id, current.number)
        else:
            held = sum(a.answer is None and a.held for a in audits)
            if held and done + held == len(audits):
                time = duration(project.policy.lease_seconds)
                st.caption(word("certify.held", n=f"{held:,}", time=time))
            else:
                st.caption(word("certify.auditing_why"))
            if st.button(word("certify.answer"), type="primary", icon=":material/bolt:"):
                session.go("label")
        _give_up(project, current)


@st.fragment(run_every=WATCH_SECONDS)
def _await_verdict(project: int, number: int) -> None:
    """Draw the page anew once the worker has judged."""
    with errors_told():
        found = next(c for c in looking.certificates(session.desk(), project) if c.number == number)
        if found.status != "auditing":
            st.rerun()
        st.caption(word("certify.verdict_soon"))


def _certified(project: Project, current: Certificate) -> None:
    verdict = current.verdict
    assert verdict is not None, "a certificate that passed has been judged"
    me = session.annotator()
    with st.container(border=True):
        st.header(word("certify.certified", number=current.number), anchor=False)
        counts = {"labels": verdict.labels, "items": current.items, "rest": current.items - verdict.labels}
        st.markdown(word("certify.certified_labels", **{name: f"{n:,}" for name, n in counts.items()}))
        st.markdown(promises.most_wrong(current, verdict.labels))
        st.markdown(promises.by_class(verdict, project.schema))
        st.markdown(promises.evidence(verdict))
        if verdict.unresolved:
            st.caption(word("certify.unresolved", n=f"{verdict.unresolved:,}"))
        if verdict.missed:
            st.markdown(promises.missed_table(verdict.missed, project.schema))
        st.caption(word("certify.sign_why"))
        sure = st.checkbox(
            word("certify.sign_sure", name=plain(me), labels=f"{verdict.labels:,}"),
            key=f"sure-{project.id}-{current.number}-{me}",
        )
        if st.button(word("certify.sign"), type="primary", icon=":material/signature:", disabled=not sure):
            with errors_told():
                auditing.sign(session.desk(), project.id, current.number, me, session.now())
                st.rerun()
        _give_up(project, current)


def _give_up(project: Project, current: Certificate) -> None:
    with st.popover(word("certify.give_up"), type="tertiary"):
        st.markdown(word("certify.give_up_why"))
        if st.button(word("certify.give_up_now", number=current.number)):
            with errors_told():
                act = _act(project, current, "give up")
                auditing.give_up(session.desk(), project.id, current.number, session.annotator(), act, session.now())
                st.rerun()


def _in_force(project: Project, signed: Certificate, withdrawal: Job | None) -> None:
    with st.container(border=True):
        st.header(word("certify.signed", number=signed.number), anchor=False)
        said = word(
            "certify.signed_by", labels=f"{signed.labels:,}", by=plain(signed.signed_by),
            at=session.clock(signed.signed_at),
        )  # fmt: skip
        st.markdown(said)
        st.markdown(promises.most_wrong(signed, signed.labels))
        if signed.verdict is not None:
            st.caption(promises.by_class(signed.verdict, project.schema))
        st.markdown(promises.watched(signed))
        if not project.policy.machine_trickle:
            st.warning(word("certify.watch_off"), icon=":material/visibility_off:")
        if withdrawal is not None and withdrawal.payload["number"] == signed.number:
            watch_job(project.id, withdrawal.id, what=word("job.withdraw"))
            return
        with st.container(horizontal=True, gap="small"):
            if st.button(word("certify.look"), icon=":material/table_rows:", key=f"look-{signed.number}"):
                session.go("data", state="machine")
            with st.popover(word("certify.withdraw"), type="tertiary"):
                st.markdown(word("certify.withdraw_why", labels=f"{signed.labels:,}"))
                if st.button(word("certify.withdraw_now", number=signed.number)):
                    with errors_told():
                        me, now = session.annotator(), session.now()
                        auditing.begin_withdrawal(session.desk(), project.id, signed.number, me, now)
                        st.rerun()


def _steps(at: str) -> None:
    """What happens from the choice to the signature, the present step in bold where there is one."""
    st.header(word("certify.steps"), anchor=False)
    lines = (word(f"certify.step_{step}") for step in STEPS)
    st.markdown(
        "\n".join(f"1. **{line}**" if step == at else f"1. {line}" for step, line in zip(STEPS, lines, strict=True))
    )


def _all(project: Project, certificates: Sequence[Certificate]) -> None:
    st.header(word("certify.all"), anchor=False)
    if not certificates:
        st.caption(word("certify.all_none"))
    for each in certificates:
        with st.expander(f"{_title(each)} · {word(f'certificate.{each.status}')}", key=f"record-{each.number}"):
            for line in promises.record(each):
                st.caption(line)
            if each.verdict is not None and each.verdict.missed:
                st.markdown(promises.missed_table(each.verdict.missed, project.schema))


def _title(certificate: Certificate) -> str:
    return word("certify.number", number=certificate.number)


def _act(project: Project, certificate: Certificate, act: str) -> str:
    """The id of an act, the same for every press of its button: pressed twice, it is done once."""
    return str(st.session_state.setdefault(f"{act}-{project.id}-{certificate.number}", new_id()))
