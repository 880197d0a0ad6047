"""How often the intervals of alpha and kappa hold what they should: python -m tests.bench.agreeing [draws]."""

import sys

import numpy as np

from collab.engine.annotator_quality import error_rate, kappas, krippendorff_alpha
from collab.engine.arrays import Ints

SIZES, DIFFERING = (100, 300), (0.03, 0.1, 0.3)
FREQUENCIES = ((0.5, 0.5), (0.8, 0.2), (0.9, 0.1), (0.4, 0.2, 0.2, 0.2))
CROWD = 400_000


def answers(n: int, differing: float, frequencies: tuple[float, ...], rng: np.random.Generator) -> Ints:
    """What two people say who differ so often, shape (n, 2)."""
    classes = len(frequencies)
    truth = rng.choice(classes, n, p=frequencies)
    wrong = rng.random((n, 2)) < error_rate(differing, classes)
    said: Ints = np.where(wrong, (truth[:, None] + rng.integers(1, classes, (n, 2))) % classes, truth[:, None])
    return said


def held(n: int, differing: float, frequencies: tuple[float, ...], draws: int) -> tuple[float, float, int]:
    """How often the intervals of alpha and of kappa hold that of a large crowd, and in how many draws there is one."""
    crowd = answers(CROWD, differing, frequencies, np.random.default_rng(0))
    true = krippendorff_alpha(crowd).value, kappas(crowd)[0].kappa.value
    rng, hits, told = np.random.default_rng(1), np.zeros(2), 0
    for _ in range(draws):
        drawn = answers(n, differing, frequencies, rng)
        found = krippendorff_alpha(drawn, n), kappas(drawn)[0].kappa
        if not np.isnan([each.low for each in found]).any():
            told += 1
            hits += [each.low <= value <= each.high for each, value in zip(found, true, strict=True)]
    return float(hits[0] / told), float(hits[1] / told), told


def main(draws: int = 4_000) -> None:
    """Write a line for each case."""
    print("items  differing  frequencies           alpha  kappa")
    for n in SIZES:
        for differing in DIFFERING:
            for frequencies in FREQUENCIES:
                alpha, kappa, _ = held(n, differing, frequencies, draws)
                print(f"{n:5}  {differing:9.0%}  {frequencies!s:20}  {alpha:.3f}  {kappa:.3f}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
