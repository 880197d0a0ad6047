"""What a new certificate shall promise: the choice, what it means in counts, and the forecast of what it brings."""

from collections.abc import Sequence
from math import ceil

import streamlit as st

from collab.domain.certificate import Certificate, Promise, Terms
from collab.domain.project import Project
from collab.engine.certifying import least_audits
from collab.engine.forecasting import Forecast
from collab.loop import auditing, looking, reporting
from collab.loop.auditing import Outlook, TooFew
from collab.ui import session
from collab.ui.pieces import duration, plain
from collab.ui.promises import misses, promise
from collab.ui.words import word

PROMISES: tuple[Promise, ...] = ("machine", "dataset")
BOUNDS = (0.01, 0.02, 0.05, 0.1)
DOUBTS = (0.1, 0.05, 0.01)
LEAST_AUDITS, MOST_AUDITS, STEP = 20, 10_000, 50
SECONDS_EACH = 6.0
"""What an answer is taken to cost while this person's own pace isn't known."""


def choose(project: Project, certificates: Sequence[Certificate]) -> Terms:
    """Let a person choose; what they chose last is where they begin."""
    last = certificates[0] if certificates else None
    terms = last.terms if last else Terms()
    more = last.verdict.more if last and last.status == "refused" and last.verdict else None
    st.header(word("certify.choose"), anchor=False)
    key = f"certify-{project.id}-{len(certificates)}"
    chosen: Promise = st.radio(
        word("certify.promise"), PROMISES, PROMISES.index(terms.promise),
        format_func=lambda p: word(f"certify.{p}"), captions=[word(f"certify.{p}_why") for p in PROMISES],
        key=f"{key}-promise",
    )  # fmt: skip
    epsilon = _bound("epsilon", terms.epsilon, key)
    delta = _doubt(terms.delta, key)
    miss = _bound("miss_epsilon", terms.miss_epsilon, key) if critical(project) else terms.miss_epsilon
    enough = max(LEAST_AUDITS, min(MOST_AUDITS, terms.audits + (more or 0)))
    audits = st.number_input(
        word("certify.audits"), LEAST_AUDITS, MOST_AUDITS, enough, STEP,
        key=f"{key}-audits", width=220,
    )  # fmt: skip
    st.caption(_time(project, int(audits)))
    return Terms(epsilon, delta, chosen, int(audits), miss)


def explain(project: Project, terms: Terms, number: int) -> None:
    """Say what these terms mean, and what to expect of them.

    Args:
        number: Which certificate of the project it would be; the later it is, the more its audits have to show.
    """
    st.header(word("certify.means"), anchor=False)
    st.markdown(promise(terms, looking.certificates(session.desk(), project.id)))
    st.caption(word("certify.wrong"))
    if project.schema.many:
        st.caption(word("certify.whole"))
    names = critical(project)
    if names:
        st.markdown(misses(terms, list(names.values())))
        _rare(project, terms, number)
    else:
        st.caption(word("certify.critical_none"))
    last = looking.last_round(session.desk(), project.id)
    found = _expected(project, terms, number, 0 if last is None else last.at)
    st.subheader(word("certify.outlook"), anchor=False)
    if not isinstance(found, Outlook):
        few = found.n < found.needed
        st.caption(word("certify.outlook_few", n=found.n, least=found.needed) if few else word("certify.nothing_left"))
        return
    _outlook(found)
    if names:
        st.caption(word("certify.forecast_critical"))


def _expected(project: Project, terms: Terms, number: int, round_at: int) -> Outlook | TooFew:
    """The forecast of these terms; kept until the next round, for whatever is clicked draws the page anew."""
    made_of, found = (project, terms, number, round_at), st.session_state.get("forecast")
    if found is None or found[0] != made_of:
        found = st.session_state["forecast"] = made_of, auditing.outlook(session.desk(), project.id, terms)
    outlook: Outlook | TooFew = found[1]
    return outlook


def critical(project: Project) -> dict[str, str]:
    """Names of the critical classes by id."""
    return {c.id: c.name for c in project.schema.live if c.critical}


def _bound(name: str, value: float, key: str) -> float:
    share = st.segmented_control(
        word(f"certify.{name}"), sorted({*BOUNDS, value}), format_func=lambda s: f"{100 * s:g}%", default=value,
        required=True, key=f"{key}-{name}",
    )  # fmt: skip
    return float(share)


def _doubt(value: float, key: str) -> float:
    doubt = st.segmented_control(
        word("certify.sure"), sorted({*DOUBTS, value}, reverse=True), format_func=lambda d: f"{100 * (1 - d):g}%",
        default=value, required=True, key=f"{key}-delta",
    )  # fmt: skip
    return float(doubt)


def _time(project: Project, audits: int) -> str:
    answers = audits * project.policy.annotations_per_item
    pace = reporting.pace(session.desk(), project.id, session.annotator())
    time = {"n": f"{answers:,}", "time": duration(answers * (pace or SECONDS_EACH))}
    if pace:
        return word("certify.audits_time", **time)
    return word("certify.audits_assumed", **time, seconds=f"{SECONDS_EACH:.0f}")


def _rare(project: Project, terms: Terms, number: int) -> None:
    """Warn of critical classes that so few audits will be of that their misses can't be bounded."""
    last = looking.last_round(session.desk(), project.id)
    answered = sum(s.answered for s in last.strata) if last else 0
    names = critical(project)
    least = least_audits(terms.miss_epsilon, auditing.doubt_of(terms, number, project.schema))
    for class_id, name in names.items():
        people = sum(s.classes[class_id].people for s in last.strata if class_id in s.classes) if last else 0
        if people == 0 or terms.audits * people / answered < least:
            counts = {"name": plain(name), "least": least, "people": people, "answered": answered}
            if people:
                wanted = ceil(least * answered / people / STEP) * STEP
                said = word(
                    "certify.rare",
                    **counts,
                    audits=f"{terms.audits:,}",
                    wanted=f"{wanted:,}",
                    expected=f"{terms.audits * people / answered:.0f}",
                )
            else:
                said = word("certify.rare_unseen", **counts)
            st.warning(said, icon=":material/warning:")


def _outlook(found: Outlook) -> None:
    first = found.forecasts[0]
    usual = _usual(first)
    shares = {"labels": usual, "low": first.low, "high": first.high, "rest": 1 - usual, "items": 1}
    key = "forecast" if first.high else "forecast_none"
    counts = {name: f"{share * found.items:,.0f}" for name, share in shares.items()}
    st.markdown(word(f"certify.{key}", **(counts if first.high else {"items": counts["items"]})))
    if first.chance < 0.5:
        hopeless = first.n < found.least
        said = word("certify.hopeless", n=f"{first.n:,}", least=found.least) if hopeless else word("certify.unlikely")
        st.warning(said, icon=":material/trending_down:")
    rows = [[word(f"certify.{head}") for head in ("col_audits", "col_model", "col_chance")], ["---"] * 3]
    rows += [_row(each, found.items) for each in found.forecasts if each is first or each.n < found.items]
    st.markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
    st.caption(word("certify.forecast_how", n=found.n))


def _row(each: Forecast, items: int) -> list[str]:
    shares = {"labels": _usual(each), "low": each.low, "high": each.high}
    counts = {name: f"{share * items:,.0f}" for name, share in shares.items()}
    labels = word("certify.about", **counts) if each.high else word("certify.likely_none")
    return [f"{each.n:,}", labels, chance(each.chance)]


def chance(share: float) -> str:
    """How likely, in tenths: a forecast is no more exact.

    >>> chance(0.99), chance(0.61), chance(0.0)
    ('more than 9 in 10', 'about 6 in 10', 'less than 1 in 10')
    """
    if share > 0.95:
        return word("certify.chance_more")
    return word("certify.chance_less") if share < 0.05 else word("certify.chance", n=max(1, min(9, round(10 * share))))


def _usual(each: Forecast) -> float:
    """The mean, where it lies in the range: a rare refusal, which counts as 0, may pull it out."""
    return min(max(each.coverage, each.low), each.high)
