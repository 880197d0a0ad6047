from dataclasses import replace

import numpy as np
import pytest

from collab.domain.certificate import Terms
from collab.domain.plain import typed
from collab.domain.project import LabelClass
from collab.engine.certifying import least_audits, spent
from collab.errors import Conflict, UnknownName
from collab.loop import auditing, reshaping
from collab.loop.annotating import new_id
from collab.loop.auditing import TooFew, most_wrong, outlook, outlook_of
from collab.loop.importing import run_import
from collab.loop.planning import ImportPlan
from tests.loop.conftest import NOW
from tests.loop.frozen import TERMS, frozen_of


@pytest.fixture
def frozen(loop):
    return frozen_of(loop)


def known(n, items=2_000):
    """What a round knows of n audits and of so many items."""
    rng = np.random.default_rng(0)
    pool = rng.beta(6, 1, items)
    confidence = rng.beta(6, 1, n)
    return outlook_of(confidence, rng.random(n) > 0.4 * (1 - confidence), pool, "1.7")


def test_a_certificate_begins_as_a_job_that_knows_its_terms(frozen):
    job = auditing.begin(frozen.store, frozen.id, TERMS, "Ada", NOW)
    assert (job.kind, job.requested_by, typed(Terms, job.payload)) == ("freeze", "Ada", TERMS)
    assert auditing.begin(frozen.store, frozen.id, TERMS, "Ada", NOW).id == job.id


def test_none_begins_while_another_one_is_open(frozen):
    frozen.freeze()
    with pytest.raises(Conflict, match="Certificate 1 is not over yet: sign it or give it up"):
        auditing.begin(frozen.store, frozen.id, TERMS, "Ada", NOW)


def test_none_begins_before_all_items_are_read(frozen):
    frozen.store.set_worker(frozen.id, "reading", NOW, 0.9)
    with pytest.raises(Conflict, match="Wait until all are"):
        auditing.begin(frozen.store, frozen.id, TERMS, "Ada", NOW)


def test_none_begins_before_there_is_a_model(loop):
    signs = loop()
    signs.store.set_worker(signs.project.id, "idle", NOW, 1.0)
    with pytest.raises(Conflict, match="answer items of at least two classes"):
        auditing.begin(signs.store, signs.project.id, TERMS, "Ada", NOW)


def test_none_begins_with_a_model_of_other_settings(frozen):
    policy = replace(frozen.signs.project.policy, head="ridge")
    frozen.store.save_policy(frozen.id, policy)
    with pytest.raises(Conflict, match="hasn't learned yet"):
        auditing.begin(frozen.store, frozen.id, TERMS, "Ada", NOW)


def test_none_begins_where_fewer_items_are_left_than_audits(frozen):
    left = len(frozen.free())
    with pytest.raises(Conflict, match=f"Only {left} items are left .* Choose fewer audits"):
        auditing.begin(frozen.store, frozen.id, replace(TERMS, audits=left), "Ada", NOW)


def test_only_a_certified_one_can_be_signed(frozen):
    frozen.freeze()
    with pytest.raises(Conflict, match="Certificate 1 is auditing by now"):
        auditing.sign(frozen.store, frozen.id, 1, "Ada", NOW)
    with pytest.raises(UnknownName, match="certificate 2"):
        auditing.sign(frozen.store, frozen.id, 2, "Ada", NOW)
    frozen.answer(frozen.audits())
    frozen.follow()
    job = auditing.sign(frozen.store, frozen.id, 1, "Ada", NOW)
    assert (job.kind, job.payload) == ("sign", {"number": 1})


def test_audits_without_an_answer_go_back_when_a_certificate_is_given_up(frozen):
    free = frozen.free()
    made = frozen.freeze()
    answered = frozen.audits()[:10]
    frozen.answer(answered)
    auditing.give_up(frozen.store, frozen.id, 1, "Bob", "an act", NOW)
    auditing.give_up(frozen.store, frozen.id, 1, "Bob", "an act", NOW)
    assert frozen.newest() == replace(made, status="given up", ended_by="Bob", ended_at=NOW)
    assert [row.item for row in frozen.store.pool(frozen.id) if row.drawn] == sorted(answered)
    assert set(free) - set(answered) >= set(frozen.free())
    assert frozen.freeze().number == 2


def test_withdrawn_labels_are_gone_and_what_people_said_stands(frozen):
    frozen.judged()
    signed = frozen.sign()
    checks = frozen.check(5)
    auditing.withdraw(frozen.store, frozen.id, 1, "Bob", "an act", NOW)
    assert frozen.newest() == replace(signed, status="withdrawn", ended_by="Bob", ended_at=NOW)
    assert frozen.store.progress(frozen.id).machine == 0
    assert {frozen.store.decision(item).source for item in checks} == {"agreement"}
    assert len(frozen.free()) == signed.labels - 5


def test_only_signed_labels_can_be_withdrawn(frozen):
    frozen.judged()
    with pytest.raises(Conflict, match="certified by now"):
        auditing.withdraw(frozen.store, frozen.id, 1, "Bob", "an act", NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": (LabelClass("plus", "Plus sign", "1"), LabelClass("minus", "minus", "2"))},
        {"classes": (LabelClass("plus", "plus", "1"), LabelClass("minus", "minus", "2", critical=True))},
        {"classes": (*(LabelClass(n, n) for n in ("plus", "minus", "zero")),)},
        {"question": "Which sign?"},
    ],
)
def test_a_change_of_what_answers_mean_revokes_it(frozen, change):
    frozen.judged()
    frozen.sign()
    reshape(frozen, change)
    revoked = frozen.newest()
    assert (revoked.status, revoked.reason, revoked.ended_by) == ("revoked", "classes", "")
    assert frozen.store.progress(frozen.id).machine == 0


def test_new_keys_and_colors_leave_it_alone(frozen):
    made = frozen.freeze()
    reshape(frozen, {"classes": (LabelClass("plus", "plus", "p", "#123456"), LabelClass("minus", "minus", "m"))})
    assert frozen.newest() == made


def reshape(frozen, change):
    schema = replace(frozen.store.project(frozen.id).schema, **change)
    reshaping.save_classes(frozen.store, frozen.id, schema, "Bob", new_id(), NOW)


def test_an_edited_item_revokes_the_certificate_that_rests_on_it(frozen, tmp_path):
    frozen.judged()
    frozen.sign()
    edited = frozen.store.items(frozen.audits())[frozen.audits()[0]]
    bring(frozen, tmp_path, edited.ref)
    assert (frozen.newest().status, frozen.newest().reason) == ("revoked", "edited")
    assert frozen.store.progress(frozen.id).machine == 0


def test_an_edited_item_that_was_not_frozen_leaves_it_alone(frozen, tmp_path):
    frozen.judged()
    signed = frozen.sign()
    reserved = next(row.item for row in frozen.store.pool(frozen.id) if row.reserved)
    bring(frozen, tmp_path, frozen.store.items([reserved])[reserved].ref)
    assert frozen.newest() == signed


def bring(frozen, folder, ref):
    """Import other content for one item."""
    path = folder / "edited.csv"
    path.write_text(f"id,text\n{ref},another text\n")
    plan = ImportPlan(frozen.signs.project.fields, id_column="id", on_change="replace")
    run_import(frozen.store, frozen.signs.project, path, plan, now=NOW, progress=lambda *_: False)


def test_the_outlook_says_what_twice_and_four_times_as_many_audits_would_buy(frozen):
    frozen.store.put_figures(frozen.id, "outlook", known(150), NOW)
    found = outlook(frozen.store, frozen.id, replace(TERMS, audits=100))
    assert [f.n for f in found.forecasts] == [100, 200, 400]
    shares = [f.coverage for f in found.forecasts]
    assert shares == sorted(shares)
    assert (found.n, found.items, found.model) == (150, 2_000, "1.7")
    assert (found.spent, found.least) == (spent(0.3, 1), least_audits(0.1, spent(0.3, 1)))


def test_no_more_audits_are_forecast_than_there_are_items(frozen):
    frozen.store.put_figures(frozen.id, "outlook", known(50, items=120), NOW)
    found = outlook(frozen.store, frozen.id, replace(TERMS, audits=100))
    assert [f.n for f in found.forecasts] == [100, 120]


def test_each_critical_class_takes_a_part_of_the_doubt(frozen):
    frozen.store.put_figures(frozen.id, "outlook", known(50), NOW)
    frozen.critical("minus")
    assert outlook(frozen.store, frozen.id, TERMS).spent == pytest.approx(spent(0.3, 1) / 2)


def test_there_is_no_outlook_before_there_are_audits(frozen):
    frozen.store.put_figures(frozen.id, "outlook", known(9), NOW)
    assert outlook(frozen.store, frozen.id, TERMS) == TooFew(9, 10, 2_000)


def test_there_is_no_outlook_before_the_first_look(loop):
    signs = loop()
    assert outlook(signs.store, signs.project.id, TERMS) == TooFew(0, 10, 60)


def test_there_is_no_outlook_where_nothing_is_left(frozen):
    frozen.store.put_figures(frozen.id, "outlook", known(20, items=0), NOW)
    assert outlook(frozen.store, frozen.id, TERMS) == TooFew(20, 10, 0)


def test_what_the_outlook_needs_stays_small():
    told = known(200, items=50_000)
    assert (len(told["confidence"]), len(told["pool"]), told["items"]) == (200, 501, 50_000)


def test_the_promise_in_counts():
    assert most_wrong(Terms(epsilon=0.05), 200, 1_000) == 10
    assert most_wrong(Terms(epsilon=0.05, promise="dataset"), 200, 1_000) == 50


def test_new_guidelines_end_a_certificate_whose_audits_are_asked_and_no_other(frozen):
    first = frozen.judged()
    reshape(frozen, {"guidelines": "Zero counts as plus."})
    assert frozen.newest() == first
    auditing.give_up(frozen.store, frozen.id, 1, "Ada", "an act", NOW)
    frozen.freeze(replace(TERMS, audits=5))
    reshape(frozen, {"guidelines": "Zero counts as minus."})
    assert (frozen.newest().status, frozen.newest().reason) == ("revoked", "classes")
