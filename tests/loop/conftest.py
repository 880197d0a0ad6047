"""A small project on a real store: twelve short texts of two kinds, no model needed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from collab.domain.annotation import Annotation, Ask
from collab.domain.project import Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from collab.loop import annotating, handing_out

NOW = 1_700_000_000_000


@dataclass
class Loop:
    """A project, and people who work in it at a clock that the test sets."""

    store: Store
    project: Project
    now: int = NOW
    acts: int = 0

    def hand(self, who: str, want: int = 1, tab: str = "", **more: object) -> handing_out.Handed:
        arguments = {"have": (), "on_screen": None, "ranking": 0} | more
        return handing_out.hand_out(
            self.store, self.project, who, tab or f"tab of {who}", want=want, now=self.now, **arguments
        )

    def say(self, who: str, ask: Ask, kind: str = "answer", answer: str = "", **more: object) -> str:
        self.acts += 1
        self.now += 1000
        id_ = f"act {self.project.id}.{self.acts}"
        given = (answer or "plus",) if kind == "answer" else ()
        annotation = Annotation(id_, self.project.id, ask.item, who, kind, 0, given, ask.id, **more)
        annotating.submit(self.store, annotation, ask.token, self.now)
        return id_

    def state(self, item: int) -> str:
        return self.store.items([item])[item].state

    def answered(self, who: str, ask: Ask) -> list[str]:
        return [a.id for a in self.store.current(ask.item) if a.annotator == who]


@pytest.fixture
def loop(store: Store) -> Callable[..., Loop]:
    def make(items: int = 60, mark: float = 0.2, **policy: object) -> Loop:
        schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
        wanted = replace(LoopPolicy(encoder="hashing"), **policy)
        project = store.create_project("Signs", (Field("text"),), schema, wanted, NOW)
        import_id = store.begin_import(project.id, "made up", "truth", NOW)
        store.add_items(import_id, [new_item(number) for number in range(items)])
        store.finish_import(import_id, ImportReport(added=items), mark, 500, NOW)
        return Loop(store, project)

    return make


def new_item(number: int) -> NewItem:
    sign = "minus" if number % 2 else "plus"
    mood = "awful terrible sad bad" if number % 2 else "great lovely happy good"
    text = f"{mood} number {number}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewItem(str(number), {"text": text}, digest, int(digest[:8], 16) / 16**8, answer=(sign,))
