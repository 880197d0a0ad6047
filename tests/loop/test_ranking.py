"""How long a ranking is, and how often a whole one is written."""

from collab.engine.encoders.text import encoder_of
from collab.loop.encoding import encode_items
from collab.loop.ranking import size_of
from collab.loop.retraining import Learner


def test_a_ranking_grows_with_the_people_who_label_and_a_whole_one_serves_them_all():
    assert [size_of(people, whole=False) for people in (0, 1, 20, 25)] == [200, 200, 200, 250]
    assert size_of(25, whole=True) == 2000


def test_a_whole_ranking_is_written_at_most_once_a_minute(loop, monkeypatch):
    signs = loop(items=260, mark=0.0, audit_schedule=(), audit_trickle=0)
    encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)
    learner = Learner(signs.store, signs.project.id, encoder_of("hashing"))
    written, put = [], type(signs.store).put_asks

    def counted(self, project, asks, ranking, *, whole, overlap):
        written.append((len(asks), whole))
        put(self, project, asks, ranking, whole=whole, overlap=overlap)

    monkeypatch.setattr(type(signs.store), "put_asks", counted)
    learner.take_in()
    for seconds in (0, 59, 60):
        learner.round(signs.now + seconds * 1000)
    assert written == [(260, True), (200, False), (260, True)]
