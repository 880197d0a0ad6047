"""Say when suspects were looked for and what came of it, and order another look: the page's half of `suspecting`.

Free of torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from collab.domain.plain import typed
from collab.domain.run import Job
from collab.domain.store import Store
from collab.loop.permitting import needs

JOB = "suspect"
"""Kind of the job that looks for suspects."""
FIGURES = "suspects"


@dataclass(frozen=True, slots=True)
class Features:
    """Where the features of a project are, and of which blocks they are made."""

    digest: str
    dim: int
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """What the last look came to."""

    at: int = 0
    events: int = 0
    """How far the log was then."""
    decisions: int = 0
    """Compared."""
    likely_wrong: int = 0
    """Of them, as confident learning counts."""
    version: int = 0
    """The champion then."""
    found: Mapping[str, int] = field(default_factory=dict)
    """Suspects by kind."""


@needs("review")
def looked(store: Store, project: int) -> Looked | None:
    """What the last look came to; None: there was none."""
    made = store.figures(project, FIGURES)
    return None if made is None else typed(Looked, made)


@needs("review", own="by")
def look_again(store: Store, project: int, by: str, now: int) -> Job:
    """Have the worker look for suspects now."""
    return store.submit_job(JOB, project, {}, by, now)
