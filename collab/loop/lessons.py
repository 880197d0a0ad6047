"""What a person asks of a training on a project's decisions, and what pages read of it; free of torch."""

from dataclasses import asdict, dataclass, field

from collab.domain.plain import typed
from collab.domain.run import Job
from collab.domain.store import Store
from collab.engine.recipe import Epoch, Recipe
from collab.loop.grading import ClassQuality
from collab.loop.permitting import needs

FIGURES = "training"
"""Name of the figures that hold the epochs of the training under way."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """How to train, as the payload of a job carries it."""

    recipe: Recipe = field(default_factory=Recipe)
    held_out: float = 0.25
    """Share of the decisions to judge by."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The losses of a training so far."""

    job: int
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a training came to."""

    file: str
    classes: tuple[str, ...]
    learned: int
    held_out: int
    left_out: int
    """Decisions of classes that have only one."""
    inputs: int
    epochs: tuple[Epoch, ...]
    quality: ClassQuality


def lesson_file(project: int, job: int) -> str:
    """Name of the file that holds the weights of a training."""
    return f"models/{project}/{job}.safetensors"


def put_curve(store: Store, project: int, job: int, epochs: tuple[Epoch, ...], now: int) -> None:
    """Keep the losses so far for whoever looks on."""
    store.put_figures(project, FIGURES, asdict(Curve(job, epochs)), now)


@needs("see")
def curve(store: Store, project: int, job: int) -> tuple[Epoch, ...]:
    """The losses of a training so far; () before its first epoch."""
    found = store.figures(project, FIGURES)
    known = None if found is None else typed(Curve, found)
    return known.epochs if known is not None and known.job == job else ()


def lesson(job: Job) -> Lesson:
    """How a training was asked for."""
    return typed(Lesson, job.payload)


def learned(job: Job) -> Learned:
    """What a training that is done came to."""
    return typed(Learned, job.result)
