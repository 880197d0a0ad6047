"""A project whose model has learned a little, and certificates of it at each step of their life."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from collab.domain.certificate import Certificate, Terms
from collab.domain.store import Store
from collab.engine.encoders.text import encoder_of
from collab.loop import annotating
from collab.loop.certifying import GRACE_MS, follow
from collab.loop.encoding import encode_items
from collab.loop.freezing import freeze
from collab.loop.retraining import Learner
from collab.loop.signing import bring_in_force
from tests.loop.conftest import NOW, Loop
from tests.samples import answer_of

TERMS = Terms(epsilon=0.1, delta=0.3, audits=60)
KEY = "0123456789abcdef"


@dataclass
class Frozen:
    """A project, and the verbs of its certificates."""

    signs: Loop

    @property
    def store(self) -> Store:
        return self.signs.store

    @property
    def id(self) -> int:
        return self.signs.project.id

    def hold(self, many: int) -> list[int]:
        """Lay items of the queue before Bob."""
        asks = self.store.lease(self.id, "Bob", "query", many, "tab of Bob", NOW, NOW + 60_000)
        return [ask.item for ask in asks]

    def answer(self, items: list[int], *, wrong: int = 0, by: str = "Ada", **more: object) -> None:
        """Answer items truly, but for the first ones."""
        truth, other = self.store.truth(self.id), {"plus": "minus", "minus": "plus"}
        with self.store.transaction():  # one wait for the disk, not one for each answer
            for place, item in enumerate(items):
                said = truth[item][0]
                said = other[said] if place < wrong else said
                annotating.submit(self.store, answer_of(self.id, item, said, by, **more), "", NOW)

    def learn(self) -> None:
        """Do a round of the head."""
        learner = Learner(self.store, self.id, encoder_of("hashing"))
        learner.take_in()
        learner.round(NOW)

    def free(self) -> list[int]:
        """Items that nobody has answered."""
        return [item for item, _ in self.store.remaining(self.id)]

    def freeze(self, terms: Terms = TERMS, key: str = KEY) -> Certificate:
        """Freeze, and hand the audits out."""
        made = freeze(
            self.store, self.id, terms, key, by="Ada", event_id=str(uuid.uuid4()), now=NOW, report=lambda *_: False
        )
        self.hand(made.audits)
        return made

    def hand(self, many: int) -> None:
        """Lay audits before somebody, whose lease then runs out."""
        self.store.lease(self.id, "Ada", "certificate", many, "tab", NOW - 2000, NOW - 1000)

    def audits(self, number: int = 1, checks: bool = False) -> list[int]:
        return [a.item for a in self.store.certificate_audits(self.id, number, NOW, checks=checks)]

    def follow(self) -> Certificate:
        """Have the worker look, and return the newest certificate."""
        follow(self.store, self.store.project(self.id), max(NOW, self.signs.now) + GRACE_MS)
        return self.newest()

    def newest(self) -> Certificate:
        return self.store.certificates(self.id)[0]

    def judged(self, wrong: int = 0, terms: Terms = TERMS) -> Certificate:
        """Freeze, answer the audits, and judge."""
        frozen = self.freeze(terms)
        self.answer(self.audits(frozen.number), wrong=wrong)
        return self.follow()

    def sign(self, number: int = 1) -> Certificate:
        return bring_in_force(
            self.store, self.id, number, by="Ada", event_id=str(uuid.uuid4()), now=NOW, report=lambda *_: False
        )

    def draw_checks(self, many: int) -> list[int]:
        """Hand out some of the machine's labels."""
        self.store.extend_lane(self.id, "certificate", many, 1, 0.0, "blind")
        self.hand(many)
        return self.audits(checks=True)

    def check(self, many: int, wrong: int = 0) -> list[int]:
        """Draw checks among the machine's labels, and answer them."""
        items = self.draw_checks(many)
        self.answer(items, wrong=wrong)
        return items

    def critical(self, class_id: str) -> None:
        """Mark a class as critical."""
        schema = self.store.project(self.id).schema
        classes = tuple(replace(c, critical=c.id == class_id) for c in schema.classes)
        self.store.save_schema(self.id, replace(schema, classes=classes, version=schema.version + 1))


def frozen_of(loop: Callable[..., Loop], items: int = 300) -> Frozen:
    """A project of which twelve items are answered, and whose head has learned from these."""
    signs = loop(items, 0.05)
    made = Frozen(signs)
    encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)
    made.answer(made.free()[:12])
    made.learn()
    return made
