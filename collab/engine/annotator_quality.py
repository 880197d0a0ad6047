"""Say how well annotators agree, and what several answers to an item come to: alpha, kappa, Dawid-Skene, CROWDLAB.

Answers are numbers of classes, shape (n_items, n_annotators), -1 where there is none. numpy only, for pages import it.
"""

from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Floats, Ints
from collab.engine.assurance import Estimate

Doubles = npt.NDArray[np.float64]

RESAMPLES = 1_000
LEVEL = 0.95
OVERLAP_FROM = 100
"""Items that two people or more have answered, from which there is an interval to speak of."""
WIDTHS = 1.96
"""Standard errors to each side of an interval of 95 %."""
UNSEEN = 2.0
"""Answers to one more item, which differ: where hardly anybody disagreed, the rest has too little of rare disagreement,
and an interval would have hardly any width."""

PASSES, SETTLED = 200, 1e-6
"""Of expectation maximisation: the most there are, and the change of a probability at which it ends."""
BEFOREHAND, TRUSTED = 4.0, 0.7
"""So many answers of each class, this share of them right, are added to each annotator's own: one who has answered
little is thought neither perfect nor hopeless. With fewer, `tests/bench/raters` loses up to 4 points on 150 items."""
CARE = 0.5
"""Power to which Dawid-Skene's probabilities are taken where they are told: errors of different people have causes in
common, which the method doesn't know. Where answers differ in `tests/bench/raters`, it is 98 % sure of what is right
in 87 to 93 %; at this power what is 90 % sure or more is right in 93 to 98 %."""
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True)
class Pair:
    """How well two annotators agree beyond chance."""

    first: int
    second: int
    kappa: Estimate
    """`n` counts the items that both have answered; NaN where chance alone explains all of them."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the answers to each item come to."""

    proba: Doubles
    """Probability of each class, shape (n_items, n_classes)."""
    weights: Doubles
    """How much each annotator counts, shape (n_annotators,); on the scale of the method."""
    model_weight: float = 0.0
    """How much the model counts beside them."""

    @property
    def answers(self) -> Ints:
        """The likeliest class of each item, shape (n_items,)."""
        best: Ints = self.proba.argmax(axis=1)
        return best


def krippendorff_alpha(answers: Ints, least: int = OVERLAP_FROM) -> Estimate:
    """Measure agreement beyond chance among any number of annotators who each answered some of the items.

    1 is perfect agreement, 0 what chance gives, below 0 worse than chance. `n` counts the items that two or more have
    answered. The interval is `_extent`'s; NaN under `least`, or where all answers name one class.

    >>> krippendorff_alpha(np.array([[0, 0], [1, 1], [0, 0], [1, 0]])).value.round(3)
    0.533

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011 (nominal data).
    """
    counts = _counts(answers)
    kinds, times = np.unique(counts[counts.sum(axis=1) >= 2], axis=0, return_counts=True)
    n = int(times.sum())
    if not n:
        return Estimate(np.nan, np.nan, np.nan, 0)
    each = kinds.sum(axis=1)
    disagreeing = (each**2 - (kinds**2).sum(axis=1)) / (each - 1)  # ordered pairs of unlike answers, by item
    value = float(_alpha(times[None].astype(np.float64), kinds, disagreeing)[0])
    if n < least or np.isnan(value):
        return Estimate(value, np.nan, np.nan, n)
    usual = times @ kinds / (times @ each)
    kinds, times = np.vstack([kinds, UNSEEN * usual]), np.append(times, 1)
    shares = times @ kinds / (times @ kinds).sum()
    by_chance = kinds.sum(axis=1) * (1 + shares @ shares) - 2 * kinds @ shares
    low, high = _extent(times, np.append(disagreeing, UNSEEN), by_chance)
    return Estimate(value, min(low, value), max(high, value), n)


def alpha_change(before: Ints, after: Ints, seed: int = 0, least: int = OVERLAP_FROM) -> Estimate:
    """Measure how far alpha has risen between two rounds of answers of the same people to the same items.

    Args:
        before: Shape (n_items, n_annotators).
        after: Same shape and rows.
        seed: Of the bootstrap, which draws items with both their rounds.
        least: Items under which there is no interval.
    """
    width = max(int(before.max(initial=-1)), int(after.max(initial=-1))) + 1
    rounds = [_counts(answers, width) for answers in (before, after)]
    both = np.logical_and(*(counts.sum(axis=1) >= 2 for counts in rounds))
    n = int(both.sum())
    rng = np.random.default_rng(seed)
    drawn = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / max(n, 1)), RESAMPLES) if n else np.ones((1, 0))])
    risen = np.zeros(len(drawn))
    for counts, sign in zip(rounds, (-1, 1), strict=True):
        kinds = counts[both]
        each = kinds.sum(axis=1)
        usual = kinds.sum(axis=0) / max(float(kinds.sum()), 1)
        disagreeing = np.append((each**2 - (kinds**2).sum(axis=1)) / (each - 1), UNSEEN)
        extra = np.append(0.0, np.ones(len(drawn) - 1))[:, None]  # none in what was found itself
        risen += sign * _alpha(np.hstack([drawn, extra]), np.vstack([kinds, UNSEEN * usual]), disagreeing)
    value = float(risen[0])
    if n < least or np.isnan(value):
        return Estimate(value, np.nan, np.nan, n)
    low, high = _interval(risen[1:])
    return Estimate(value, min(low, value), max(high, value), n)


def kappas(answers: Ints) -> list[Pair]:
    """Measure Cohen's kappa of every two annotators who have answered an item in common, with `_extent`'s interval.

    Source: Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 1960.
    """
    found = []
    for first, second in combinations(range(answers.shape[1]), 2):
        both = answers[(answers[:, first] >= 0) & (answers[:, second] >= 0)][:, [first, second]]
        if not len(both):
            continue
        width = int(both.max()) + 1
        table = np.bincount(both[:, 0] * width + both[:, 1], minlength=width**2)
        value, low, high = float(_kappa(table[None].astype(np.float64))[0]), np.nan, np.nan
        if len(both) >= OVERLAP_FROM and not np.isnan(value):
            low, high = _extent_of_kappa(table.reshape(width, width))
            low, high = min(low, value), max(high, value)
        found.append(Pair(first, second, Estimate(value, low, high, len(both))))
    return found


def error_rate(differing: float, n_classes: int | None = None) -> float:
    """Estimate how often one answer is wrong, from how often two answers to the same item differ.

    Args:
        differing: Share of pairs whose answers differ.
        n_classes: Among which those who err choose alike; None: so many that two hardly err alike.

    >>> round(error_rate(0.18, 2), 3), round(error_rate(0.19), 3)
    (0.1, 0.1)
    """
    most = 1.0 if n_classes is None else (n_classes - 1) / n_classes
    return most * (1 - sqrt(max(0.0, 1 - differing / most)))


def majority(answers: Ints, n_classes: int) -> Consensus:
    """Share of the answers that name each class; everybody counts the same."""
    counts = _counts(answers, n_classes)
    counts[counts.sum(axis=1) == 0] = 1  # nobody spoke: no class is likelier
    return Consensus(counts / counts.sum(axis=1, keepdims=True), np.ones(answers.shape[1]))


def dawid_skene(answers: Ints, n_classes: int, model: Floats | None = None) -> Consensus:
    """Weigh answers by what each annotator confuses with what; wants some three answers an item, twenty a person.

    Args:
        answers: Shape (n_items, n_annotators).
        n_classes: Columns of the result.
        model: What a model that has not seen these answers says of the items, shape (n_items, n_classes): then that
            stands for how frequent the classes are.

    Returns:
        Probabilities, and as each annotator's weight the chance that they name the class that it is.

    Source: Dawid and Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
    Statistics 1979.
    """
    proba = majority(answers, n_classes).proba
    items, people = np.nonzero(answers >= 0)
    said, n_people = answers[items, people], answers.shape[1]
    prior = np.full((n_classes, n_classes), BEFOREHAND * (1 - TRUSTED) / max(n_classes - 1, 1))
    np.fill_diagonal(prior, BEFOREHAND * TRUSTED)
    if not len(answers):
        return Consensus(proba, np.ones(n_people))
    for _ in range(PASSES):
        # (annotators, classes that they are, classes that were said)
        confusion = np.empty((n_people, n_classes, n_classes))
        for true in range(n_classes):
            times = np.bincount(people * n_classes + said, proba[items, true], n_people * n_classes)
            confusion[:, true] = times.reshape(n_people, n_classes) + prior[true]
        confusion /= confusion.sum(axis=2, keepdims=True)
        logs = np.log(np.maximum(proba.mean(axis=0) if model is None else model, 1e-12)) + np.zeros_like(proba)
        for true in range(n_classes):
            logs[:, true] += np.bincount(items, np.log(confusion[people, true, said]), len(answers))
        logs -= logs.max(axis=1, keepdims=True)
        before, proba = proba, np.exp(logs)
        proba /= proba.sum(axis=1, keepdims=True)
        if np.abs(proba - before).max(initial=0) < SETTLED:
            break
    right = np.einsum("att,t->a", confusion, proba.mean(axis=0))
    return Consensus(proba, right)


def careful(proba: Doubles) -> Doubles:
    """Make probabilities as sure as answers of people who err alike allow, shape (n_items, n_classes).

    >>> careful(np.array([[0.98, 0.02]])).round(3).tolist()
    [[0.875, 0.125]]
    """
    flat = proba**CARE
    less: Doubles = flat / flat.sum(axis=1, keepdims=True)
    return less


def crowdlab(answers: Ints, model: Floats) -> Consensus:
    """Weigh each annotator, and the model as one more, by how often they agree with the others; in one pass.

    Args:
        answers: Shape (n_items, n_annotators).
        model: What a model that has not seen these answers says of the items, shape (n_items, n_classes).

    Returns:
        Probabilities, and as weights how much less often somebody errs than always saying the most frequent class.

    Source: Goh, Tkachenko and Mueller, "CROWDLAB: Supervised Learning to Infer Consensus Labels and Quality Scores for
    Data with Multiple Annotators", NeurIPS 2022 Human in the Loop Workshop.
    """
    n_classes = model.shape[1]
    counts = _counts(answers, n_classes)
    each = counts.sum(axis=1)
    shared = each > 1
    agreed = _first_consensus(counts, model)
    if not shared.any():  # nobody can be held against anybody
        proba = np.where(each[:, None] > 0, (counts + model) / 2, model)
        return Consensus(proba / proba.sum(axis=1, keepdims=True), np.ones(answers.shape[1]), 1.0)
    usual = max(float((agreed[shared] != np.bincount(agreed[shared], minlength=n_classes).argmax()).mean()), 1e-6)
    likely = float((counts[np.arange(len(counts)), agreed] / np.maximum(each, 1))[shared].mean())
    weights = np.maximum(1 - (1 - _agreement_with_others(answers, counts)) / usual, LEAST_WEIGHT)
    errs = float((model.argmax(axis=1) != agreed)[shared].mean())
    model_weight = max(1 - errs / usual, LEAST_WEIGHT) * float(np.sqrt(each[each > 0].mean()))
    items, people = np.nonzero(answers >= 0)
    rest = (1 - likely) / max(n_classes - 1, 1)
    votes = np.bincount(items * n_classes + answers[items, people], weights[people], len(answers) * n_classes)
    total = np.bincount(items, weights[people], len(answers))[:, None]
    said = rest * total + (likely - rest) * votes.reshape(-1, n_classes)
    return Consensus((said + model_weight * model) / (total + model_weight), weights, model_weight)


def relabel_scores(consensus: Consensus, answers: Ints) -> Doubles:
    """Score items by what one more answer to them is worth, shape (n_items,); higher = ask sooner.

    Source: Goh and Mueller, "ActiveLab: Active Learning with Re-Labeling by Multiple Annotators", ICLR 2023 Workshop on
    Trustworthy ML.
    """
    given = answers >= 0
    n_classes, some = consensus.proba.shape[1], float(consensus.weights.mean())
    total = (given * consensus.weights).sum(axis=1) + consensus.model_weight
    sure = consensus.proba.max(axis=1)
    scores: Doubles = -(sure * total + some / n_classes) / (total + some)
    return scores


def _counts(answers: Ints, n_classes: int | None = None) -> Doubles:
    """How many named each class, shape (n_items, n_classes)."""
    width = int(answers.max(initial=-1)) + 1 if n_classes is None else n_classes
    counts = np.zeros((len(answers), width))
    items, people = np.nonzero(answers >= 0)
    np.add.at(counts, (items, answers[items, people]), 1)
    return counts


def _first_consensus(counts: Doubles, model: Floats) -> Ints:
    """What most say; among those named equally often what the model thinks likelier, then the more frequent class."""
    frequency = counts.sum(axis=0) / max(float(counts.sum()), 1.0)
    tied = counts == counts.max(axis=1, keepdims=True)
    best: Ints = np.where(tied, model + 1e-9 * frequency, -1.0).argmax(axis=1)
    return best


def _agreement_with_others(answers: Ints, counts: Doubles) -> Doubles:
    """Share of the other answers to the same items that are each annotator's own; who has none counts as the rest."""
    each, found = counts.sum(axis=1), np.full(answers.shape[1], np.nan)
    for person, own in enumerate(answers.T):
        with_others = (own >= 0) & (each > 1)
        if with_others.any():
            same = counts[with_others, own[with_others]] - 1
            found[person] = same.sum() / (each[with_others] - 1).sum()
    return np.where(np.isnan(found), np.nanmean(found), found)


def _alpha(weights: Doubles, counts: Doubles, disagreeing: Doubles) -> Doubles:
    """Alpha of items that count so often, one value for each row of weights."""
    n_of = weights @ counts
    total = n_of.sum(axis=1)
    expected = (total**2 - (n_of**2).sum(axis=1)) / (total - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha: Doubles = np.where(expected > 0, 1 - (weights @ disagreeing) / expected, np.nan)
    return alpha


def _kappa(tables: Doubles) -> Doubles:
    """Kappa of tables that say how often two people gave which two answers, shape (any, n_classes ** 2)."""
    width = round(tables.shape[1] ** 0.5)
    square = tables.reshape(-1, width, width)
    total = square.sum(axis=(1, 2))
    seen = np.einsum("tcc->t", square) / total
    chance = (square.sum(axis=2) * square.sum(axis=1)).sum(axis=1) / total**2
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa: Doubles = np.where(chance < 1, (seen - chance) / (1 - chance), np.nan)
    return kappa


def _extent_of_kappa(table: Ints) -> tuple[float, float]:
    """Where kappa may lie, of how often two people gave which two answers, shape (n_classes, n_classes)."""
    unlike = 1 - np.eye(len(table))
    unseen = np.outer(table.sum(axis=1), table.sum(axis=0)) * unlike
    table = table + unseen / unseen.sum()
    first, second = table.sum(axis=1) / table.sum(), table.sum(axis=0) / table.sum()
    by_chance = 1 - second[:, None] - first + first @ second
    return _extent(table.ravel(), unlike.ravel(), by_chance.ravel())


def _extent(times: Ints | Doubles, unlike: Doubles, by_chance: Doubles) -> tuple[float, float]:
    """Where 1 - (times @ unlike) / (times @ by_chance) may lie for all items that there could be.

    By the delta method, with one item on which two differ added to what was found. `tests/bench/agreeing` simulates
    two people who differ on 3, 10 and 30 % of items, in two and four classes of like and unlike frequency: with 100
    items the interval holds the true alpha or kappa in 92 to 97 % of 4,000 draws, with 300 in 94 to 96 %. A
    bootstrap over items held it in 73 to 86 % with 50 items and 3 % of disagreement.

    Args:
        times: How many items there are of each kind.
        unlike: How far answers of each kind differ.
        by_chance: How the disagreement that chance gives grows with one more item of each kind.

    Source: Fleiss, Cohen and Everitt, "Large Sample Standard Errors of Kappa and Weighted Kappa", Psychological
    Bulletin 1969; the added item after Agresti and Coull, "Approximate Is Better than 'Exact' for Interval Estimation
    of Binomial Proportions", The American Statistician 1998.
    """
    expected = times @ by_chance
    found = (times @ unlike) / expected
    off = WIDTHS * sqrt(times @ (unlike - found * by_chance) ** 2) / expected
    return float(1 - found - off), min(1.0, float(1 - found + off))


def _interval(values: Doubles) -> tuple[float, float]:
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
