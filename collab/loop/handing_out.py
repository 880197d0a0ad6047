"""Hand out asks: lease the next ones, mix in audits, swap unseen ones when a new ranking has landed.

The page's half of asking: it talks to the store alone and never waits for a model.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from collab.domain.annotation import Ask, Lane, Suggestion
from collab.domain.project import Project
from collab.domain.store import Store

MOST_HELD = 6
REFILL = 20
"""Rows that a lane gets at a time when nobody has ranked the pool."""

RANDOM, BLIND, CHOSEN = "random", "blind", "chosen"


@dataclass(frozen=True, slots=True)
class Handed:
    """What a card should hold from now on, as changes to what it holds."""

    asks: list[Ask] = field(default_factory=list)
    drop: list[int] = field(default_factory=list)
    fresh: dict[int, Suggestion] = field(default_factory=dict)
    ranking: int = 0
    exhausted: bool = False
    """Nothing is left for this person."""


def hand_out(
    store: Store,
    project: Project,
    annotator: str,
    token: str,
    *,
    want: int,
    have: Sequence[int],
    on_screen: int | None,
    ranking: int,
    now: int,
    chosen_only: bool = False,
) -> Handed:
    """Keep a card supplied: what it holds is renewed, refreshed, swapped and filled up to `want`.

    No suggestion, purpose or score of a blind ask is in the answer.

    Args:
        token: The tab's own; leases belong to it, so that a reload gets the same asks again.
        have: Asks held unseen, `on_screen` not among them.
        ranking: The ranking that the card knows; under a newer one unseen query asks are swapped.
    """
    progress = store.progress(project.id)
    until = now + project.policy.lease_seconds * 1000
    taker = _Taker(store, project, annotator, token, now, until)
    with store.transaction(durable=False):
        store.lock(project.id)
        mine = store.held(project.id, annotator, token, now)  # also what the tab held in the other mode
        held = {ask.id: ask for ask in mine if (ask.lane == "chosen") == chosen_only}
        gone = [ask for ask in have if ask not in held]
        swapped = []
        if progress.ranking > ranking and not chosen_only:
            swapped = [ask.id for ask in held.values() if ask.id in have and ask.lane == "query"]
            store.release(swapped, token)
            held = {i: ask for i, ask in held.items() if i not in swapped}
        store.renew(list(held), token, until)
        forgotten = [ask for ask in held.values() if ask.id not in {*have, on_screen}]  # a reload: the same ones again
        unseen = sum(ask in held for ask in have) + len(forgotten)
        taken = taker.take("query", len(swapped))
        missing = max(0, min(want, MOST_HELD) - unseen - len(taken))
        taken += taker.take("chosen", missing) if chosen_only else taker.mix(missing, progress.audited)
    kept = {ask.id for ask in taken} & {*gone, *swapped}
    still = [ask for ask in (*held.values(), *taken) if ask.id in have]
    return Handed(
        asks=[_veiled(ask) for ask in (*forgotten, *taken) if ask.id not in kept],
        drop=[ask for ask in (*gone, *swapped) if ask not in kept],
        fresh={ask.id: ask.suggestion for ask in still if ask.suggestion is not None and not ask.blind},
        ranking=progress.ranking,
        exhausted=missing > 0 and not taken and not held,
    )


def choose(store: Store, project: int, annotator: str, items: Sequence[int]) -> int:
    """Queue items that a person picked from a search; audit items are never among them. Returns how many."""
    return store.choose_items(project, annotator, items, CHOSEN)


@dataclass(frozen=True, slots=True)
class _Taker:
    """One tab that takes asks; each lane falls back on the other when it is empty."""

    store: Store
    project: Project
    annotator: str
    token: str
    now: int
    until: int

    def mix(self, size: int, audited: int) -> list[Ask]:
        """Take new asks, audits among them as the schedule says; a lane that is empty leaves its turn to the other."""
        every = self.project.policy.audit_every(audited)
        taken: list[Ask] = []
        for _ in range(size):
            number = self.store.progress(self.project.id).asks
            lanes: tuple[Lane, Lane] = ("query", "audit")
            first, second = reversed(lanes) if _is_audit(number, every, self.project.salt) else lanes
            one = self.take(first, 1) or self.take(second, 1)
            if not one:
                break
            self.store.count_ask(self.project.id)
            taken += one
        return taken

    def take(self, lane: Lane, size: int) -> list[Ask]:
        """Take from one lane; where it runs dry, in the order of `audit_rank`, which is a random one."""
        taken = self._lease(lane, size)
        policy = self.project.policy
        if len(taken) < size and lane != "chosen":
            reason = BLIND if lane == "audit" else RANDOM
            if self.store.extend_lane(
                self.project.id, lane, REFILL, policy.annotations_per_item, policy.blind_share, reason
            ):
                taken += self._lease(lane, size - len(taken))
        return taken

    def _lease(self, lane: Lane, size: int) -> list[Ask]:
        if size == 0:
            return []
        return self.store.lease(self.project.id, self.annotator, lane, size, self.token, self.now, self.until)


def _is_audit(number: int, every: int, salt: str) -> bool:
    """Draw one place at random in each run of `every` asks.

    >>> sum(_is_audit(n, 5, "salt") for n in range(100))
    20
    """
    if every == 0:
        return False
    block = hashlib.blake2b(f"{every}:{number // every}".encode(), digest_size=8, key=salt.encode()).digest()
    return number % every == int.from_bytes(block) % every


def _veiled(ask: Ask) -> Ask:
    """Take from a blind ask what would tell it apart from any other blind one."""
    if not ask.blind:
        return ask
    return replace(ask, suggestion=None, purpose="query", lane="query", score=0.0, reason=BLIND)
