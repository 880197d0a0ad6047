"""A candidate and the champion, both with heads of today's decisions, are judged by the same audits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from collab.engine.arrays import Floats
from collab.engine.encoders.blocks import Blocks
from collab.errors import NothingToLearn
from collab.loop.contesting import Outcome, Side, contest
from collab.loop.encoding import encode_with
from tests.loop.conftest import NOW, Loop


@dataclass(frozen=True)
class Mood:
    """Sees whether a text is of good mood, as the answers are; one that is blind sees whether its number is below 5."""

    digest: str
    blind: bool = False
    name: str = "mood"
    dim: int = 2
    max_tokens: int | None = None

    def encode(self, texts: Sequence[str]) -> Floats:
        seen = [(text[-1] < "5") if self.blind else ("great" in text) for text in texts]
        return np.array([[x, not x] for x in seen], np.float32)

    def read_until(self, text: str) -> int | None:
        return None


BLIND, SEEING = Blocks(Mood("blind", blind=True), None), Blocks(Mood("seeing"), None)


@pytest.fixture
def taught(loop: Callable[..., Loop]) -> Callable[[int], Loop]:
    """A project of which every other answer is an audit."""

    def make(answers: int) -> Loop:
        signs = loop(120, 0.4, audit_schedule=((100, 2),), audit_trickle=0, repeat_every=0)
        truth = signs.store.truth(signs.project.id)
        with signs.store.transaction():
            for _ in range(answers):
                (ask,) = signs.hand("ann").asks
                signs.say("ann", ask, answer=truth[ask.item][0])
        return signs

    return make


def read(signs: Loop, *blocks: Blocks) -> None:
    for each in blocks:
        encode_with(signs.store, signs.project, each, lambda _: False)


def held(signs: Loop) -> Outcome:
    return contest(signs.store, Side(signs.project, BLIND), Side(signs.project, SEEING), 1, NOW)


def test_who_sees_what_the_answers_follow_is_better_and_flips_only_what_nobody_was_asked(
    taught: Callable[[int], Loop],
) -> None:
    signs = taught(80)
    read(signs, BLIND, SEEING)
    found = held(signs)
    assert found.verdict is not None
    rows = signs.store.pool(signs.project.id)
    audited = {row.item for row in rows if row.reserved and row.state == "decided"}
    assert (found.verdict.word, found.verdict.after, set(found.verdict.audits)) == ("better", 40, audited)
    assert {item: truth for item, truth, _, after in found.judged.audits if truth == after}.keys() == audited
    truth = signs.store.truth(signs.project.id)
    assert found.judged.flips
    assert found.after.flipped == found.judged.flipped == len(found.judged.flips)
    assert all(flip.after == truth[flip.item] != flip.before for flip in found.judged.flips)
    assert not {flip.item for flip in found.judged.flips} & {r.item for r in rows if r.reserved or r.state == "decided"}
    assert (found.judged.features, found.judged.features_before) == (("seeing", 2), ("blind", 2))
    assert found.learned == 40


def test_audits_from_the_first_on_that_one_side_has_not_read_do_not_judge(taught: Callable[[int], Loop]) -> None:
    signs = taught(80)
    read(signs, BLIND)
    with pytest.raises(NothingToLearn, match="no item has been read by both"):
        held(signs)
    read(signs, SEEING)
    whole = held(signs)
    assert whole.verdict is not None
    gone = whole.verdict.audits[-5]
    file = signs.store.features(signs.project.id, "seeing", 2)
    file.append([gone], [1], [[0.0, 0.0]])  # as of another content
    left = held(signs).verdict
    assert left is not None
    assert left.audits == whole.verdict.audits[:-5]


def test_of_few_audits_there_is_no_verdict(taught: Callable[[int], Loop]) -> None:
    signs = taught(16)
    read(signs, BLIND, SEEING)
    found = held(signs)
    assert (found.verdict, found.before.accuracy, len(found.judged.audits)) == (None, None, 8)
