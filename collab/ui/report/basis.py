"""The report's first parts: what was labeled, and what was asked of it."""

from collab.domain.project import NONE
from collab.loop.summarizing import Data, Summary
from collab.ui.answers import choices
from collab.ui.report.markup import block, day, facts, paragraph, safe, say, section, table
from collab.ui.words import WORDS, language, word


def data(found: Data) -> str:
    """Files, columns and counts."""
    done = found.progress
    left = max(0, done.items - done.answered - done.machine)
    counts = {
        "items": done.items,
        "answered": done.answered,
        "machine": done.machine,
        "open": left,
        "reserved": done.reserved,
    }
    told = say("report.counts", **{name: f"{n:,}" for name, n in counts.items()})
    heads = [say(f"report.{key}") for key in ("file", "imported", "items", "duplicates", "rejected", "came_along")]
    rows = [
        [safe(s.name), day(s.at), *(f"{n:,}" for n in (s.added, s.duplicates, s.rejected, s.answers))]
        for s in found.sources
    ]
    shown = ", ".join(f"{f.name} ({word(f'kind.{f.kind}')})" for f in found.fields if f.shown)
    known = WORDS[language()]
    named = ", ".join(known.get(f"language.{code}", code) for code in found.languages)
    pairs = [(say("report.fields"), safe(shown)), (say("report.language"), safe(named))]
    return section(say("report.data"), paragraph(told), table(heads, rows, words=2), facts(pairs))


def question(found: Summary) -> str:
    """The question, its classes with their definitions, and the guidelines."""
    schema = found.schema
    most = max(found.classes.get(c, 0) for c in choices(schema))
    rows = []
    for c in schema.live:
        n = found.classes.get(c.id, 0)
        mark = f' <span class="mark">{say("report.critical")}</span>' if c.critical else ""
        rows.append([safe(c.name) + mark, safe(c.description), f"{n:,}"])
    if schema.many:
        rows.append([say("card.none_of"), "", f"{found.classes.get(NONE, 0):,}"])
    heads = [say(f"report.{key}") for key in ("class", "definition", "decided")]
    why = f"{say('report.decided_why')} {say('insights.balance_many') if schema.many else ''}".strip()
    gone = ", ".join(c.name for c in schema.classes if c.retired)
    told = "".join(f'<p class="long">{safe(each.strip())}</p>' for each in schema.guidelines.strip().split("\n\n"))
    return section(
        say("report.question"),
        paragraph(f"<strong>{safe(schema.question)}</strong>", "lead"),
        paragraph(say("new.any_applies") if schema.many else ""),
        table(heads, rows, words=2),
        paragraph(why if most else "", "note"),
        paragraph(say("report.no_longer", names=gone) if gone else "", "note"),
        block(say("report.guidelines"), told) if schema.guidelines.strip() else "",
    )
