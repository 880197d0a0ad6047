"""Logistic regression, multinomial or of each class for itself: a quick fit, and what each item would have cost had it
been left out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from collab.engine.arrays import Labels
from collab.engine.links import Link, link_of

Doubles = npt.NDArray[np.float64]

UNSEEN = 0.1
"""Weight of the made-up items of each class at the pool's centre: keeps a class without labels possible, and finite."""
LEAST_CURVATURE, MOST_CURVATURE = 0.01, 0.25


class Fit(NamedTuple):
    """Where the penalised loss is least."""

    solution: Doubles
    """Shape (n_classes, dim + 1), the last column being the bias, which isn't penalised."""
    left_out: Callable[[], Doubles]
    """Works out what each item would have cost had it been left out, shape (n_items,)."""


def fit(x: Doubles, labels: Labels, strength: float, start: Doubles) -> Fit:
    """Minimise the penalised loss by L-BFGS, in coordinates in which it is nearly round.

    With H = strength * I + curvature * x.T @ x and its Cholesky factor R, the weights are sought as b in R^-T b. Their
    penalty is then (|b|^2 - curvature * |logits|^2) / 2, so that no other matrix is needed. Fewer items than columns
    are first written in the space that they span.

    Leaving an item out moves its logits against its residual, by its leverage. With few columns and many classes a weak
    penalty looks better by this approximation than it is. All classes share one curvature, also where each stands for
    itself: one factor serves them all.

    Args:
        x: Standardised rows, shape (n_items, dim).
        labels: Their classes.
        strength: Of the L2 penalty.
        start: Where to begin, shape (n_classes, dim + 1).

    Source: Rad and Maleki, "A Scalable Estimate of the Out-of-Sample Prediction Error via Approximate Leave-One-Out
    Cross-Validation", JRSS B 2020.
    """
    n, dim, classes = len(x), x.shape[1], len(start)
    link = link_of(labels)
    truth = link.truth(labels, classes)
    curvature = _curvature(link, x @ start[:, :-1].T + start[:, -1])
    span = _span(x) if n < dim else None
    rows = x if span is None else span
    information = curvature * (rows.T @ rows)
    information[np.diag_indices_from(information)] += strength
    root = np.linalg.cholesky(information)
    round_rows = np.ascontiguousarray(solve_triangular(root, rows.T, lower=True).T)
    rank = round_rows.shape[1]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        found = flat.reshape(classes, rank + 1)
        weights, bias = found[:, :-1], found[:, -1]
        own = round_rows @ weights.T
        cost, excess = link.cost(own + bias, truth)
        unseen, pull = link.unseen(bias)
        slope = np.empty_like(found)
        slope[:, :-1] = (excess - curvature * own).T @ round_rows + weights
        slope[:, -1] = excess.sum(axis=0) + UNSEEN * pull
        value = (np.vdot(weights, weights) - curvature * np.vdot(own, own)) / 2
        return float(value + cost + UNSEEN * unseen), slope.ravel()

    begin = np.empty((classes, rank + 1))
    known = start[:, :-1].T if span is None else solve_triangular(span, x @ start[:, :-1].T, lower=True)
    begin[:, :-1], begin[:, -1] = (root.T @ known).T, start[:, -1]
    options = {"maxiter": 200, "gtol": 1e-3, "maxcor": 20}
    found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(classes, rank + 1)

    weights = solve_triangular(root.T, found[:, :-1].T, lower=False)
    if span is not None:
        weights = x.T @ solve_triangular(span.T, weights, lower=False)

    def left_out() -> Doubles:
        logits = round_rows @ found[:, :-1].T + found[:, -1]
        proba = link.proba(logits)
        weight = link.spread(proba)
        information = round_rows.T @ (round_rows * (weight - curvature)[:, None])
        information[np.diag_indices_from(information)] += 1
        reach = solve_triangular(np.linalg.cholesky(information), round_rows.T, lower=True)
        leverage = np.square(reach).sum(axis=0) + 1 / (weight.sum() + UNSEEN)
        leverage /= np.maximum(1 - weight * leverage, 0.05)
        return link.costs(logits + leverage[:, None] * (proba - truth), truth)

    return Fit(np.column_stack([weights.T, found[:, -1]]), left_out)


def _span(x: Doubles) -> Doubles:
    """Shape (n_items, n_items), lower: items as the space that they span sees them. Equal items need the small lift."""
    gram = x @ x.T
    gram[np.diag_indices_from(gram)] += 1e-9 * max(np.trace(gram), 1.0)
    return np.asarray(np.linalg.cholesky(gram), np.float64)


def _curvature(link: Link, logits: Doubles) -> float:
    """Mean over items and over the directions in which logits can differ."""
    return float(np.clip(link.spread(link.proba(logits)).mean(), LEAST_CURVATURE, MOST_CURVATURE))
