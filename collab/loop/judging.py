"""Judge a head by the audits: which of them count, and how often it says what they say."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collab.domain.project import LabelSchema
from collab.domain.run import ClassAudits, Stratum
from collab.domain.store import Audit
from collab.domain.task import task_of
from collab.engine.arrays import Ints, Labels
from collab.engine.numbering import Numbering


@dataclass(frozen=True, slots=True)
class Audits:
    """The audits that judge a head, in order of their rank; none that somebody holds."""

    found: Sequence[Audit]
    rows: Ints
    """Where their features are, shape (n_audits,)."""
    truth: Ints
    """Numbers of their answers, -1 for the unresolved, shape (n_audits,)."""
    retired: int
    """How many more there would be, were their class still offered."""
    numbers: Numbering = field(default_factory=Numbering)
    """Of answers; where one class applies, its column."""

    @property
    def answered(self) -> Ints:
        """Rows of the answered ones."""
        return self.rows[self.truth >= 0]

    @property
    def answers(self) -> Ints:
        """Numbers of the answered ones."""
        return self.truth[self.truth >= 0]

    def labels(self, n_classes: int) -> Labels:
        """The answers as a head knows them."""
        return self.numbers.labels(self.answers, n_classes)


def audits_of(
    found: Iterable[Audit], schema: LabelSchema, row: Mapping[int, int], numbers: Numbering | None = None
) -> Audits:
    """Keep the audits that a head may be judged by.

    Args:
        found: In order of their rank.
        schema: The classes of today.
        row: That of an item.
        numbers: Of the answers known so far; None: begin anew.
    """
    numbers = Numbering(schema.many) if numbers is None else numbers
    kept, retired = counted(found, schema, row)
    kept = [a for a in kept if a.answer or not a.held]
    truth = [-1 if columns is None else numbers.number(columns) for columns in (_columns(a, schema) for a in kept)]
    return Audits(kept, np.array([row[a.item] for a in kept], np.int64), np.array(truth, np.int64), retired, numbers)


def counted(audits: Iterable[Audit], schema: LabelSchema, read: Container[int]) -> tuple[list[Audit], int]:
    """Keep the audits that a head may be judged by.

    Of each stratum these are the ones before the first that was never asked or has no features: those behind it would
    have early items count more than late ones. Answers whose class is offered no more are left out.

    Args:
        audits: In order of their rank.
        schema: The classes of today.
        read: Items that have features.
    Returns:
        The audits, and how many were left out for their class.
    """
    kept, retired, ended = [], 0, set()
    for audit in audits:
        if not audit.asked or audit.item not in read:
            ended.add(audit.stratum)
        if audit.stratum in ended:
            continue
        if audit.answer and _columns(audit, schema) is None:
            retired += 1
        else:
            kept.append(audit)
    return kept, retired


def judge(
    strata: Iterable[Stratum], audits: Sequence[Audit], schema: LabelSchema, said: Mapping[int, tuple[int, ...]]
) -> tuple[Stratum, ...]:
    """Count the audits of each stratum: right is what agrees as a whole, and each class is counted for itself.

    Args:
        strata: What has to be audited.
        audits: The ones that count.
        schema: The classes of today.
        said: What the head suggests, as columns of classes, by item.
    """
    return tuple(_judged(s, [a for a in audits if a.stratum == s.number], schema, said) for s in strata)


def _judged(
    stratum: Stratum, audits: Sequence[Audit], schema: LabelSchema, said: Mapping[int, tuple[int, ...]]
) -> Stratum:
    spoken = Counter((_columns(a, schema) or (), said[a.item]) for a in audits if a.answer)
    silent = Counter(column for a in audits if not a.answer and not a.held for column in said[a.item])
    both, people, model = Counter[int](), Counter[int](), Counter[int]()
    for (answer, word), n in spoken.items():
        for counts, columns in ((both, {*answer} & {*word}), (people, answer), (model, word)):
            counts.update(dict.fromkeys(columns, n))
    return replace(
        stratum,
        answered=spoken.total(),
        right=sum(n for (answer, word), n in spoken.items() if answer == word),
        unresolved=sum(not a.answer and not a.held for a in audits),
        classes={
            c.id: ClassAudits(both[i], people[i], model[i], silent[i])
            for i, c in enumerate(schema.classes)
            if people[i] or model[i] or silent[i]
        },
    )


def _columns(audit: Audit, schema: LabelSchema) -> tuple[int, ...] | None:
    """What an audit is answered with; None: nothing that counts."""
    return task_of(schema).columns(audit.answer, schema) if audit.answer else None
