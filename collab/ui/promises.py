"""Certificates in words: what one promises, on what evidence, what became of it."""

from collections.abc import Iterator, Sequence
from math import ceil, floor

from collab.domain.certificate import OPEN, Certificate, Missed, Terms, Verdict
from collab.domain.project import LabelSchema
from collab.loop import auditing
from collab.ui import session
from collab.ui.answers import choices
from collab.ui.pieces import plain
from collab.ui.words import word


def standing(certificates: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """Those that are not over: under way, or signed and in force."""
    return tuple(c for c in certificates if c.status in OPEN or c.status == "signed")


def bound(terms: Terms) -> str:
    """What is promised, in counts."""
    return word(f"certify.promise_{terms.promise}", wrong=f"{1000 * terms.epsilon:,.0f}")


def promise(terms: Terms, certificates: Sequence[Certificate]) -> str:
    """What is promised, in counts, and how often such promises may break.

    Args:
        terms: Of one.
        certificates: All of the project: where they were asked with different doubts, the largest bounds them together.
    """
    together = max([terms.delta, *(c.terms.delta for c in certificates)])
    return f"{bound(terms)} {word('certify.doubt', of=one_in(together))}"


def misses(terms: Terms, names: Sequence[str]) -> str:
    """What is promised of the critical classes."""
    return word("certify.promise_missed", names=plain(", ".join(names)), missed=f"{1000 * terms.miss_epsilon:,.0f}")


def one_in(probability: float) -> str:
    """A probability as one in so many, rounded to the larger one.

    >>> one_in(0.1), one_in(0.0608)
    ('10', '16')
    """
    return f"{floor(1 / probability + 1e-9):,}"


def evidence(verdict: Verdict) -> str:
    """What the audits said of the labels that it is about."""
    return word(
        "certify.evidence", above=f"{verdict.above:,}", agreed=f"{verdict.above - verdict.errors:,}",
        errors=f"{verdict.errors:,}",
    )  # fmt: skip


def most_wrong(certificate: Certificate, labels: int) -> str:
    """The promise about so many labels."""
    wrong = auditing.most_wrong(certificate.terms, labels, certificate.items)
    counts = {"wrong": wrong, "labels": labels, "items": certificate.items}
    told = {name: f"{n:,}" for name, n in counts.items()}
    if certificate.terms.promise == "dataset":
        told["share"] = f"{ceil(100 * min(1.0, wrong / max(1, labels)))}%"
    said = word(f"certify.most_{certificate.terms.promise}", **told)
    return f"{said} {word('certify.fails', of=one_in(certificate.terms.delta))}"


def by_class(verdict: Verdict, schema: LabelSchema) -> str:
    """How many labels of each class the machine would give, rare ones too; also of none, where that is an answer."""
    counts = [f"{plain(name)} {verdict.by_class.get(c, 0):,}" for c, name in choices(schema).items()]
    said = word("certify.by_class", classes=", ".join(counts))
    return f"{said} {word('insights.balance_many')}" if schema.many else said


def refusal(verdict: Verdict) -> str:
    """What it would take, where the audits were not good enough."""
    if not all(m.passed for m in verdict.missed):
        return word("certify.refused_missed")
    if verdict.more is None:
        return word("certify.refused_never")
    return word("certify.refused_more", more=f"{verdict.more:,}")


def missed_table(missed: Sequence[Missed], schema: LabelSchema) -> str:
    """How many items of each critical class would be called something else, as a table in Markdown."""
    rows = [[word(f"certify.{head}") for head in ("critical_class", "missed", "missed_result")], ["---"] * 3]
    rows += [[plain(schema[m.class_id].name), _missed(m), _result(m)] for m in missed]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def record(certificate: Certificate) -> Iterator[str]:
    """Everything that was written down about a certificate, a sentence each."""
    c, verdict = certificate, certificate.verdict
    yield f"{bound(c.terms)} {word('certify.fails', of=one_in(c.terms.delta))}"
    yield word(
        "certify.frozen", at=session.clock(c.at), by=plain(c.by), items=f"{c.items:,}", model=plain(c.model),
        version=c.schema_version, audits=f"{c.audits:,}",
    )  # fmt: skip
    if verdict is not None:
        at = session.clock(c.judged_at)
        if verdict.threshold is None:
            yield word("certify.judged_refused", at=at, why=refusal(verdict))
        else:
            yield word("certify.judged", at=at, share=f"{verdict.threshold:.1%}", evidence=evidence(verdict))
        if verdict.unresolved:
            yield word("certify.unresolved", n=f"{verdict.unresolved:,}")
    if c.signed_at:
        yield word("certify.signed_by", labels=f"{c.labels:,}", by=plain(c.signed_by), at=session.clock(c.signed_at))
        yield watched(c)
    if c.ended_at:
        yield ended(c)
    yield word("certify.spent", of=one_in(c.spent), digest=plain(c.digest))


def watched(certificate: Certificate) -> str:
    """What the checks among its labels found."""
    found = certificate.watch
    if not found.answered:
        return word("certify.watch_none")
    return word("certify.watch", answered=f"{found.answered:,}", errors=f"{found.errors:,}")


def ended(certificate: Certificate) -> str:
    """Who or what ended it, and when."""
    at = session.clock(certificate.ended_at)
    if certificate.status == "revoked":
        said = word("certify.revoked", at=at, why=word(f"certify.revoked_{certificate.reason}"))
        return f"{said} {word('certify.labels_back')}" if certificate.signed_at else said
    key = "certify.given_up" if certificate.status == "given up" else "certify.withdrawn"
    return word(key, at=at, by=plain(certificate.ended_by))


def _missed(found: Missed) -> str:
    key = "certify.missed_of" if found.missed else "certify.missed_none"
    return word(key, missed=f"{found.missed:,}", n=f"{found.n:,}")


def _result(found: Missed) -> str:
    if found.passed:
        return word("certify.missed_passed")
    if found.more is None:
        return word("certify.missed_never")
    return word("certify.missed_more", more=f"{found.more:,}")
