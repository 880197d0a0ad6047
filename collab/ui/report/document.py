"""The report: a project's summary as one HTML page that stands alone, to print or to send. No scripts, no addresses.

Each part says its figures with their number of answers and their range, or that there are too few.
"""

import base64
from functools import cache
from pathlib import Path

from collab.loop.summarizing import Summary
from collab.ui import words
from collab.ui.naming import encoder_words
from collab.ui.pieces import duration
from collab.ui.report import basis, people, promises, quality
from collab.ui.report.markup import day, facts, moment, paragraph, percent, points, safe, say, section

STATIC = Path(words.__file__).with_name("static")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:"
"""Were anything of a file ever not escaped, no browser would run or fetch it."""


def document(summary: Summary) -> str:
    """The whole page."""
    parts = (
        _limits(summary),
        basis.data(summary.data),
        basis.question(summary),
        quality.drawn(summary),
        promises.certificates(summary.certificates, summary.schema),
        people.drawn(summary),
        promises.advice(summary.quality.advice, summary.schema, summary.data.progress),
        _cost(summary),
        _made(summary),
    )
    title = f"{safe(summary.project)} · {say('report.kind')}"
    return (
        f'<!doctype html><html lang="{words.language()}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_style()}</style></head>"
        f"<body><main>{_head(summary)}{''.join(parts)}</main></body></html>\n"
    )


def _head(summary: Summary) -> str:
    head = (
        f'<header><p class="kind">{say("report.kind")}</p><h1>{safe(summary.project)}</h1>'
        f"<p>{say('report.state', at=moment(summary.made.at))}</p></header>"
    )
    return f'{head}<div class="tiles">{_items(summary)}{_agreed(summary)}{_people(summary)}{_promised(summary)}</div>'


def _items(summary: Summary) -> str:
    done = summary.data.progress
    decided = {"answered": f"{done.answered:,}", "machine": f"{done.machine:,}"}
    return _tile(f"{done.items:,}", say("report.tile_items", **decided))


def _agreed(summary: Summary) -> str:
    found = summary.quality.accuracy
    if found.band is None or found.low is None or found.high is None:
        return _tile(say("report.tile_few"), say("report.tile_few_why", n=found.judged))
    counts = f"{found.right:,} / {found.answered:,}"
    if found.point is None:
        low, high = found.band
        return _tile(counts, say("report.tile_band", low=low, high=high))
    return _tile(counts, say("report.tile_agreed", low=percent(found.low), high=percent(found.high)))


def _people(summary: Summary) -> str:
    work, cost = summary.people.work, summary.cost
    name = say("report.tile_person") if len(work) == 1 else say("report.tile_people", n=len(work))
    answers = f"{sum(w.answers for w in work):,}"
    if not cost.timed:
        return _tile(name, say("report.tile_answered", answers=answers))
    return _tile(name, say("report.tile_worked", answers=answers, time=duration(cost.seconds)))


def _promised(summary: Summary) -> str:
    signed = [c for c in summary.certificates if c.status == "signed"]
    if not signed:
        return _tile(say("report.tile_uncertified"), say("report.tile_uncertified_why"))
    numbers = ", ".join(str(c.number) for c in reversed(signed))
    return _tile(f"{summary.data.progress.machine:,}", say("report.tile_certified", number=numbers))


def _tile(figure: str, told: str) -> str:
    return f'<div class="tile"><b>{figure}</b><span>{told}</span></div>'


def _cost(summary: Summary) -> str:
    cost = summary.cost
    people = {"time": duration(cost.seconds), "n": f"{cost.timed:,}"}
    model = {"time": duration(cost.machine_seconds), "fits": f"{cost.fits:,}"}
    return section(
        say("report.cost"),
        paragraph(say("report.cost_people", **people) if cost.timed else say("report.cost_unknown")),
        paragraph(say("report.cost_model", **model) if cost.fits else ""),
    )


def _limits(summary: Summary) -> str:
    certified = any(c.status == "signed" for c in summary.certificates)
    texts = [say(f"limit.{each.name}", n=f"{each.n:,}", names=", ".join(each.names)) for each in summary.limits]
    use = f"{say('report.use')} {say('report.use_certified')}" if certified else say("report.use")
    return section(say("report.limits"), paragraph(use), points(texts))


def _made(summary: Summary) -> str:
    made, policy = summary.made, summary.policy
    named = {"encoder": encoder_words(made.encoder, made.tuned), "head": made.head}
    fit = {"model": made.model, "at": day(made.fitted_at), "labels": f"{made.labels:,}"}
    asked = {
        "strategy": words.word(f"strategy.{policy.strategy}"), "answers": policy.annotations_per_item,
    }  # fmt: skip
    tossed = policy.mode == "suggestion first"
    blind = [say("report.asked_blind", blind=f"{policy.blind_share:.0%}")] if tossed else []
    pairs = [
        (
            say("report.model"),
            say("report.model_of", **named, **fit) if made.model else say("report.model_none", **named),
        ),
        (say("report.asking"), " ".join([say("report.asked", **asked), *blind])),
        (say("report.log"), say("report.logged", events=f"{made.events:,}", head=made.log_head[:16])),
        (say("report.software"), safe(", ".join(f"{name} {number}" for name, number in made.versions.items()))),
    ]
    return section(say("report.made"), facts(pairs))


@cache
def _style() -> str:
    """The style, with the font in it: the file must look the same where nothing else is."""
    font = base64.b64encode((STATIC / "inter.woff2").read_bytes()).decode()
    face = (
        f'@font-face{{font-family:Inter;font-weight:100 900;src:url("data:font/woff2;base64,{font}") format("woff2")}}'
    )
    return face + (STATIC / "report.css").read_text("utf-8")
