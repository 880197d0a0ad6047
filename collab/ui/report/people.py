"""The report's part on the people: who answered how much, how alike they answer, whether suggestions sway them."""

from collab.engine.influence import PEOPLE_FROM
from collab.loop.influencing import Effect, Person, Work
from collab.loop.reporting import Agreed
from collab.loop.summarizing import Summary
from collab.ui.consistency import limit, others, together
from collab.ui.influence import arms, changes, difference, time
from collab.ui.pieces import duration
from collab.ui.quality import at_least, counted
from collab.ui.report.markup import block, paragraph, safe, say, section, table, told

NOBODY = Agreed(0, 0, None)
NOTHING = Effect(events=0, annotators=0, shown_answers=0, hidden_answers=0)


def drawn(summary: Summary) -> str:
    """All of the part."""
    found = summary.people
    effect = found.effect or NOTHING
    people = {p.annotator: p for p in effect.people}
    compared = not effect.too_early
    heads = [say(f"report.{key}") for key in ("person", "answers", "time")]
    if compared:
        heads += [say(f"report.agreed_{key}") for key in ("seen", "hidden")]
    rows = [_row(w, people.get(w.annotator), compared) for w in found.work]
    return section(
        say("report.people"),
        table(heads, rows) or paragraph(say("report.nobody")),
        _alike(found.own, found.mutual),
        block(say("influence.title"), *_effect(effect, summary.policy.mode)),
    )


def _row(given: Work, person: Person | None, compared: bool) -> list[str]:
    spent = duration(given.seconds) if given.timed else say("report.time_unknown")
    cells = [safe(given.annotator), f"{given.answers:,}", safe(spent)]
    if not compared:
        return cells
    both = (person.shown, person.hidden) if person is not None else (None, None)
    return cells + [say("report.none") if a is None else say("report.of", k=round(a.value * a.n), n=a.n) for a in both]


def _alike(own: Agreed, mutual: Agreed) -> str:
    again = say("report.own_none")
    if own.share is not None:
        again = f"{told(together(NOBODY, own))} {told(limit(own.share))}"
    both = told(others(mutual)) if mutual.n else say("report.mutual_none")
    return block(say("consistency.title"), paragraph(again), paragraph(both))


def _effect(effect: Effect, mode: str) -> list[str]:
    parts = [paragraph(say(f"report.{mode}"))]
    if effect.alarm and effect.difference is not None:
        low, n = at_least(100 * effect.difference.low), f"{effect.difference.n:,}"
        parts.append(paragraph(say("report.alarm", low=low, n=n), "alarm"))
    if mode == "suggestion first" or not effect.too_early:
        parts.append(paragraph(told(difference(effect))))
    if not effect.too_early:
        wrong = effect.accepted_when_wrong
        accepted = say("influence.accepted", share=counted(round(wrong.value * wrong.n), wrong)) if wrong else ""
        seconds = told(time(effect.seconds)) if effect.seconds else ""
        these = say("influence.these_people", least=PEOPLE_FROM) if effect.for_these_people else ""
        texts = [told(arms(effect)), accepted, seconds, these]
        parts.append(paragraph(" ".join(filter(None, texts))))
    if effect.revealed.answers:
        parts.append(paragraph(told(changes(effect.revealed))))
    return parts
