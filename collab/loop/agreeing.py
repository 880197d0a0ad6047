"""Say how alike people answer the same items, and how reliable each of them is: what the lead sees, and each alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from collab.domain.project import Answer, Project
from collab.domain.store import Store
from collab.domain.task import answer_of
from collab.engine.annotator_quality import OVERLAP_FROM, kappas, krippendorff_alpha
from collab.engine.assurance import Estimate, share_of
from collab.loop.juxtaposing import Answers, noise_of, planned, tabled
from collab.loop.permitting import needs

PAIR_FROM = 10
"""Items that two people have both answered, from which their agreement is told."""
TIMED_FROM = 5


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike people answer, on items that were to be answered by several from the start."""

    alpha: Estimate | None
    """Krippendorff's, for whole answers; None under `least` items, and where all of them are the same class."""
    items: int
    people: int
    left_out: int
    """Items that several people answered, but fewer than two without having been asked for it because of what was said,
    or may have been: for a further answer to it, by choosing the item, in a batch, or in a norming round."""
    least: int = OVERLAP_FROM
    noise: float | None = None
    """How often one answer is wrong, if those who err choose at random; None: too few items."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How one person's answers stand to those of the others who answered the same items."""

    annotator: str
    shared: int
    """Of their answers, those to items on which the others have one answer that more of them gave than any other."""
    same: int
    share: Estimate | None
    """None: there is nothing to compare."""
    confusion: Mapping[Answer, Mapping[Answer, int]] = field(default_factory=dict)
    """By what the others say: what this person said, and how often. Empty where any number of classes may apply."""
    seconds: float | None = None
    """Median of an answer; None: too few."""


@dataclass(frozen=True, slots=True)
class Between:
    """How alike two people answer beyond chance."""

    first: str
    second: str
    kappa: Estimate
    """Without an interval under `OVERLAP_FROM` items."""


@needs("see")
def agreement(store: Store, project: Project) -> Agreement:
    """Agreement of everybody; nobody is named."""
    answers, left_out = _answers(store, project)
    items = int((answers.given > 1).sum())
    found = krippendorff_alpha(answers.table, project.policy.seed)
    told = found if items >= OVERLAP_FROM and not np.isnan(found.value) else None
    people = int((answers.table >= 0).any(axis=0).sum())
    return Agreement(told, items, people, left_out, noise=noise_of(answers, project.schema))


@needs("lead")
def people(store: Store, project: Project) -> tuple[Reliability, ...]:
    """Each annotator beside the others, in the order of their names."""
    answers, _ = _answers(store, project)
    return tuple(_reliability(store, project, answers, column) for column in range(len(answers.people)))


@needs("lead")
def pairs(store: Store, project: Project) -> tuple[Between, ...]:
    """Every two people who have answered enough of the same items, least agreement first."""
    answers, _ = _answers(store, project)
    found = (
        Between(answers.people[pair.first], answers.people[pair.second], pair.kappa)
        for pair in kappas(answers.table, project.policy.seed)
        if pair.kappa.n >= PAIR_FROM and not np.isnan(pair.kappa.value)
    )
    return tuple(sorted(found, key=lambda pair: pair.kappa.value))


@needs("see", own="annotator")
def own(store: Store, project: Project, annotator: str) -> Reliability:
    """One's own row."""
    answers, _ = _answers(store, project)
    if annotator not in answers.people:
        return Reliability(annotator, 0, 0, None)
    return _reliability(store, project, answers, answers.people.index(annotator))


@needs("see")
def concluded(store: Store, project: Project) -> int:
    """How many items are decided by what was concluded from differing answers."""
    made = store.aggregated(project.id)
    return sum(row.state == "decided" for row in store.pool_rows(project.id, list(made))) if made else 0


def _answers(store: Store, project: Project) -> tuple[Answers, int]:
    """The answers that agreement may be measured by, and how many items were left out."""
    shared = store.shared_answers(project.id)
    kept = planned(shared)
    return tabled(kept, project.schema), len({a.item for a in shared} - {a.item for a in kept})


def _reliability(store: Store, project: Project, answers: Answers, column: int) -> Reliability:
    mine, others = answers.table[:, column], np.delete(answers.table, column, axis=1)
    name, schema = answers.people[column], project.schema
    same, shared, confusion = 0, 0, dict[Answer, Counter[Answer]]()
    for row in np.flatnonzero((mine >= 0) & (others >= 0).any(axis=1)).tolist():
        votes = Counter(others[row][others[row] >= 0].tolist()).most_common(2)
        if len(votes) > 1 and votes[0][1] == votes[1][1]:
            continue  # the others don't have one answer
        most, said = votes[0][0], int(mine[row])
        shared, same = shared + 1, same + (most == said)
        if not schema.many:
            theirs, own_ = (answer_of(answers.numbers.columns(number), schema) for number in (most, said))
            confusion.setdefault(theirs, Counter())[own_] += 1
    seconds = store.seconds(project.id, name)
    return Reliability(
        name, shared, same, share_of(same, shared) if shared else None, confusion,
        median(seconds) if len(seconds) >= TIMED_FROM else None,
    )  # fmt: skip
