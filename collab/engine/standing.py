"""How far a training has come, and when it is over; free of torch, and of disks."""

from dataclasses import dataclass, replace

from collab.engine.recipe import Epoch

DEATHS = 2
"""Attempts that die at the same step, after which fewer items go through at a time: where the system ends what takes
too much memory, nothing else tells."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a training has come."""

    epoch: int = 1
    done: int = 0
    """Steps of this epoch."""
    total: float = 0.0
    """Loss over the items of this epoch so far."""
    seen: int = 0
    """Those items."""
    epochs: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    """0: none has ended yet."""
    micro: int = 0
    """Items that go through the network at a time."""
    seconds: float = 0.0
    joules: float | None = None
    energy_by: str = ""
    note: str = ""
    begun: int = 0
    """Attempts that began here, none of which has come to a checkpoint."""


def with_best(standing: Standing, epoch: Epoch, patience: int) -> tuple[Standing, bool, bool]:
    """Take note of an epoch that has ended: the standing, whether it is the best so far, and whether to stop."""
    best = standing.best_epoch
    known = {each.number: each for each in standing.epochs}
    better = best == 0 or epoch.held_out is None or epoch.held_out < (known[best].held_out or 0.0)
    after = replace(
        standing, epoch=epoch.number + 1, done=0, total=0.0, seen=0, epochs=(*standing.epochs, epoch),
        best_epoch=epoch.number if better else best,
    )  # fmt: skip
    return after, better, is_over(after, patience)


def is_over(standing: Standing, patience: int) -> bool:
    """Whether so many epochs have ended since the best one."""
    return bool(standing.epochs) and standing.epochs[-1].number - standing.best_epoch >= patience


def spared(standing: Standing) -> Standing:
    """Where attempts have died at the same step, as with the same work they would again: less at a time."""
    if standing.begun < DEATHS or standing.micro == 1:
        return standing
    note = f"{standing.begun} attempts ended at the same step: it goes on with half as many items at a time."
    return replace(standing, micro=standing.micro // 2, note=note)
