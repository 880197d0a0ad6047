"""What the audits of a certificate show of its frozen items, and which of these people have answered otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from safetensors.numpy import load, save

from collab.domain.certificate import Certificate
from collab.domain.project import LabelSchema
from collab.domain.store import Audit, Store
from collab.domain.task import task_of
from collab.engine.arrays import Ints
from collab.engine.certifying import Certified, TooFewAudits, certify
from collab.engine.numbering import Numbering
from collab.loop.auditing import doubt_of
from collab.loop.drawing import Bools, Doubles, Population, read_population


@dataclass(frozen=True, slots=True)
class Evidence:
    """The audits of a certificate in the order in which they were drawn, among its frozen items."""

    population: Population
    rows: Ints
    """Where the audits stand in the population, shape (n,)."""
    answers: Ints
    """Numbers of what people say of them, as the population's words have them; -1 for the unresolved, shape (n,)."""
    elsewhere: Bools
    """Which of the population people have answered or begun though they were no audits, shape (n_items,)."""
    numbers: Numbering
    """Of answers."""

    @classmethod
    def of(cls, store: Store, certificate: Certificate, schema: LabelSchema, audits: Sequence[Audit]) -> Self:
        """What is known now."""
        population = read_population(store, certificate)
        rows = population.rows([audit.item for audit in audits])
        numbers = Numbering(schema.many, population.met)
        answers = [number_of(audit, schema, numbers) for audit in audits]
        nowhere = np.zeros(len(population.items), bool)
        return cls(population, rows, np.array(answers, np.int64), nowhere, numbers).and_others(
            _not_free(store, certificate, population)
        )

    @classmethod
    def read(cls, store: Store, certificate: Certificate) -> Self:
        """What was kept when it was judged, with the items that people have answered by now."""
        population = read_population(store, certificate)
        arrays = load(store.file(_file(certificate)).read_bytes())
        nowhere, numbers = np.zeros(len(population.items), bool), Numbering(bool(population.met), population.met)
        return cls(population, arrays["rows"], arrays["answers"], nowhere, numbers).and_others(
            _not_free(store, certificate, population)
        )

    def keep(self, store: Store, certificate: Certificate) -> None:
        """Keep the answers as they are judged: what is said later changes no verdict."""
        store.write_file(_file(certificate), iter([save({"rows": self.rows, "answers": self.answers})]))

    def and_others(self, gone: Bools) -> Self:
        """The same with more items answered elsewhere, the audits left out; shape (n_items,)."""
        elsewhere = self.elsewhere | gone
        elsewhere[self.rows] = False
        return replace(self, elsewhere=elsewhere)

    @property
    def confidence(self) -> Doubles:
        """Of the machine's word on the audits, shape (n,)."""
        return self.population.confidence[self.rows]

    @property
    def predicted(self) -> Ints:
        """Its word, as a number, shape (n,)."""
        return self.population.column[self.rows]

    def of_class(self, column: int) -> tuple[Ints, Ints]:
        """What people say of the audits and what the machine does, as it concerns one class; each of shape (n,).

        Returns:
            The column itself where the class is meant, -1 where nothing is known, any other number elsewhere.
        """
        if not self.numbers.many:
            return self.answers, self.predicted
        meant = np.array([column in columns for columns in self.numbers.met])
        said, word = (np.where(meant[part], column, column + 1) for part in (self.answers, self.predicted))
        return np.where(self.answers < 0, -1, said), word

    def left(self, threshold: float) -> Bools:
        """Which items are at or above a threshold and the machine's alone, shape (n_items,)."""
        left = (self.population.confidence >= threshold) & ~self.elsewhere
        left[self.rows] = False
        return left

    def certified(self, certificate: Certificate, schema: LabelSchema, least: float) -> Certified | TooFewAudits:
        """The lowest threshold at which the promise holds, none below `least`."""
        terms, pool = certificate.terms, self.population.confidence
        doubt = doubt_of(terms, certificate.number, schema)
        return certify(
            self.confidence, self.answers == self.predicted, pool, terms.epsilon, doubt, terms.promise,
            least=least, elsewhere=pool[self.elsewhere],
        )  # fmt: skip


def number_of(audit: Audit, schema: LabelSchema, numbers: Numbering) -> int:
    """The number of what people say of an audit; -1: nothing that counts."""
    if not audit.answer:
        return -1
    if not schema.many:
        return schema.index(audit.answer[0])
    columns = task_of(schema).columns(audit.answer, schema)
    return -1 if columns is None else numbers.number(columns)


def _not_free(store: Store, certificate: Certificate, population: Population) -> Bools:
    """Which of the frozen items are no longer open and untouched, the audits among them."""
    free = np.zeros(len(population.items), bool)
    after, last = int(population.items[0]) - 1, int(population.items[-1])
    while after < last and (page := store.pool(certificate.project, after)):
        after = page[-1].item
        free |= population.among([r.item for r in page if r.state == "open" and not (r.reserved or r.drawn)])
    return ~free | population.among(store.annotated(certificate.project))


def _file(certificate: Certificate) -> str:
    return f"certificates/{certificate.project}/{certificate.number}-audits.safetensors"
