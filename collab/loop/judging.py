"""Judge a head by the audits: which of them count, and how often it says what they say."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from collab.domain.project import LabelSchema
from collab.domain.run import Stratum
from collab.domain.store import Audit


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
    spoken = [a for a in audits if a.answer]
    answered = Counter(a.stratum for a in spoken)
    right = Counter(a.stratum for a in spoken if a.answer and said[a.item] == schema.index(a.answer[0]))
    unresolved = Counter(a.stratum for a in audits if not a.answer and not a.held)
    return tuple(
        replace(s, answered=answered[s.number], right=right[s.number], unresolved=unresolved[s.number]) for s in strata
    )
