"""How alike people answer, on Insights: to themselves when asked again, and to each other."""

from collections.abc import Sequence
from math import ceil, sqrt

import streamlit as st

from collab.domain.project import Answer, LabelSchema, Project
from collab.domain.run import SHOWN_FROM
from collab.engine.assurance import Estimate, share_of
from collab.loop import looking, reporting
from collab.loop.reporting import Agreed
from collab.ui import session
from collab.ui.answers import counted_as
from collab.ui.quality import extent
from collab.ui.words import word


def draw(project: Project, who: str) -> None:
    """Draw how often this person, and everybody, gave the same answer again, and how often people gave the same one."""
    desk = session.desk()
    own = reporting.self_agreement(desk, project.id, project.schema, who)
    everybody = reporting.self_agreement(desk, project.id, project.schema)
    people = reporting.people_agreement(desk, project.id, project.schema)
    between_classes = classed(looking.repeats(desk, project.id), project.schema)
    with st.container(border=True):
        st.header(word("consistency.title"), anchor=False)
        if project.schema.many:
            st.caption(word("consistency.whole"))
        for line in (yourself(own), together(own, everybody), limit(between_classes), others(people)):
            if line:
                st.markdown(line)
        if not everybody.n:
            st.caption(word("consistency.none" if project.policy.repeat_every else "consistency.off"))
        if people.n:
            st.caption(word("consistency.people_how"))
        else:
            st.caption(word("consistency.no_others" if project.policy.several else "consistency.asked_once"))


def yourself(found: Agreed) -> str:
    """How often the person gave the same answer again; "" where nothing was asked again."""
    return "" if found.share is None else word("consistency.yourself", **_told(found.same, found.share))


def together(own: Agreed, everybody: Agreed) -> str:
    """The same of everybody; "" where that is the person alone."""
    if everybody.share is None or everybody.n == own.n:
        return ""
    return word("consistency.together", **_told(everybody.same, everybody.share))


def classed(repeats: Sequence[tuple[Answer, Answer, int]], schema: LabelSchema) -> Estimate:
    """How often the same answer came again, where one came both times: blind answers that count are whole ones."""
    pairs = [(counted_as(a, schema), counted_as(b, schema), n) for a, b, n in repeats if a and b]
    return share_of(sum(n for a, b, n in pairs if a == b), sum(n for _, _, n in pairs))


def limit(again: Estimate) -> str:
    """How far any model could agree with people who answer themselves as often as this; "" where that isn't known.

    A person who gives an item's answers with probabilities p repeats an answer with probability sum(p^2), and the best
    model agrees with probability max(p), which is at most the root of it; a mean of roots is at most the root of the
    mean. So the root of the upper bound is a bound for every model, however the answers spread.
    """
    if again.n < SHOWN_FROM:
        return ""
    most = min(100, ceil(100 * sqrt(again.high)))
    return word("consistency.limit" if most < 100 else "consistency.no_limit", most=f"{most}%", n=f"{again.n:,}")


def others(found: Agreed) -> str:
    """On how many items people agreed with each other; "" where several people answered none."""
    return "" if found.share is None else word("consistency.people", **_told(found.same, found.share))


def _told(same: int, share: Estimate) -> dict[str, str]:
    return {"same": f"{same:,}", "n": f"{share.n:,}", "range": extent(share)}
