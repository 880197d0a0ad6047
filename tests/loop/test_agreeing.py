from dataclasses import replace

import numpy as np
import pytest

from collab.domain.access import Person
from collab.domain.annotation import Annotation
from collab.errors import Forbidden
from collab.loop import agreeing, settling
from collab.loop.permitting import Desk

SKILL = {"Ada": 0.95, "Bo": 0.9, "Cy": 0.5}


@pytest.fixture
def several(loop):
    """A project in which three people have answered the same items."""

    def make(items=60, skill=SKILL):
        signs = loop(items=items, mark=0, annotations_per_item=3, blind_share=0.0, repeat_every=0, audit_schedule=())
        truth, rng = signs.store.truth(signs.project.id), np.random.default_rng(0)
        with signs.store.transaction():  # one commit
            for item, (right,) in truth.items():
                for who, often in skill.items():
                    said = right if rng.random() < often else "minus" if right == "plus" else "plus"
                    act = Annotation(
                        f"{item}{who}", signs.project.id, item, who, "answer", 0, (said,), purpose="query", seconds=4.0
                    )
                    given = replace(act, at=signs.now + item)
                    signs.store.append(given.event())
                    settling.apply(signs.store, signs.project, given)
        return signs

    return make


def test_agreement_is_told_from_a_hundred_items_on_with_its_interval(several):
    signs = several(100)
    found = agreeing.agreement(signs.store, signs.project)
    assert (found.items, found.people, found.left_out) == (100, 3, 0)
    assert found.alpha.low < found.alpha.value < found.alpha.high
    assert 0.05 < found.noise < 0.35


def test_of_few_items_no_agreement_is_told(several):
    signs = several(49)
    found = agreeing.agreement(signs.store, signs.project)
    assert (found.alpha, found.noise, found.items) == (None, None, 49)


def test_each_is_held_against_what_the_others_say(several):
    signs = several(200)
    ada, bo, cy = agreeing.people(signs.store, signs.project)
    assert (ada.annotator, bo.annotator, cy.annotator) == ("Ada", "Bo", "Cy")
    assert min(ada.share.low, bo.share.low) > 0.5 > cy.share.low
    assert sum(n for said in ada.confusion.values() for n in said.values()) == ada.shared < 200  # others may tie
    assert ada.confusion[("plus",)][("plus",)] > ada.confusion[("plus",)].get(("minus",), 0)
    assert (ada.seconds, agreeing.own(signs.store, signs.project, "Cy")) == (4.0, cy)
    assert [{p.first, p.second} for p in agreeing.pairs(signs.store, signs.project)][-1] == {"Ada", "Bo"}


def test_nobody_but_the_lead_sees_the_rows_of_others(several):
    signs = several(12)
    for name, role in (("Ada", "annotator"), ("Lea", "lead")):
        signs.store.save_person(Person(name))
        signs.store.set_role(signs.project.id, name, role)
    signs.store.set_sign_in_way("accounts")
    for name in ("Ada", "Lea"):
        signs.store.start_session(f"session of {name}", name, 0, 2**60)
    ada, lea = (Desk(signs.store, name, f"session of {name}") for name in ("Ada", "Lea"))
    assert agreeing.own(ada, signs.project, "Ada").shared
    assert len(agreeing.people(lea, signs.project)) == 3
    for refused in (agreeing.people, agreeing.pairs):
        with pytest.raises(Forbidden):
            refused(ada, signs.project)
    with pytest.raises(Forbidden):
        agreeing.own(ada, signs.project, "Bo")
