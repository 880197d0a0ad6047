"""What a bench hands back, and on what machine it was measured."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from collab.engine.encoders.minilm import has_bf16

CORES = 2
"""Every bench runs on so many cores, however many there are."""


@dataclass(frozen=True, slots=True)
class Result:
    """One figure beside its target."""

    name: str
    value: float
    unit: str
    target: float
    better: Literal["at most", "at least"]
    against: str
    """What was measured, on what, against what."""

    @property
    def met(self) -> bool:
        return self.value <= self.target if self.better == "at most" else self.value >= self.target

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "value": float(f"{self.value:.5g}"),
            "against": f"{self.against}; {machine()}",
            "met": self.met,
        }


def stay_on_two_cores() -> None:
    """Keep this process, and all that it starts, on two cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def machine() -> str:
    """Cores, processor, and whether it multiplies bfloat16."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
    return f"{len(os.sched_getaffinity(0))} cores of {name}, {'with' if has_bf16() else 'without'} bf16"


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, between neighbours in a straight line."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def told(values: Sequence[float], unit: str) -> str:
    """The other figures of a sample, for `against`."""
    return f"n = {len(values)}, median {statistics.median(values):.3g} {unit}, most {max(values):.3g} {unit}"
