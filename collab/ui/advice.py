"""Whether to go on labeling, on Insights: one sentence, and the three reasons that it stands on."""

import streamlit as st

from collab.domain.project import LabelSchema
from collab.domain.run import Progress
from collab.engine.stopping import APART, AUDITS_BY_CLASS, SETTLED_AT, SETTLED_FOR, STEP
from collab.loop.advising import StopAdvice
from collab.ui.pieces import plain
from collab.ui.quality import at_least, points
from collab.ui.words import word

STOP, GO_ON, UNKNOWN = (
    ":green[:material/check_circle:]",
    ":blue[:material/arrow_circle_right:]",
    ":gray[:material/help:]",
)
"""What a reason speaks for; the words beside the mark say it as well."""


def draw(found: StopAdvice | None, schema: LabelSchema, progress: Progress) -> None:
    """Draw what the worker advises; `found` is None where nobody can say yet."""
    with st.container(border=True):
        st.header(word("advice.title"), anchor=False)
        if found is None:
            st.caption(word("advice.none"))
            return
        st.markdown(verdict(found, schema, progress.audits_left))
        st.caption(as_of(found, progress))
        for column, reason in zip(st.columns(3, gap="medium"), reasons(found), strict=True):
            column.markdown(reason)
        if found.advice.verdict == "little to gain":
            st.caption(word("advice.instead"))
        if found.evidence.bound is not None and found.evidence.covered < 1:
            st.caption(word("advice.part", share=f"{found.evidence.covered:.0%}"))
        st.caption(word("advice.how"))


def as_of(found: StopAdvice, progress: Progress) -> str:
    """As of which answers it speaks, and how many have come since."""
    labels, since = found.evidence.labels, progress.decided - found.evidence.labels
    if since > 0:
        return word("advice.as_of_before", labels=f"{labels:,}", since=f"{since:,}")
    return word("advice.as_of", labels=f"{labels:,}")


def verdict(found: StopAdvice, schema: LabelSchema, audits_left: int) -> str:
    """The advice in a sentence.

    Args:
        found: What the worker advises.
        schema: That names the classes.
        audits_left: Most blind answers that can still come.
    """
    advice = found.advice
    if advice.verdict == "too few audits":
        counts = found.evidence.audits_by_class
        names = ", ".join(
            word("advice.class_count", name=plain(schema[c].name), n=counts.get(c, 0), least=AUDITS_BY_CLASS)
            for c in found.short
        )
        missing = sum(AUDITS_BY_CLASS - counts.get(c, 0) for c in found.short)
        if not schema.many and missing > audits_left:
            return word("advice.out_of_reach", least=AUDITS_BY_CLASS, names=names, left=f"{audits_left:,}")
        return word("advice.too_few", least=AUDITS_BY_CLASS, names=names)
    if advice.verdict == "target reached":
        return word("advice.reached")
    if advice.verdict == "little to gain":
        return word("advice.little" if advice.target == "not reached" else "advice.little_unknown")
    if advice.target == "no audits":
        return word("advice.go_on_unchecked")
    if advice.worth == "worth it":
        return word("advice.go_on_worth")
    return word("advice.go_on_changing" if advice.predictions == "changing" else "advice.go_on_unclear")


def reasons(found: StopAdvice) -> tuple[str, str, str]:
    """The target, whether predictions settle, and what the next labels bring, each with a mark before it."""
    return _target(found), _predictions(found), _next(found)


def _target(found: StopAdvice) -> str:
    evidence, target = found.evidence, f"{found.target:.0%}"
    if found.advice.target == "no audits" or evidence.bound is None:
        return _marked(UNKNOWN, word("advice.target_unknown", target=target))
    bound = {"low": f"{at_least(100 * evidence.bound)}%", "target": target, "n": f"{evidence.answered:,}"}
    if found.advice.target == "reached":
        return _marked(STOP, word("advice.target_reached", **bound))
    return _marked(GO_ON, word("advice.target_open", **bound))


def _predictions(found: StopAdvice) -> str:
    looks = [look for look in found.evidence.looks if look.apart >= APART]
    state = found.advice.predictions
    if state == "too few audits":
        return _marked(UNKNOWN, word("advice.settled_held", least=AUDITS_BY_CLASS))
    if state == "too few rounds":
        return _marked(UNKNOWN, word("advice.settled_unknown", n=len(looks), needed=SETTLED_FOR, apart=APART))
    kappas = ", ".join(
        word("advice.no_kappa") if k.kappa is None else at_least(k.kappa, 3) for k in looks[-SETTLED_FOR:]
    )
    values = {"watched": f"{found.evidence.watched:,}", "kappas": kappas, "enough": SETTLED_AT}
    if state == "settled":
        return _marked(STOP, word("advice.settled", **values))
    return _marked(GO_ON, word("advice.changing", **values))


def _next(found: StopAdvice) -> str:
    evidence, gain, saving = found.evidence, found.evidence.gain, found.evidence.saving
    if gain is None:
        told = word("advice.gain_unknown", step=STEP, n=evidence.gain_points)
    else:
        told = word(
            "advice.gain", step=gain.labels, n=f"{evidence.answered:,}",
            value=points(gain.value, 1), low=points(gain.low, 1), high=points(gain.high, 1),
        )  # fmt: skip
    if saving is not None and gain is not None:
        counts = {name: f"{getattr(saving, name):,.0f}" for name in ("value", "low", "high")}
        told = " ".join((told, word("advice.saving", **counts)))
    mark = {"little": STOP, "worth it": GO_ON, "unclear": UNKNOWN}[found.advice.worth]
    return _marked(mark, told)


def _marked(mark: str, text: str) -> str:
    return f"{mark} {text}"
