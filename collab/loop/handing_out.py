"""Hand out asks: lease the next ones, mix in audits, swap unseen ones when a new ranking has landed.

The page's half of asking: it talks to the store alone and never waits for a model.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from collab.domain.access import AccessEntry
from collab.domain.annotation import Ask, Lane, Suggestion, set_aside
from collab.domain.certificate import Certificate
from collab.domain.project import Project
from collab.domain.run import Progress
from collab.domain.store import Store
from collab.loop.permitting import needs
from collab.loop.veiling import hides, veiled

MOST_HELD = 6
AT_LEAST = 3
"""Asks that are taken at once, unless the card holds fewer: three cost the database less than twice what one does."""
REFILL = 20
"""Rows that a lane gets at a time when nobody has ranked the pool."""
BETWEEN = 50
"""Answers of the same person between an answer and its repeat."""

RELABEL_EVERY = 4
"""One ask in so many is a further answer to an item whose answer is doubtful, while any are wanted.

Source: Goh and Mueller, "ActiveLab", 2023: where people err in one answer of ten, a fifth to a third of all asks.
"""
ASIDE_MS = 60_000
"""How long an ask that was swapped is kept for a tab of which nothing more is heard."""
FRESH_MS = 5_000
"""For how long an ask isn't swapped after it was taken, or its lease renewed, and then not for that ranking.

Else all who label fast swap all they hold, at the same moment.
"""
RENEWED = 0.05
"""Share of a lease that may have gone by before it is worth writing anew."""

FIRST_CHECKS = 50
"""Machine labels of a certificate that are checked even when nothing else is left to ask."""

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


@needs("annotate", own="annotator")
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
    progress: Progress | None = None,
) -> Handed:
    """Keep a card supplied: what it holds is renewed, refreshed, swapped and, several at a time, filled up to `want`.

    No suggestion, purpose or score of an ask that goes out without the model's word is in the answer.

    Args:
        token: The tab's own; leases belong to it, so that a reload gets the same asks again.
        have: Asks held unseen, `on_screen` not among them.
        ranking: The ranking that the card knows; under a newer one unseen query asks are swapped, but for fresh ones.
        progress: As it is in the caller's transaction, where they have read it.
    """
    lease = project.policy.lease_seconds * 1000
    until = now + lease
    taker = _Taker(store, project, annotator, token, now, until)
    with store.transaction(durable=False):
        store.lock(project.id)
        progress = progress or store.progress(project.id)
        mine = store.held(project.id, annotator, token, now)  # also what the tab held in the other mode
        mine = taker.settle_aside(mine, have, on_screen)
        held = {ask.id: ask for ask in mine if (ask.lane == "chosen") == chosen_only}
        gone = [ask for ask in have if ask not in held]
        swapped = []
        if progress.ranking > ranking and not chosen_only:
            stale = [ask for ask in held.values() if ask.lease_until <= until - FRESH_MS]
            swapped = [ask.id for ask in stale if ask.id in have and ask.lane == "query"]
            store.release(swapped, token)
            held = {i: ask for i, ask in held.items() if i not in swapped}
        if aged := [ask.id for ask in held.values() if ask.lease_until < until - RENEWED * lease]:
            store.renew(aged, token, until)
        forgotten = [ask for ask in held.values() if ask.id not in {*have, on_screen}]  # a reload: the same ones again
        unseen = sum(ask in held for ask in have) + len(forgotten)
        taken = taker.take("query", len(swapped))
        if dropped := [ask for ask in swapped if ask not in {ask.id for ask in taken}]:
            store.hold(dropped, annotator, set_aside(token), now + ASIDE_MS)
        missing = max(0, min(want, MOST_HELD) - unseen - len(taken))
        if missing < AT_LEAST <= unseen:
            missing = 0
        taken += taker.take("chosen", missing) if chosen_only else taker.mix(missing, progress)
        if seen := tuple(ask.item for ask in (*forgotten, *taken)):
            store.note(AccessEntry(now, annotator, "see", "items", project.id, seen))
    kept = {ask.id for ask in taken} & {*gone, *swapped}
    still = [ask for ask in (*held.values(), *taken) if ask.id in have]
    return Handed(
        asks=[veiled(project, ask) for ask in (*forgotten, *taken) if ask.id not in kept],
        drop=[ask for ask in (*gone, *swapped) if ask not in kept],
        fresh={ask.id: ask.suggestion for ask in still if ask.suggestion is not None and not hides(project, ask)},
        ranking=progress.ranking,
        exhausted=missing > 0 and not taken and not held,
    )


@needs("annotate", own="annotator")
def choose(store: Store, project: int, annotator: str, items: Sequence[int], reason: str = CHOSEN) -> int:
    """Queue items that a person picked, for a reason of the catalogue; audit items are never among them. Returns how
    many."""
    return store.choose_items(project, annotator, items, reason)


@dataclass(frozen=True, slots=True)
class _Taker:
    """One tab that takes asks; a lane that is empty leaves its turn to the next."""

    store: Store
    project: Project
    annotator: str
    token: str
    now: int
    until: int

    def settle_aside(self, mine: Sequence[Ask], have: Sequence[int], on_screen: int | None) -> list[Ask]:
        """Give back what the card has dropped by now, and keep what came on screen before it heard of that.

        Args:
            mine: What the tab holds, and what was set aside for it.
        """
        aside = {ask.id: ask for ask in mine if ask.token != self.token}
        if over := [ask for ask in aside if ask not in have]:
            self.store.release(over, set_aside(self.token))
        held = [ask for ask in mine if ask.id not in aside]
        if on_screen in over:
            self.store.hold([on_screen], self.annotator, self.token, self.until)
            held.append(aside[on_screen])
        return held

    def mix(self, size: int, progress: Progress) -> list[Ask]:
        """Take new asks, those that measure among them as their schedules say; an empty lane leaves its turn."""
        taken: list[Ask] = []
        found, stage = self.store.schedule(self.project.id) if size else ((), None)
        for _ in range(size):
            turns = self._turns(progress.asks + len(taken), progress.audited, found)
            if stage in ("blind", "again"):  # everybody answers these first
                turns = [("norming", stage == "blind"), *turns]
            if (one := self._first(turns)) is None:
                break
            taken.append(one)
        if taken:
            self.store.count_asks(self.project.id, len(taken))
        return taken

    def _first(self, turns: Sequence[tuple[Lane, bool]]) -> Ask | None:
        """The first ask that a lane has; all up to one to which rows may be added are asked at once."""
        asked = list[Lane]()
        for lane, more in turns:
            asked.append(lane)
            if more:
                one = self._lease_one(asked)
                if one is None and self._extend(lane):
                    one = self._lease_one([lane])
                if one is not None:
                    return one
                asked = []
        return self._lease_one(asked) if asked else None

    def _turns(self, number: int, audited: int, found: Sequence[Certificate]) -> list[tuple[Lane, bool]]:
        """Lanes in the order in which they are tried, and whether rows may be added to them.

        First what is due at this number, then a certificate that waits for its audits, then items that others have
        begun, then the usual; and where nothing else is left, the first checks of a certificate, or it might never be
        checked at all.

        Args:
            number: How many asks the project has handed out.
            found: Its certificates.
        """
        policy, salt = self.project.policy, self.project.salt
        audit = _is_due(number, policy.audit_every(audited), salt)
        signed = [c for c in found if c.status == "signed"] if policy.machine_trickle else []
        check = bool(signed) and _is_due(number, policy.machine_trickle, salt, "check")
        unchecked = any(c.watch.answered < FIRST_CHECKS for c in signed)
        repeat = _is_due(number, policy.repeat_every, salt, "repeat")
        relabel = policy.relabel and _is_due(number, RELABEL_EVERY, salt, "relabel")
        turns: list[tuple[bool, Lane, bool]] = [
            (audit, "audit", True), (check, "certificate", True), (repeat, "repeat", True),
            (any(c.status == "auditing" for c in found), "certificate", False), (relabel, "relabel", False),
            (policy.several, "overlap", False), (True, "query", True), (not policy.several, "overlap", False),
            (not audit, "audit", True), (unchecked, "certificate", True),
        ]  # fmt: skip
        return [(lane, more) for now, lane, more in turns if now]

    def take(self, lane: Lane, size: int) -> list[Ask]:
        """Take from one lane; where it runs dry, in the order of `audit_rank`, which is a random one."""
        taken = self._lease(lane, size)
        if len(taken) < size and self._extend(lane):
            taken += self._lease(lane, size - len(taken))
        return taken

    def _extend(self, lane: Lane) -> bool:
        """Add rows to a lane that has run dry, if there are any."""
        store, project, policy = self.store, self.project.id, self.project.policy
        if lane == "chosen":
            return False
        if lane == "norming":
            return store.add_norming(project, self.annotator, BLIND)
        if lane == "repeat":
            return store.add_repeat(project, self.annotator, BETWEEN, BLIND)
        size = 1 if lane == "certificate" else REFILL  # what isn't due must not wait in the lane
        reason = RANDOM if lane == "query" else BLIND
        return store.extend_lane(project, lane, size, policy.annotations_per_item, policy.blind_share, reason) > 0

    def _lease(self, lane: Lane, size: int) -> list[Ask]:
        if size == 0:
            return []
        return self.store.lease(self.project.id, self.annotator, lane, size, self.token, self.now, self.until)

    def _lease_one(self, lanes: Sequence[Lane]) -> Ask | None:
        return self.store.lease_one(self.project.id, self.annotator, lanes, self.token, self.now, self.until)


def _is_due(number: int, every: int, salt: str, what: str = "") -> bool:
    """Draw one place at random in each run of `every` asks, another one for each word.

    >>> sum(_is_due(n, 5, "salt") for n in range(100))
    20
    """
    if every == 0:
        return False
    block = hashlib.blake2b(f"{what}{every}:{number // every}".encode(), digest_size=8, key=salt.encode()).digest()
    return number % every == int.from_bytes(block) % every
