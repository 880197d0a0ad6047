"""Train now, on Models: whether it is worth it, the settings, a fine-tuning under way, and what the last one made."""

from dataclasses import asdict, replace
from typing import get_args

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import Job
from collab.domain.version import ModelVersion
from collab.engine.recipe import FineTuning, Method, Optimizer
from collab.loop import escalating, ordering, versions
from collab.loop.escalating import TuningAdvice, Wanted
from collab.loop.measuring import image_fields, reads_text
from collab.loop.versions import TuningProgress
from collab.ui import promotion, session, verdicts
from collab.ui.figures import loss_curve
from collab.ui.pieces import LIVE, duration, errors_told, job_failed, latest_job, live_job, plain
from collab.ui.quality import points
from collab.ui.sentences import sentence
from collab.ui.words import word

WATCH_SECONDS = 1.0

STEPS = ("train", "read", "judge")
"""What a fine-tuning does, one after the other."""


def draw(project: Project, jobs: list[Job], models: tuple[ModelVersion, ...], decided: int) -> None:
    """Draw the advice and the button, or the fine-tuning under way; then what the last one came to.

    Args:
        project: With decisions to learn from.
        jobs: Its fine-tunings, newest first.
        models: Its versions, newest first.
        decided: How many decisions there are.
    """
    running, last = live_job(jobs, escalating.JOB), latest_job(jobs, escalating.JOB)
    if running is not None:
        with st.container(border=True):
            st.header(word("tuning.title"), anchor=False)
            # The timer ends with the training: then the page is drawn anew, without it.
            st.fragment(_live, run_every=WATCH_SECONDS)(project, running.id)
        return
    if last is not None and last.status == "failed":
        job_failed(last)
    elif last is not None and last.status == "cancelled":
        st.info(word("models.cancelled"), icon=":material/info:")
    done = max((job for job in jobs if job.status == "done"), key=lambda job: job.id, default=None)
    made = None if done is None else next((m for m in models if m.id == versions.tuned(done).version), None)
    if done is not None and made is not None:
        _result(project, done, made, models)
    with st.container(border=True):
        st.header(word("tuning.title"), anchor=False)
        _start(project, last, made, decided)


def _start(project: Project, last: Job | None, made: ModelVersion | None, decided: int) -> None:
    found = escalating.advice(session.desk(), project.id)
    sentence, reasons = advice(found, project)
    st.markdown(sentence)
    if made is not None and made.record.making is not None:
        since = max(0, decided - made.record.making.labels)
        reasons = f"{reasons} {word('tuning.since', n=f'{since:,}')}".strip()
    if reasons:
        st.caption(reasons)
    tables = not reads_text(project) and not image_fields(project)
    with st.form(f"tune-{project.id}", border=False):
        impossible = found.reason == "nothing"
        go = st.form_submit_button(
            word("tuning.go"), type="primary", icon=":material/play_arrow:", disabled=impossible
        )  # fmt: skip
        st.caption(word("tuning.why_table" if tables else "tuning.why", n=f"{decided:,}"))
        st.caption(word("tuning.then_alone" if project.policy.promote_alone else "tuning.then_asked"))
        recipe = FineTuning() if tables or impossible else _settings(found, last)
    if go:
        with errors_told():
            escalating.tune_fits(session.desk(), project.id)
            payload = asdict(Wanted(recipe))
            ordering.order(session.desk(), project.id, escalating.JOB, payload, session.annotator(), session.now())
            st.rerun()


def advice(found: TuningAdvice, project: Project) -> tuple[str, str]:
    """Whether a fine-tuning is worth a try, in a sentence, and the figures that this stands on."""
    told = {
        "labels": f"{found.labels:,}", "needed": found.needed, "target": f"{found.target:.0%}",
        "why": plain(sentence(found.why)), "name": plain(project.schema[found.class_id].name) if found.class_id else "",
        "slope": "" if found.slope is None else points(found.slope, 1), "step": escalating.STRETCH,
        "accuracy": "" if found.accuracy is None else f"{found.accuracy:.0%}",
    }  # fmt: skip
    verdict = word(f"tuning.{found.reason.replace(' ', '_')}", **told)
    reasons = [word("tuning.ready_why", **told)] if found.ready else []
    if found.brought is not None:
        brought = {"value": points(found.brought, 1), "n": found.times}
        reasons.append(word("tuning.brought_once" if found.times == 1 else "tuning.brought", **brought))
    return verdict, " ".join(reasons)


def _settings(found: TuningAdvice, last: Job | None) -> FineTuning:
    """How to train; closed, they say what is advised."""
    methods, optimizers = get_args(Method), get_args(Optimizer)
    known = FineTuning() if last is None else escalating.wanted(last).recipe
    with st.expander(word("tuning.settings")):
        method = st.radio(
            word("tuning.method"), methods, methods.index(found.method), format_func=lambda m: _method(m, found.method),
            captions=[word(f"tuning.{m}_why") for m in methods],
        )  # fmt: skip
        one, two = st.columns(2, gap="medium")
        with one:
            epochs = st.number_input(word("tuning.epochs"), 1, 100, known.epochs, help=word("tuning.epochs_why"))
            rate = st.number_input(
                word("models.rate"), 0.0, 1.0, known.rate, format="%g", step=0.0001, help=word("tuning.rate_why")
            )
            optimizer = st.selectbox(word("models.optimizer"), optimizers, optimizers.index(known.optimizer))
        with two:
            smoothing = st.number_input(
                word("tuning.smoothing"), 0.0, 0.5, known.label_smoothing, 0.05, help=word("tuning.smoothing_why")
            )
            seed = st.number_input(word("models.seed"), 0, 10_000, known.seed)
            weights = st.checkbox(
                word("tuning.class_weights"), known.class_weights, help=word("tuning.class_weights_why")
            )
    return replace(
        known, method=method, optimizer=optimizer, epochs=int(epochs), rate=rate or None, label_smoothing=smoothing,
        class_weights=weights, seed=int(seed),
    )  # fmt: skip


def _method(name: Method, advised: Method) -> str:
    said = word(f"method.{name}")
    return word("tuning.advised", name=said) if name == advised else said


def _live(project: Project, job_id: int) -> None:
    """Show how far it is, with a way to stop it; when it ends, the page is drawn anew."""
    with errors_told():
        desk = session.desk()
        job = ordering.job(desk, project.id, job_id)
        if job.status not in LIVE:
            st.rerun()
        found = versions.progress_of(desk, project.id, job_id)
        left, right = st.columns([2, 3], gap="medium")
        with left:
            st.progress(_share(job, found), text=doing(job, found))
            if found is not None:
                st.caption("  \n".join(facts(found)))
                if found.note:
                    st.warning(plain(found.note), icon=":material/info:")
            st.markdown(word("tuning.meanwhile"))
            with st.container(horizontal=True):
                if st.button(word("tuning.label"), icon=":material/bolt:"):
                    session.go("label")
                if st.button(word("job.cancel"), key=f"cancel-{job_id}", disabled=job.cancel_requested):
                    ordering.cancel(desk, project.id, job_id)
                    st.rerun(scope="fragment")
        with right:
            if found is not None and found.epochs:
                _curve(found)
            else:
                st.caption(word("tuning.curve_later"))


def _share(job: Job, found: TuningProgress | None) -> float:
    return min(1.0, job.progress if found is None else max(job.progress, found.share))


def doing(job: Job, found: TuningProgress | None) -> str:
    """What it does now, in words."""
    if job.status == "queued":
        return word("job.waiting", what=word("job.tune"))
    if job.cancel_requested:
        return word("job.stopping", what=word("job.tune"))
    if found is None:
        return word("job.starting", what=word("job.tune"))
    said = {"number": STEPS.index(found.doing) + 1, "of": len(STEPS)}
    return word(f"tuning.step_{found.doing}", share=f"{_share(job, found):.0%}", **said)


def facts(found: TuningProgress) -> list[str]:
    """How long it still takes, and what it runs on."""
    lines = []
    if found.doing == "train" and found.of_epochs:
        number = min(len(found.epochs) + 1, found.of_epochs)
        lines.append(word("tuning.epoch_is", n=number, of=found.of_epochs))
    if found.eta_seconds is not None and found.doing == "train":
        lines.append(word("tuning.left", time=duration(found.eta_seconds)))
    if found.device:
        lines.append(word("tuning.device", device=plain(found.device)))
    if found.memory_bytes:
        lines.append(word("tuning.memory", gigabytes=f"{found.memory_bytes / 1e9:.1f}", n=found.batch))
    return lines


def _curve(found: TuningProgress) -> None:
    last = found.epochs[-1]
    held = "-" if last.held_out is None else f"{last.held_out:.3f}"
    said = word("models.curve_alt", n=last.number, loss=f"{last.loss:.3f}", held=held)
    st.altair_chart(loss_curve(found.epochs), width="stretch", alt=said)


def _result(project: Project, job: Job, model: ModelVersion, models: tuple[ModelVersion, ...]) -> None:
    with st.container(border=True):
        st.header(word("tuning.result", n=model.id), anchor=False)
        st.markdown(verdicts.verdict(model))
        if model.record.verdict is not None:
            st.markdown("\n".join(f"- {line}" for line in verdicts.figures(model.record.verdict)))
            st.caption(word("verdict.how"))
        if model.record.flipped is not None:
            st.markdown(word("tuning.flipped", n=f"{model.record.flipped:,}"))
        if model.record.making is not None:
            st.caption(verdicts.making(model.record.making))
        if model.status == "champion":
            st.caption(word("tuning.in_use"))
        elif promotion.usable(model):
            promotion.decide(project, model, models)
        found = versions.progress_of(session.desk(), project.id, job.id)
        if found is not None and found.epochs:
            with st.expander(word("models.curve")):
                _curve(found)
