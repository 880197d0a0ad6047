"""Judge a head by the audits: which of them count, and how often it says what they say."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collab.domain.project import LabelSchema
from collab.domain.run import ClassAudits, Stratum
from collab.domain.store import Audit
from collab.engine.arrays import Ints


@dataclass(frozen=True, slots=True)
class Audits:
    """The audits that judge a head, in order of their rank; none that somebody holds."""

    found: Sequence[Audit]
    rows: Ints
    """Where their features are, shape (n_audits,)."""
    truth: Ints
    """Class columns of their answers, -1 for the unresolved, shape (n_audits,)."""
    retired: int
    """How many more there would be, were their class still offered."""

    @property
    def answered(self) -> Ints:
        """Rows of the answered ones."""
        return self.rows[self.truth >= 0]

    @property
    def answers(self) -> Ints:
        """Class columns of the answered ones."""
        return self.truth[self.truth >= 0]


def audits_of(found: Iterable[Audit], schema: LabelSchema, row: Mapping[int, int]) -> Audits:
    """Keep the audits that a head may be judged by, `found` in order of their rank; `row` is that of an item."""
    kept, retired = counted(found, schema, row)
    kept = [a for a in kept if a.answer or not a.held]
    truth = [schema.index(a.answer[0]) if a.answer else -1 for a in kept]
    return Audits(kept, np.array([row[a.item] for a in kept], np.int64), np.array(truth, np.int64), retired)


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
        if audit.answer and schema[schema.resolve(audit.answer[0])].retired:
            retired += 1
        else:
            kept.append(audit)
    return kept, retired


def judge(
    strata: Iterable[Stratum], audits: Sequence[Audit], schema: LabelSchema, said: Mapping[int, int]
) -> tuple[Stratum, ...]:
    """Count the audits of each stratum.

    Args:
        strata: What has to be audited.
        audits: The ones that count.
        schema: The classes of today.
        said: The head's class, as its column, by item.
    """
    return tuple(_judged(s, [a for a in audits if a.stratum == s.number], schema, said) for s in strata)


def _judged(stratum: Stratum, audits: Sequence[Audit], schema: LabelSchema, said: Mapping[int, int]) -> Stratum:
    spoken = Counter((schema.index(a.answer[0]), said[a.item]) for a in audits if a.answer)
    silent = Counter(said[a.item] for a in audits if not a.answer and not a.held)
    people, model = Counter[int](), Counter[int]()
    for (answer, word), n in spoken.items():
        people[answer] += n
        model[word] += n
    return replace(
        stratum,
        answered=spoken.total(),
        right=sum(n for (answer, word), n in spoken.items() if answer == word),
        unresolved=silent.total(),
        classes={
            c.id: ClassAudits(spoken[i, i], people[i], model[i], silent[i])
            for i, c in enumerate(schema.classes)
            if people[i] or model[i] or silent[i]
        },
    )
