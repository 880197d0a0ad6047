"""Train a small network on a table that is ready, once and plainly, and judge it by the rows held out.

Nothing is chosen by the rows held out: they are looked at once, after the last epoch.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from collab.engine.arrays import Floats
from collab.engine.assurance import Estimate
from collab.engine.curves import mean_interval
from collab.engine.training import Epoch, fit
from collab.loop.grading import ClassQuality as ClassQuality
from collab.loop.grading import judge_classes, plain
from collab.loop.splitting import Prepared


@dataclass(frozen=True, slots=True)
class NumberQuality:
    """How well numbers are estimated, on the rows held out, in the unit of the label."""

    absolute_error: Estimate
    """Mean size of an error, with Student's interval."""
    baseline: float
    """The same of always saying the median of the rows learned from."""
    squared_error: float
    explained: float
    """Share of their variance that is explained, R²; NaN where they have none."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to."""

    prepared: Prepared
    epochs: tuple[Epoch, ...]
    quality: ClassQuality | NumberQuality

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it; a figure that there isn't is None."""
        made, training, cleaned = self.prepared, self.prepared.training, self.prepared.cleaned
        counts = {name: getattr(cleaned, name) for name in ("read", "rejected", "unlabeled", "empty")}
        told: dict[str, Any] = plain(
            {
                "file": cleaned.name,
                "label": cleaned.label,
                "recipe": asdict(training.recipe) | {"rate": training.recipe.step, "held_out": training.held_out},
                "rows": counts | {"learned": len(made.learned.targets), "held_out": len(made.held_out.targets)},
                "columns": [
                    {"name": c.name, "kind": c.kind, "missing": c.missing, "odd": c.odd} for c in cleaned.columns
                ],
                "left_out": [asdict(each) for each in cleaned.left_out],
                "notes": made.notes,
                "inputs": made.learned.features.shape[1],
                "classes": made.classes,
                "epochs": [asdict(epoch) for epoch in self.epochs],
                "quality": asdict(self.quality),
            }
        )
        return told


def train(prepared: Prepared, tell: Callable[[Epoch], None] = lambda _: None) -> Trained:
    """Train, and judge once.

    Raises:
        Diverged: The learning rate is too large.
    """
    learned, n_classes, recipe = prepared.learned, len(prepared.classes), prepared.training.recipe
    targets = learned.targets
    if n_classes and recipe.loss == "mse":
        targets = np.eye(n_classes, dtype=np.float32)[targets.astype(np.int64)]
    fitted = fit(learned.features, targets, n_classes or 1, recipe, tell)
    outputs = fitted.network.outputs(prepared.held_out.features)
    judged = (
        judge_classes(
            prepared.held_out.targets.astype(np.int64),
            outputs.argmax(axis=1),
            prepared.learned.targets.astype(np.int64),
            n_classes,
        )
        if prepared.classes
        else _judge_numbers(prepared, outputs)
    )
    return Trained(prepared, fitted.epochs, judged)


def _judge_numbers(prepared: Prepared, outputs: Floats) -> NumberQuality:
    truth, estimated = (
        prepared.centre + prepared.scale * numbers[:, 0].astype(np.float64)
        for numbers in (prepared.held_out.targets, outputs)
    )
    usual = prepared.centre + prepared.scale * float(np.median(prepared.learned.targets))
    off = np.abs(estimated - truth)
    band = mean_interval(off[:, None])
    squared, variance = float((off**2).mean()), float(truth.var())
    absolute = Estimate(float(band.mean[0]), max(float(band.low[0]), 0.0), float(band.high[0]), len(off))
    return NumberQuality(
        absolute, float(np.abs(usual - truth).mean()), squared, 1 - squared / variance if variance else math.nan
    )
