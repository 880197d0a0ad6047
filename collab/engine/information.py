"""Choose rows whose labels would tell a linear head the most about many others: greedy on Fisher information."""

import numpy as np

from collab.engine.arrays import Floats

PRIOR = np.float32(1)
"""Precision of a weight before any label, for rows of mean squared norm 1."""


class Information:
    """Picks rows one by one so that the variance of the head's logits over the targets falls the most.

    All classes share one information matrix, M = PRIOR + sum over labeled rows of w x x', with w = p (1 - p) of the
    best class and a constant column beside the features. It is never built: everything is said by products of rows
    with rows, so that wide features cost no more than one product of candidates and targets. A pick changes M by rank
    one; what that does to the gains of all other rows is a sum over the picks so far.

    Source: Ash et al., "Gone Fishing: Neural Active Learning with Fisher Embeddings", NeurIPS 2021; Huseljic et al.,
    "Fast Fishing: Approximating BAIT for Efficient and Scalable Deep Active Image Classification", 2024 (the binary
    form).
    """

    def __init__(
        self, rows: Floats, targets: Floats, labeled: Floats, products: Floats, weights: tuple[Floats, Floats, Floats]
    ) -> None:
        """Begin with what is labeled.

        Args:
            rows: To choose from, shape (n_rows, dim).
            targets: Rows of which the head should become sure, shape (n_targets, dim).
            labeled: Shape (n_labeled, dim).
            products: `rows @ targets.T`, shape (n_rows, n_targets).
            weights: How much a label of each row, target and labeled row tells, at most 1/4 each.
        """
        self._rows, self._weights, of_targets, of_labeled = rows, weights[0], weights[1], weights[2]
        to_rows, to_targets = labeled @ rows.T + 1, labeled @ targets.T + 1
        inner = labeled @ labeled.T + 1
        inner[np.diag_indices_from(inner)] += PRIOR / np.maximum(of_labeled, np.float32(1e-3))
        self._to_rows = to_rows
        self._solved = np.linalg.solve(inner, to_rows) if len(labeled) else to_rows
        # What a label of a row would say of each target: x' M^-1 t, by Woodbury's identity.
        self._shared = (products + 1 - self._solved.T @ to_targets) / PRIOR
        self._shared *= np.sqrt(of_targets)
        self._own = (np.einsum("ij,ij->i", rows, rows) + 1 - np.einsum("ij,ij->j", to_rows, self._solved)) / PRIOR
        self._gain = np.einsum("ij,ij->i", self._shared, self._shared)
        self._picks: list[tuple[np.float32, Floats, Floats]] = []
        self._taken: list[int] = []

    def best(self) -> int:
        """The row with the highest gain that was not taken yet; there must be one."""
        worth = self._weights * self._gain / (1 + self._weights * self._own)
        worth[self._taken] = -np.inf
        return int(worth.argmax())

    def take(self, row: int) -> None:
        """Count what the label of a row tells, whoever picked it."""
        self._taken.append(row)
        own = (self._rows @ self._rows[row] + 1 - self._solved[:, row] @ self._to_rows) / PRIOR
        shared = self._shared[row].copy()
        for share, before, told in self._picks:
            own -= share * before[row] * before
            shared -= share * before[row] * told
        share = self._weights[row] / (1 + self._weights[row] * own[row])
        fall = self._shared @ shared
        for earlier, before, told in self._picks:
            fall -= earlier * (told @ shared) * before
        self._gain = np.maximum(self._gain - 2 * share * own * fall + share**2 * (shared @ shared) * own**2, 0)
        self._own = self._own - share * own**2
        self._picks.append((share, own, shared))
