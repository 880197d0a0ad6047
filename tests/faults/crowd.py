"""People who answer as fast as they can, resend what was not acknowledged, and keep a ledger of what was."""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from collab.domain.project import Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from collab.engine.encoders.text import encoder_of
from collab.jobs.running import now_ms
from collab.loop import rebuilding
from collab.loop.encoding import encode_items
from tests.driving import Person, Refusal, wait_for

PAUSE = 0.05
"""Seconds between two answers of a person."""

THREE = ("Ann", "Bob", "Cleo")

MOODS = (("plus", "great lovely happy good"), ("minus", "awful terrible sad bad"))


def make_project(store: Store, items: int, **policy: Any) -> Project:
    """A project of short texts of two kinds, encoded, with their truth held back."""
    schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
    project = store.create_project("Signs", (Field("text"),), schema, LoopPolicy(encoder="hashing", **policy), now_ms())
    import_id = store.begin_import(project.id, "made up", "truth", now_ms())
    store.add_items(import_id, [_item(number) for number in range(items)])
    store.finish_import(import_id, ImportReport(added=items), 0.2, 500, now_ms())
    encode_items(store, project, encoder_of(project.policy.encoder), lambda *_: False)
    return project


def projections(store: Store, project: int) -> dict[str, Any]:
    """All that is made from the log: every item's state, decision and answers in force, and the counters."""
    outcomes = store.outcomes(project, 0, 10_000)
    progress = store.progress(project)
    return {
        "items": {item.id: (item.state, decision, current) for item, decision, current in outcomes},
        "counters": (progress.items, progress.decided, progress.audited, progress.events),
    }


def rebuilt(store: Store, project: int) -> dict[str, Any]:
    """The same, made anew from the log alone."""
    rebuilding.rebuild(store, project)
    return projections(store, project)


def times_in_log(store: Store, project: int, ids: Sequence[str]) -> Counter[int]:
    """How many of these ids stand in the log how often."""
    counted: Counter[str] = Counter()
    after = 0
    while page := store.log(project, after):
        counted.update(event.id for _, event in page)
        after = page[-1][0]
    return Counter(counted[each] for each in ids)


class Crowd:
    """People at their cards, each in a thread, without a browser."""

    def __init__(self, store: Store, port: int, names: Sequence[str]) -> None:
        (project,) = store.projects()
        self.project = project.id
        self.refusals: list[Refusal] = []
        self._truth = store.truth(project.id)
        self._people = [Person.of(store, port, name, project.id) for name in names]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(person,), daemon=True) for person in self._people]
        for thread in self._threads:
            thread.start()

    @property
    def acked(self) -> list[str]:
        """The ledger: every answer that somebody was told is saved."""
        return [each for person in self._people for each in person.acked]

    def go_on(self, answers: int, seconds: float = 60.0) -> None:
        """Wait until so many more answers were acknowledged."""
        wanted = len(self.acked) + answers
        wait_for(lambda: len(self.acked) >= wanted, seconds, every=0.001)

    def end(self) -> None:
        """Stop answering."""
        self._over.set()
        for thread, person in zip(self._threads, self._people, strict=True):
            thread.join()
            person.close()

    def _work(self, person: Person) -> None:
        while not self._over.is_set():
            try:
                person.sync()
            except ConnectionError:
                self._over.wait(0.05)
                continue
            except Refusal as refusal:
                self.refusals.append(refusal)
                self._over.wait(0.05)
                continue
            if person.queue:
                person.answer(self._truth[person.queue[0]["item"]])
            self._over.wait(PAUSE)


def _item(number: int) -> NewItem:
    answer, mood = MOODS[number % 2]
    text = f"{mood} number {number}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewItem(str(number), {"text": text}, digest, int(digest[:8], 16) / 16**8, answer=(answer,))
