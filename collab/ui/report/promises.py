"""The report's parts on what was promised of the model's labels, and on whether more labels are worth it."""

from collections.abc import Iterator, Sequence

from collab.domain.certificate import Certificate
from collab.domain.project import LabelSchema
from collab.domain.run import Progress
from collab.loop.advising import StopAdvice
from collab.ui.advice import as_of, reasons, verdict
from collab.ui.promises import bound, evidence, missed_table, misses, most_wrong, refusal, watched
from collab.ui.report.markup import copied, day, paragraph, percent, points, say, section, told
from collab.ui.words import word


def certificates(found: Sequence[Certificate], schema: LabelSchema) -> str:
    """All certificates, newest first, with what became of them."""
    if not found:
        return section(say("report.certificates"), paragraph(say("report.no_certificate")))
    why = f"{say('certify.wrong')} {say('report.certificates_why')}"
    return section(say("report.certificates"), *(_certificate(c, schema) for c in found), paragraph(why, "note"))


def advice(found: StopAdvice | None, schema: LabelSchema, progress: Progress) -> str:
    """Whether to go on, with the reasons."""
    if found is None:
        return section(say("report.advice"), paragraph(say("report.advice_none")))
    covered = found.evidence.covered
    part = say("advice.part", share=percent(covered)) if found.evidence.bound is not None and covered < 1 else ""
    why = points(map(told, reasons(found)))
    return section(
        say("report.advice"),
        paragraph(told(verdict(found, schema, progress.audits_left))),
        paragraph(told(as_of(found, progress))),
        why,
        paragraph(part, "note"),
    )


def _certificate(c: Certificate, schema: LabelSchema) -> str:
    kind = c.status if c.status in ("signed", "revoked") else "other"
    name, status = say("certify.number", number=c.number), say(f"certificate.{c.status}")
    head = f'<h3>{name} <span class="{kind}">{status}</span></h3>'
    return f'<div class="promise">{head}{_stated(c, schema)}{paragraph(" ".join(_history(c)), "note")}</div>'


def _stated(c: Certificate, schema: LabelSchema) -> str:
    """What it promises, or what was asked of it in vain, and on what evidence."""
    wanted = f"{say('report.wanted')} {told(bound(c.terms))}"
    if c.verdict is None:
        names = [each.name for each in schema.live if each.critical]
        return paragraph(f"{wanted} {told(misses(c.terms, names))}" if names else wanted)
    missed = c.verdict.missed
    also = told(misses(c.terms, [schema[m.class_id].name for m in missed])) if missed else ""
    critical = copied(missed_table(missed, schema), words=3)
    unresolved = say("certify.unresolved", n=f"{c.verdict.unresolved:,}") if c.verdict.unresolved else ""
    if c.verdict.threshold is None:
        right = c.verdict.above - c.verdict.errors
        audits = say("report.audits", n=f"{c.audits:,}", items=f"{c.items:,}", right=f"{right:,}")
        why = f"{audits} {unresolved} {told(refusal(c.verdict))}"
        return paragraph(f"{wanted} {also}") + paragraph(why) + critical
    over = say("report.over") if c.status not in ("certified", "signed") else ""
    labels = c.labels if c.signed_at else c.verdict.labels
    counts = {"labels": f"{labels:,}", "items": f"{c.items:,}", "share": f"{c.verdict.threshold:.1%}"}
    stated = " ".join(filter(None, (over, say("report.labels", **counts), told(most_wrong(c, labels)))))
    return paragraph(stated) + paragraph(f"{told(evidence(c.verdict))} {unresolved}") + paragraph(also) + critical


def _history(c: Certificate) -> Iterator[str]:
    yield say(
        "certify.frozen", at=day(c.at), by=c.by, items=f"{c.items:,}", audits=f"{c.audits:,}", model=c.model,
        version=c.schema_version,
    )  # fmt: skip
    if c.judged_at:
        yield say("report.judged", at=day(c.judged_at))
    if c.signed_at:
        yield say("certify.signed_by", labels=f"{c.labels:,}", by=c.signed_by, at=day(c.signed_at))
        yield told(watched(c))
    if c.ended_at and c.status == "revoked":
        yield say("certify.revoked", at=day(c.ended_at), why=word(f"certify.revoked_{c.reason}"))
        if c.signed_at:
            yield say("certify.labels_back")
    elif c.ended_at:
        key = "certify.given_up" if c.status == "given up" else "certify.withdrawn"
        yield say(key, at=day(c.ended_at), by=c.ended_by)
    yield say("report.digest", digest=c.digest)
