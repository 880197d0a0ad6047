"""Describe a model to those who get it: what it reads, what it learned from, how good it is, and what it isn't for.

It is Markdown, in whose words only figures stand that exist already. What no audit has shown is said to be unknown.

Source: Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import final

from collab.domain.certificate import Certificate
from collab.domain.project import NONE
from collab.domain.run import SHOWN_FROM
from collab.domain.version import ModelVersion
from collab.engine.assurance import Estimate
from collab.loop.sealing import Encoding, Manifest
from collab.loop.suggesting import ENGLISH_ONLY, READABLE
from collab.loop.summarizing import Summary

PROMISES = {"machine": "of the labels that the model gives", "dataset": "of all items that were frozen"}


def card(found: Summary, manifest: Manifest, models: Sequence[ModelVersion]) -> str:
    """Write the model card.

    Args:
        found: What is known of the project.
        manifest: Of the bundle, its files not yet listed.
        models: All versions, newest first.
    """
    return "\n".join(_Card(found, manifest, models).lines()) + "\n"


def plain(text: str) -> str:
    """Write what people called something so that Markdown shows it as it is, on one line.

    >>> plain("a|b <script>")
    'a\\\\|b &lt;script&gt;'
    """
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|#~" else c for c in line)


@final
class _Card:
    def __init__(self, found: Summary, manifest: Manifest, models: Sequence[ModelVersion]) -> None:
        self._found, self._manifest, self._models = found, manifest, models

    def lines(self) -> Iterator[str]:
        """All of it."""
        yield from self._title()
        yield from self._reads()
        yield from self._data()
        yield from self._quality()
        yield from self._promises()
        yield from self._limits()
        yield from self._made()
        yield from _USE

    def _title(self) -> Iterator[str]:
        manifest, schema = self._manifest, self._found.schema
        how = "any number of" if schema.many else "one of"
        yield f"# {plain(manifest.project)}"
        yield ""
        yield f"It answers “{plain(schema.question)}” with {how} {_n(len(schema.live), 'class', 'classes')}."
        yield (
            f"Version and revision {manifest.model}, learned from {_n(manifest.labels, 'decision', 'decisions')}, "
            f"taken out of collab on {_day(manifest.made_at)}."
        )

    def _reads(self) -> Iterator[str]:
        manifest = self._manifest
        yield from _head("What it reads")
        yield from _table(("column", "kind", "unit"), [(plain(f.name), f.kind, plain(f.unit)) for f in manifest.fields])
        for what, encoder in (("Texts", manifest.text), ("Pictures", manifest.image)):
            if encoder is not None:
                yield f"- {what} are read by {plain(encoder.name)} ({encoder.dim} features{_limit(what, encoder)})."
        if personal := [plain(f.name) for f in manifest.fields if f.personal]:
            yield (
                f"- {', '.join(personal)} may tell who somebody is. The model learned from it: of numbers it keeps the "
                "middle and the spread, of categories the values by name, and of texts and pictures nothing but its "
                "weights, which may still give something away to whoever probes them."
            )
        if manifest.table:
            yield "- Numbers and categories are measured by `table.json`, which was made of this project's items."
        yield f"- On top stands a head of the kind “{manifest.head}”; its temperature is {manifest.temperature:.4g}."
        if manifest.set_threshold is not None:
            yield (
                f"- It also names a set of classes that holds all that is right {manifest.set_level:.0%} of the time, "
                "over items drawn as the audits were; a set may be empty, or hold all classes."
            )

    def _data(self) -> Iterator[str]:
        found, schema, done = self._found, self._found.schema, self._found.data.progress
        tuned = self._manifest.temperature != 1 or self._manifest.set_threshold is not None
        but = ", which only set its temperature and the limit of its sets" if tuned else ""
        yield from _head("What it learned from")
        yield (
            f"{done.items:,} items. {done.decided:,} of them are decided and open to learning; "
            f"{done.audited + done.checked:,} others were set apart before anybody saw them, to judge it: its "
            f"weights never learned from these{but}."
        )
        yield ""
        rows = [(plain(s.name), _day(s.at), f"{s.added:,}", f"{s.answers:,}") for s in found.data.sources]
        yield from _table(("file", "imported", "items", "answers in it"), rows)
        names = [(c.id, plain(c.name), plain(c.description)) for c in schema.live]
        if schema.many:
            names.append((NONE, "none of them", ""))
        counted = [(name, about, f"{found.classes.get(id_, 0):,}") for id_, name, about in names]
        yield from _table(("class", "what it is", "decisions"), counted)
        yield "What people were asked was chosen, so these counts don't tell how common a class is."
        yield ""
        if found.people.work:
            people = [(plain(w.annotator), f"{w.answers:,}") for w in found.people.work]
            yield from _table(("who answered", "answers"), people)

    def _quality(self) -> Iterator[str]:
        accuracy, checks = self._found.quality.accuracy, self._found.quality.checks
        yield from _head("How good it is")
        if accuracy.share is None or accuracy.low is None or accuracy.high is None:
            yield (
                f"Not known: {_n(accuracy.judged, 'blind answer has', 'blind answers have')} judged it, and "
                f"{SHOWN_FROM} are the least."
            )
        else:
            whole = " as a whole" if self._found.schema.many else ""
            share = f" ({_percent(accuracy.share)} of all items)" if accuracy.point is not None else ""
            yield (
                f"It agreed{whole} with {accuracy.right:,} of {accuracy.answered:,} blind answers of people{share}; on "
                f"all items that is between {_percent(accuracy.low)} and {_percent(accuracy.high)}, 19 times in 20."
            )
            if accuracy.chose:
                yield (
                    f"{accuracy.chose:,} of the blind answers also chose between versions of it, so the figure may be "
                    "a little too good."
                )
        yield ""
        if self._found.quality.classes:
            names = {c.id: plain(c.name) for c in self._found.schema.classes}
            rows = [
                (names[c.class_id], *map(_estimate, (c.precision, c.recall, c.f1)), f"{c.recall.n:,}")
                for c in self._found.quality.classes
            ]
            yield from _table(("class", "precision", "recall", "F1", "blind answers of it"), rows)
        if checks is not None and checks.calibration is not None:
            made = checks.calibration
            yield (
                f"Of {made.answered:,} blind answers it expected to agree with {made.expected:.0f}, and agreed with "
                f"{made.right:,}; Brier score {made.brier.value:.3f} ({made.brier.low:.3f} to {made.brier.high:.3f})."
            )
            if made.error is not None:
                yield (
                    f"Calibration error {_percent(made.error.value)} ({_percent(made.error.low)} to "
                    f"{_percent(made.error.high)})."
                )
        else:
            yield "Whether its probabilities can be trusted isn't known: too few blind answers."

    def _promises(self) -> Iterator[str]:
        yield from _head("Promises")
        signed = [c for c in self._found.certificates if c.status == "signed"]
        if not signed:
            yield "None: no certificate of this project is in force."
        for each in signed:
            yield f"- {_promise(each)}"

    def _limits(self) -> Iterator[str]:
        yield from _head("What it must not be used for, and its limits")
        yield (
            "It was made to help people label these items, and was judged for nothing else. No decision about a person "
            "or a case should rest on it alone."
        )
        yield ""
        for each in (*self._told(), *self._technical()):
            yield f"- {each}"

    def _told(self) -> Iterator[str]:
        """The limits of the figures."""
        progress = self._found.data.progress
        yield f"Figures speak for the {progress.items:,} items of the project, not for other sources, places or times."
        yield "Agreement is with people, who can err."
        for limit in self._found.limits:
            names = ", ".join(map(plain, limit.names))
            match limit.name:
                case "demo":
                    yield "This is demo data."
                case "few_audits":
                    yield f"Only {limit.n} blind answers judge it, so its figures are rough."
                case "unchecked":
                    yield f"No figure speaks for these files, which have too few blind answers: {names}."
                case "thin_classes":
                    yield f"Little is known about classes with fewer than {limit.n} blind answers: {names}."
                case "imported":
                    yield f"{limit.n:,} answers came with the files. How they were found isn't known."
                case "sway":
                    yield "Suggestions sway people here: answers given in view of one lean towards the model."

    def _technical(self) -> Iterator[str]:
        """What the model can't see, or never saw."""
        found, manifest = self._found, self._manifest
        if unseen := [plain(c.name) for c in found.schema.live if not found.classes.get(c.id)]:
            yield f"It never saw an item of {', '.join(unseen)}."
        if gone := [plain(c.name) for c in found.schema.classes if c.retired]:
            yield f"It never says what is no longer offered: {', '.join(gone)}."
        yield (
            "An item of none of its classes still gets one."
            if not found.schema.many
            else ("Each class is told for itself: it doesn't know which go together.")
        )
        languages = [each for each in found.data.languages if each not in READABLE]
        if manifest.text is not None:
            if manifest.text.kind in ENGLISH_ONLY:
                yield "Its text encoder knows English; of other languages it understands little."
            if languages:
                yield f"Some of its texts were not English, by their words: {', '.join(languages)}."
            if manifest.text.limit is not None:
                yield f"Of a text it reads the first {manifest.text.limit:,} tokens, the rest is cut off."
        if manifest.image is not None:
            yield (
                f"Pictures are scaled whole into {manifest.image.limit} x {manifest.image.limit} pixels: what is small "
                "in them is lost."
            )
        if any(e is not None and e.precision == "bfloat16" for e in (manifest.text, manifest.image)):
            yield (
                "It learned from features in bfloat16: on processors that don't multiply it, probabilities differ a "
                "little from the app's, by up to 0.01 where that was measured."
            )
        if manifest.table:
            yield "Numbers far outside what it was made of count as the farthest it knows."

    def _made(self) -> Iterator[str]:
        made, manifest = self._found.made, self._manifest
        yield from _head("How it was made")
        version = next((m for m in self._models if f"{m.id}." == manifest.model.partition(".")[0] + "."), None)
        if version is not None and (making := version.record.making) is not None:
            on = f"on {_n(making.labels, 'decision', 'decisions')}"
            if making.method == "mlp":
                yield f"- Its head is a small network, trained {on} of a table; no encoder was fine-tuned."
            else:
                epochs = f"{_n(making.best_epoch, 'epoch', 'epochs')}, on {plain(making.device)}"
                yield f"- Its encoder was fine-tuned ({making.method}) {on} in {epochs}."
            if version.record.overruled_by:
                yield f"- {plain(version.record.overruled_by)} promoted it though the gate had not."
        encoders = [e for e in (manifest.text, manifest.image) if e is not None]
        for each in encoders:
            yield f"- Encoder {plain(each.name)}: `{each.digest}`"
        if manifest.table:
            yield f"- Table: `{manifest.table}`"
        yield f"- Log: {made.events:,} events, the last one is `{made.log_head}`"
        yield f"- {', '.join(f'{plain(name)} {number}' for name, number in manifest.versions.items())}"


_USE = (
    "",
    "## How to use it",
    "",
    "```sh",
    "collab predict model.zip table.csv --to said.csv",
    "```",
    "",
    "```python",
    "from collab.loop.predicting import Model",
    "",
    'said = Model.load("model.zip").predict(frame)',
    "```",
)


def _head(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _promise(signed: Certificate) -> str:
    terms, verdict = signed.terms, signed.verdict
    of = PROMISES[terms.promise]
    above = (
        "" if verdict is None or verdict.threshold is None else f", where it is {verdict.threshold:.1%} sure or more"
    )
    return (
        f"Certificate {signed.number}, signed by {plain(signed.signed_by)} on {_day(signed.signed_at)} for model "
        f"{signed.model} and {signed.items:,} frozen items: at most {terms.epsilon:.1%} {of} are wrong{above}. It "
        "speaks for those items, for no others, and not for what this file says of new ones."
    )


def _limit(what: str, encoder: Encoding) -> str:
    if encoder.limit is None:
        return ""
    return f", at most {encoder.limit:,} tokens" if what == "Texts" else f", {encoder.limit} pixels"


def _estimate(found: Estimate) -> str:
    return f"{_percent(found.value)} ({_percent(found.low)} to {_percent(found.high)})" if found.n else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _n(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
