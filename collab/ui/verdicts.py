"""How a fine-tuned version compares with the one before it, in sentences."""

from collab.domain.run import SHOWN_FROM, Figure
from collab.domain.version import Making, ModelVersion, Verdict
from collab.engine.assurance import Estimate
from collab.loop.reporting import POINT_FROM
from collab.ui.pieces import plain
from collab.ui.quality import extent, points
from collab.ui.words import WORDS, language, word

MARKS = {
    "better": ":green[:material/trending_up:]",
    "worse": ":red[:material/trending_down:]",
    "can't tell": ":gray[:material/help:]",
}
"""Before a verdict; the words beside the mark say it as well."""


def verdict(model: ModelVersion) -> str:
    """Whether a version is better than the one before, and what becomes of it."""
    found = model.record.verdict
    if found is None:
        return word("verdict.none")
    told = {"before": found.against, "n": f"{len(found.audits):,}"}
    if found.word == "can't tell":
        if found.more is None:
            said = word("verdict.open", **told)
        else:
            said = word("verdict.open_more", **told, more=f"{found.more:,}")
    else:
        said = word(f"verdict.{found.word}", **told)
    return f"{MARKS[found.word]} {said}"


def figures(found: Verdict) -> list[str]:
    """What the verdict stands on: both accuracies as counts, their difference, and that of the log-loss."""
    shares = {"before": found.against, "right": f"{found.before:,}", "now": f"{found.after:,}"}
    change = found.accuracy
    gain = {name: _signed(getattr(found.gain, name)) for name in ("value", "low", "high")}
    lines = [
        word("verdict.counts", **shares, n=f"{len(found.audits):,}"),
        word("verdict.change", value=points(change.value), low=points(change.low), high=points(change.high)),
        word("verdict.gain", **gain),
    ]
    return [*lines, word("verdict.unresolved", n=f"{found.unresolved:,}")] if found.unresolved else lines


def accuracy(found: Figure | None, n: int) -> str:
    """An audited share with its interval and count, no more exact than so many answers allow."""
    if found is None or n < SHOWN_FROM:
        return word("versions.accuracy_none", n=n)
    share = Estimate(found.value, found.low, found.high, n)
    if n < POINT_FROM:
        return word("versions.accuracy_band", range=extent(share), n=n)
    return word("versions.accuracy", share=f"{found.value:.0%}", range=extent(share), n=f"{n:,}")


def calibration(found: Figure | None) -> str:
    """By how many points its percentages are off."""
    if found is None:
        return word("versions.calibration_none")
    return word("versions.calibration", **{n: f"{100 * getattr(found, n):.1f}" for n in ("value", "low", "high")})


def making(found: Making) -> str:
    """What it learned from, and what it took."""
    if found.method == "mlp":
        return f"{word('verdict.made_network', labels=f'{found.labels:,}')} {cost(found)}."
    said = {"labels": f"{found.labels:,}", "held": f"{found.held_out:,}", "best": found.best_epoch}
    return f"{word('verdict.made', **said, epochs=found.epochs)} {cost(found)}."


def cost(found: Making) -> str:
    """Which device, for how long, and the energy with its source."""
    told = word("versions.cost", device=plain(found.device), time=spent(found.seconds))
    return f"{told} {energy(found.joules, found.energy_by)}"


def energy(joules: float | None, by: str) -> str:
    """Energy in watt-hours, and what told it."""
    if joules is None:
        return word("versions.energy_none")
    hours = joules / 3600
    key = f"energy.{by}"
    said = {"by": word(key) if key in WORDS[language()] else plain(by)}
    if hours >= 1000:
        return word("versions.energy_kwh", n=f"{hours / 1000:.1f}", **said)
    return word("versions.energy_wh", n=f"{hours:.2g}" if hours < 10 else f"{hours:.0f}", **said)


def spent(seconds: float) -> str:
    """A time that was measured: seconds under two minutes, minutes under two hours, else hours."""
    if seconds < 120:
        return word("time.seconds", n=f"{seconds:.0f}") if round(seconds) != 1 else word("time.second")
    if seconds < 7200:
        return word("time.minutes", n=f"{seconds / 60:.0f}")
    return word("time.hours", n=f"{seconds / 3600:.1f}")


def _signed(value: float) -> str:
    value = round(value, 3) or 0.0
    return f"{value:+.3f}".replace("-", "−") if value else "0"
