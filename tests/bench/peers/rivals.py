"""What is compared: collab's strategies and the peers' own code, each behind one function from a view to rows.

All see the same features, and the probabilities of the same head; the arms "as shipped" bring the classifier of their
documentation instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from collab.engine.arrays import Floats, Ints
from collab.engine.pool import PoolView
from collab.engine.strategies import strategy_of
from tests.bench.peers.sets import Set

Model = Callable[[Floats], Floats]
"""Features to probabilities, shape (n, n_classes); a class without labels has a column too."""


@dataclass(frozen=True, slots=True)
class View:
    """What a rival may see when it chooses."""

    features: Floats
    labeled: Ints
    labels: Ints
    candidates: Ints
    n_classes: int
    model: Model | None
    """None until two classes are known."""
    order: Ints
    """All rows at random, the same for all rivals of a seed."""
    rng: np.random.Generator


Query = Callable[[View, int], Ints]
"""Chooses so many rows of the view's candidates."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One arm."""

    package: str
    """The distribution whose code it is; its version is part of a cell's key."""
    start: Callable[[Set, int], Query]
    """Makes the chooser of one run from the set and a seed."""
    cold: bool = False
    """It chooses a first batch of its own; others get the random one of their seed."""
    needs_model: bool = True
    """It can't choose while only one class is known: the next rows are random then, too."""
    classifier: Callable[[int], Any] | None = None
    """The classifier that its documentation uses, for an arm "as shipped"; None: the head that all share."""


def rival_of(name: str) -> Rival:
    """The arm of that name; `collab:STRATEGY` is any other strategy of collab, for tuning."""
    if name.startswith("collab:"):
        return _collab(name.partition(":")[2])
    return RIVALS[name]


def _collab(strategy: str = "default") -> Rival:
    def start(of: Set, seed: int) -> Query:
        chosen = strategy_of(strategy)
        # What needs probabilities begins with typicality in the product, too.
        first = strategy_of("typicality") if chosen.needs_proba else chosen

        def query(view: View, size: int) -> Ints:
            proba = None if view.model is None else view.model(view.features)
            seen = PoolView(view.features, view.candidates, view.labeled, view.labels, proba, view.n_classes)
            return (first if proba is None else chosen).select(seen, size, view.rng).indices

        return query

    return Rival("collab", start, cold=True, needs_model=False)


def at_random(view: View, size: int) -> Ints:
    """Take the next rows of the seed's random order."""
    return view.order[np.isin(view.order, view.candidates)][:size]


def _small_text(of: Set, seed: int) -> Query:
    from small_text import BreakingTies, SklearnClassifier, SklearnDataset

    strategy = BreakingTies()
    data = SklearnDataset(of.x, np.zeros(len(of.x), np.int64), target_labels=np.arange(of.n_classes))

    def query(view: View, size: int) -> Ints:
        classifier = SklearnClassifier(Adopted(view.model, view.n_classes), view.n_classes)
        return strategy.query(classifier, data, view.candidates, view.labeled, view.labels, n=size)

    return query


def _modal(of: Set, seed: int) -> Query:
    from modAL.uncertainty import margin_sampling

    def query(view: View, size: int) -> Ints:
        rows, _ = margin_sampling(Adopted(view.model, view.n_classes), view.features[view.candidates], n_instances=size)
        return view.candidates[rows]

    return query


def _activeml(name: str, **settings: Any) -> Callable[[Set, int], Query]:
    """A strategy of scikit-activeml. One object a run: ProbCover keeps the distances that it computed first."""

    def start(of: Set, seed: int) -> Query:
        import skactiveml.pool

        more = {"n_classes": of.n_classes} if name == "ProbCover" else {}
        strategy = getattr(skactiveml.pool, name)(random_state=seed, **settings, **more)
        with_model = name not in ("TypiClust", "ProbCover", "CoreSet")

        def query(view: View, size: int) -> Ints:
            y = np.full(len(view.features), np.nan)
            y[view.labeled] = view.labels
            model = {"clf": _wrapped(view, y), "fit_clf": False} if with_model else {}
            return np.asarray(strategy.query(view.features, y, batch_size=size, **model), np.int64)

        return query

    return start


def _wrapped(view: View, y: Floats) -> Any:
    from skactiveml.classifier import SklearnClassifier

    classifier = SklearnClassifier(Adopted(view.model, view.n_classes), classes=list(range(view.n_classes)))
    return classifier.fit(view.features, y)


class Adopted(ClassifierMixin, BaseEstimator):
    """A model that is fitted already, as a scikit-learn classifier."""

    def __init__(self, model: Model | None, n_classes: int) -> None:
        self.model = model
        self.n_classes = n_classes

    def fit(self, X: Floats, y: Ints) -> "Adopted":  # noqa: N803  # scikit-learn's names
        """Learn nothing: the model was fitted on these labels. Without any, say so as scikit-learn would."""
        if self.model is None:
            raise ValueError("There is no model yet.")
        self.classes_ = np.arange(self.n_classes)
        return self

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803  # scikit-learn's names
        assert self.model is not None
        return self.model(X)

    def predict(self, X: Floats) -> Ints:  # noqa: N803  # scikit-learn's names
        return self.predict_proba(X).argmax(axis=1)


def _linear_svc(seed: int) -> Any:
    from small_text import ConfidenceEnhancedLinearSVC

    return ConfidenceEnhancedLinearSVC({"random_state": seed})


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(random_state=seed)


def _regression(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


_margin = _activeml("UncertaintySampling", method="margin_sampling")

RIVALS: dict[str, Rival] = {
    "collab": _collab(),
    "random": Rival("numpy", lambda of, seed: at_random, cold=True, needs_model=False),
    "small-text BreakingTies": Rival("small-text", _small_text),
    "modAL margin": Rival("modAL-python", _modal),
    "scikit-activeml margin": Rival("scikit-activeml", _margin),
    "Badge": Rival("scikit-activeml", _activeml("Badge")),
    "TypiClust": Rival("scikit-activeml", _activeml("TypiClust"), cold=True, needs_model=False),
    "DropQuery": Rival("scikit-activeml", _activeml("DropQuery"), cold=True),
    "Falcun": Rival("scikit-activeml", _activeml("Falcun")),
    "ProbCover": Rival("scikit-activeml", _activeml("ProbCover"), cold=True, needs_model=False),
    "CoreSet": Rival("scikit-activeml", _activeml("CoreSet"), cold=True, needs_model=False),
    "small-text as shipped": Rival("small-text", _small_text, classifier=_linear_svc),
    "modAL as shipped": Rival("modAL-python", _modal, classifier=_forest),
    "scikit-activeml as shipped": Rival("scikit-activeml", _margin, classifier=_regression),
}
