"""What showing suggestions does to people, on Insights: shown against hidden at random, and changes of mind."""

import streamlit as st

from collab.domain.project import Mode
from collab.domain.run import SHOWN_FROM
from collab.engine.assurance import Estimate, share_of
from collab.engine.influence import ALARMING, ANNOTATORS_FROM, HIDDEN_FROM, PEOPLE_FROM
from collab.loop.influencing import Effect, Person, Revealed
from collab.ui.pieces import plain
from collab.ui.quality import at_least, counted, points, table
from collab.ui.words import word

NOTHING = Effect(events=0, annotators=0, shown_answers=0, hidden_answers=0)


def warn(effect: Effect | None, mode: Mode) -> None:
    """Say the alarm in words, where it is raised and suggestions are still shown first."""
    if mode == "suggestion first" and effect is not None and effect.alarm and effect.difference is not None:
        low, n = at_least(100 * effect.difference.low), f"{effect.difference.n:,}"
        st.warning(word("influence.alarm", low=low, n=n), icon=":material/visibility:")


def draw(effect: Effect | None, mode: Mode, who: str) -> None:
    """Draw the effect, and each person's part in it, that of `who` first."""
    effect = effect or NOTHING
    with st.container(border=True):
        st.header(word("influence.title"), anchor=False)
        if mode != "suggestion first":
            st.markdown(word("influence.answer_first" if mode == "answer first" else "influence.blind"))
        if mode == "suggestion first" or not effect.too_early:
            _compared(effect, who)
        if effect.revealed.answers:
            st.markdown(changes(effect.revealed))


def _compared(effect: Effect, who: str) -> None:
    st.markdown(difference(effect))
    if effect.too_early:
        return
    st.caption(arms(effect))
    wrong = effect.accepted_when_wrong
    if wrong is None:
        st.caption(word("influence.accepted_unknown"))
    else:
        st.markdown(word("influence.accepted", share=_of(wrong)))
    if effect.seconds is not None:
        st.markdown(time(effect.seconds))
    table([word(f"influence.{key}") for key in ("annotator", "arms_of", "difference")], people(effect.people, who))
    if effect.for_these_people:
        st.caption(word("influence.these_people", least=PEOPLE_FROM))
    st.caption(word("influence.how", limit=f"{100 * ALARMING:.0f}"))


def difference(effect: Effect) -> str:
    """The effect in a sentence, or that it is too early to speak of one."""
    if effect.too_early or effect.difference is None:
        return word(
            "influence.too_early", people=effect.annotators, hidden=f"{effect.hidden_answers:,}",
            least_people=ANNOTATORS_FROM, least_hidden=HIDDEN_FROM,
        )  # fmt: skip
    found = effect.difference
    key = "influence.alike" if found.low <= 0 <= found.high else "influence.differ"
    return word(key, value=points(found.value), low=points(found.low), high=points(found.high), n=f"{found.n:,}")


def arms(effect: Effect) -> str:
    """Both arms as counts."""
    shown, hidden = effect.shown, effect.hidden
    return word("influence.arms", shown=_of(shown), hidden=_of(hidden)) if shown and hidden else ""


def time(seconds: Estimate) -> str:
    """What showing suggestions does to the time of an answer; `seconds` is a ratio."""
    value, low, high = (_percent(ratio - 1) for ratio in (seconds.value, seconds.low, seconds.high))
    return word("influence.time", value=value, low=low, high=high, n=f"{seconds.n:,}")


def people(found: tuple[Person, ...], who: str) -> list[list[str]]:
    """A row for each person, that of `who` first: name, both arms, difference."""
    return [_row(p, who) for p in sorted(found, key=lambda p: p.annotator != who)]


def changes(found: Revealed) -> str:
    """What people did once they saw what the model says."""
    if not found.differed:
        return word("influence.never_differed", n=f"{found.answers:,}")
    changed = counted(found.changed, share_of(found.changed, found.differed))
    return word(
        "influence.changed", n=f"{found.answers:,}", differed=f"{found.differed:,}", changed=changed,
        to_model=f"{found.to_model:,}",
    )  # fmt: skip


def _row(person: Person, who: str) -> list[str]:
    name = plain(person.annotator)
    name = word("influence.you", name=name) if person.annotator == who else name
    return [name, word("influence.counts", shown=_counts(person.shown), hidden=_counts(person.hidden)), _points(person)]


def _points(person: Person) -> str:
    found = person.difference
    few = any(arm is None or arm.n < SHOWN_FROM for arm in (person.shown, person.hidden))
    if found is None or few:
        return word("influence.few")
    return word("influence.range", value=points(found.value), low=points(found.low), high=points(found.high))


def _of(share: Estimate) -> str:
    return counted(round(share.value * share.n), share)


def _counts(share: Estimate | None) -> str:
    return f"{round(share.value * share.n):,}/{share.n:,}" if share else "0"


def _percent(share: float) -> str:
    return f"{points(share)}%"
