"""Fit a project's head on decided rows: as the worker does at each answer, and as the gate does once for two models."""

from collections.abc import Sequence
from typing import final

import numpy as np

from collab.domain.project import Project
from collab.engine.arrays import Floats, Ints
from collab.engine.balancing import equal, rebalanced
from collab.engine.heads import PRIOR_VARIANCE, FittedHead, Standard, head_of, one_thread
from collab.engine.numbering import Numbering


@final
class Fitting:
    """A head and how it sees its features: each fit starts from the one before."""

    def __init__(self, widths: Sequence[int], head: FittedHead | None = None) -> None:
        """Begin.

        Args:
            widths: Columns of each block of features.
            head: To start from; of the kind that the policy names.
        """
        self.head = head
        self.standard: Standard | None = None
        """As the head sees the pool; None before the first fit."""
        self._widths = widths
        self._balance = equal(len(widths))
        self._alike: Standard | None = None
        self._measured = 0

    def fit(self, project: Project, features: Floats, labeled: Ints, answers: Ints, numbers: Numbering) -> None:
        """Fit the head on the labeled rows; there is none while all of them have one answer.

        Args:
            project: With the classes and the kind of head.
            features: Of the whole pool, shape (n_rows, dim).
            labeled: Rows to learn from.
            answers: Numbers of their answers.
            numbers: Of answers.
        """
        if len(np.unique(answers)) < 2:
            self.head = None
            return
        widths, schema, policy = self._widths, project.schema, project.policy
        if self._alike is None or self.standard is None or len(features) > self._measured:
            self._alike, self._measured = Standard.of(features).balanced(widths), len(features)
            self.standard = self._alike.weighted(widths, self._balance.weights)
        if not schema.many and self._balance.due(len(labeled)):
            strength = features.shape[1] / PRIOR_VARIANCE if self.head is None else self.head.strength
            with one_thread():
                rows = self._alike.applied(features[labeled])
                self._balance = rebalanced(self._balance, rows, answers, widths, strength)
            self.standard = self._alike.weighted(widths, self._balance.weights)
        self.head = head_of(policy.head).fit(
            features[labeled],
            numbers.labels(answers, len(schema.classes)),
            len(schema.classes),
            standard=self.standard,
            previous=self.head,
            seed=policy.seed,
        )
