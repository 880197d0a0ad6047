"""The page Models: what suggests, a fine-tuning from the button to its verdict, versions, and the plain network."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.project import LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import Figure, Round
from collab.domain.store import Store
from collab.domain.version import Change, GateWord, Making, ModelVersion, Verdict, VersionRecord, makers
from collab.engine.recipe import Epoch
from collab.jobs import running
from collab.jobs.running import now_ms
from collab.loop.encoding import encode_items, text_encoder
from collab.loop.escalating import TuningAdvice
from collab.loop.versions import Comparison, Flip, Judged, TuningProgress, judged_file, put_progress
from collab.ui import comparison, session, tuning, verdicts
from collab.ui.naming import encoder_words
from collab.ui.pieces import plain
from tests.loop.conftest import Loop
from tests.loop.conftest import loop as loop  # the same small project

SIGNS = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
MADE = Making(
    1, "lora", labels=34, held_out=6, epochs=6, best_epoch=4, batch=8, device="processor, 2 threads", seconds=75,
    joules=5400, energy_by="an estimate of codecarbon",
)  # fmt: skip
VERDICT = Verdict(
    "better", 1, tuple(range(200)), Change(0.06, 0.02, 0.1), Change(0.035, -0.001, 0.07), before=160, after=167
)


@pytest.fixture
def signs(loop: Callable[..., Loop]) -> Loop:
    """A project with forty true answers."""
    made = loop(audit_trickle=0, audit_schedule=())
    encode_items(made.store, made.project, text_encoder(made.store, made.project), lambda *_: False)
    truth = made.store.truth(made.project.id)
    for _ in range(40):
        (ask,) = made.hand("ann").asks
        made.say("ann", ask, answer=truth[ask.item][0])
    return made


def models(store: Store, project: int) -> AppTest:
    session.hold(store)
    script = "from collab.ui import page_models, words\nwords.speak('en')\npage_models.draw()"
    at = AppTest.from_string(script, default_timeout=20)
    at.session_state["annotator"], at.session_state["project"] = "ann", project
    return at.run()


def work(store: Store) -> None:
    job = store.claim_job(["train"], now_ms(), now_ms() + running.LEASE_MS)
    assert job is not None
    running.run(store, job)


def said(at: AppTest) -> str:
    return "\n".join(e.value for e in (*at.markdown, *at.caption))


def click(at: AppTest, label: str) -> AppTest:
    return next(b for b in at.button if b.label == label).click().run()


def candidate(made: Loop, word: GateWord = "better") -> tuple[ModelVersion, ModelVersion]:
    """A champion, and what a fine-tuning made beside it."""
    store, project = made.store, made.project
    old = store.add_model(ModelVersion(0, project.id, "hashing", "logistic", at=1))
    job = store.submit_job("tune", project.id, {"recipe": {}}, "ann", 2)
    claimed = store.claim_job(["tune"], 3, 4)
    assert claimed is not None
    verdict = replace(VERDICT, word=word, against=old.id, more=120 if word == "can't tell" else None)
    record = VersionRecord(
        "tuned:ab", making=replace(MADE, job=job.id), verdict=verdict, accuracy=Figure(0.835, 0.78, 0.88), audits=200,
        calibration=Figure(0.04, 0.02, 0.07), flipped=1,
    )  # fmt: skip
    new = store.add_model(ModelVersion(0, project.id, "tuned:ab", "logistic", "candidate", old.id, record, at=5))
    store.write_file(f"models/{project.id}/ab/text/model.safetensors", iter([b"weights"]))
    free = next(row.item for row in store.pool(project.id) if not row.reserved)
    held = Judged(
        old.id,
        ((1, ("plus",), ("minus",), ("plus",)),),
        (Flip(free, ("minus",), ("plus",), 0.6, 0.9),),
        flipped=1,
        features=("ab", 1),
    )
    store.write_file(judged_file(project.id, new.id), iter([json.dumps(asdict(held)).encode()]))
    store.end_job(job.id, claimed.attempt, "done", "", {"version": new.id, "word": word, "promoted": False}, 6)
    return old, new


def test_before_any_answer_the_page_says_what_to_do(loop: Callable[..., Loop]) -> None:
    empty = loop()
    assert "Label some items first" in said(models(empty.store, empty.project.id))


@pytest.mark.slow
def test_a_training_runs_and_says_what_it_came_to(signs: Loop) -> None:
    at = models(signs.store, signs.project.id)
    at.text_input[0].set_value("6,3")
    click(at, "Train")
    (job,) = signs.store.jobs(signs.project.id)
    assert (job.kind, job.payload["recipe"]["hidden"]) == ("train", [6, 3])
    assert "6, 3 · adam · cross-entropy · 10 epochs of 64 · rate 0.01" in said(models(signs.store, signs.project.id))
    work(signs.store)
    at = models(signs.store, signs.project.id)
    told = said(at)
    assert "of 10 (" in told
    assert "Learned from 30, held out 10" in told
    assert "most of them chosen because the model could learn from them" in told
    assert at.text_input[0].value == "6,3"


@pytest.mark.slow
def test_units_that_are_no_numbers_start_nothing(signs: Loop) -> None:
    at = models(signs.store, signs.project.id)
    at.text_input[0].set_value("many")
    click(at, "Train")
    assert [e.value for e in at.error] == ["Write numbers of units, as 10, or 32,16 for two layers."]
    assert signs.store.jobs(signs.project.id) == []


@pytest.mark.slow
def test_a_training_that_diverged_says_so(signs: Loop) -> None:
    at = models(signs.store, signs.project.id)
    at.selectbox[0].set_value("sgd")
    at.number_input[1].set_value(9.0)
    at.selectbox[1].set_value("mse")
    at.number_input[0].set_value(300)
    click(at, "Train")
    work(signs.store)
    at = models(signs.store, signs.project.id)
    assert signs.store.jobs(signs.project.id)[0].status == "failed"
    assert "This did not work" in at.error[0].value


def test_a_verdict_says_better_worse_or_how_many_more_blind_answers_would_tell() -> None:
    version = ModelVersion(2, 1, "tuned:ab", "logistic", "candidate", record=VersionRecord(verdict=VERDICT))
    assert "**Better than version 1**, as 200 blind answers show." in verdicts.verdict(version)
    assert verdicts.figures(VERDICT) == [
        "Agreed with blind answers: **167 of 200**; version 1: 160 of 200.",
        "Agreement changed by **+4 points**, between 0 and +7.",
        "Gain in log-loss for a blind answer: **+0.060**, between +0.020 and +0.100. Above 0, its percentages are "
        "closer to the answers.",
    ]
    open_one = replace(version, record=VersionRecord(verdict=replace(VERDICT, word="can't tell", more=120)))
    assert "**Can't tell yet**" in verdicts.verdict(open_one)
    assert "about 120 more would tell" in verdicts.verdict(open_one)
    closed = replace(version, record=VersionRecord(verdict=replace(VERDICT, word="can't tell")))
    assert verdicts.verdict(closed).endswith("it would take more than could be asked.")
    assert "fewer than 10 blind answers of each import" in verdicts.verdict(replace(version, record=VersionRecord()))


def test_what_a_version_took_is_told_with_what_told_it() -> None:
    assert verdicts.cost(MADE) == "processor, 2 threads, 75 seconds; 1.5 Wh (an estimate of codecarbon)"
    assert verdicts.energy(None, "") == "energy not known"
    assert verdicts.energy(7.2e6, "the device's own counter") == "2.0 kWh (by the device's own counter)"


def test_figures_of_a_version_are_no_more_exact_than_its_audits_allow() -> None:
    found = Figure(0.835, 0.78, 0.88)
    assert verdicts.accuracy(found, 200) == "84% (78 to 88%; 200 answers)"
    assert verdicts.accuracy(found, 20) == "7 to 9 in 10 (20 answers)"
    assert verdicts.accuracy(found, 4) == "not known: 4 answers"


def test_a_fine_tuned_encoder_goes_by_the_version_that_it_was_made_for() -> None:
    made = ModelVersion(3, 1, "tuned:ab + table-12", "logistic", record=VersionRecord("tuned:ab", "tuned:ab"))
    later = replace(made, id=5, head="mlp")
    known = makers((later, made))
    assert encoder_words("tuned:ab + tuned:ab + table-12", known) == "fine-tuned version 3 and its columns"
    assert encoder_words("tuned:gone", known) == "a fine-tuned version"
    assert encoder_words("minilm", known) == "minilm"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (TuningAdvice(True, "ready", labels=40, slope=0.001, accuracy=0.8, target=0.9), "worth a try now"),
        (
            TuningAdvice(False, "few labels", labels=7, class_id="plus"),
            "class plus has 7 answers. It is advised from 32",
        ),
        (TuningAdvice(False, "few audits"), "too few blind answers"),
        (TuningAdvice(False, "good enough", accuracy=0.93, target=0.9), "93% of blind answers, and the goal is 90%"),
        (TuningAdvice(False, "still gaining", slope=0.012), "still brings +1.2 points of agreement for 50 more"),
        (TuningAdvice(False, "nothing", why="8 are the least."), "**Not possible yet:** 8 are the least"),
    ],
)
def test_the_advice_says_whether_a_try_is_worth_it_and_why(found: TuningAdvice, sentence: str) -> None:
    project = Project(1, "Signs", (), SIGNS, LoopPolicy())
    assert sentence in tuning.advice(found, project)[0]


def test_a_comparison_names_the_mistakes_that_changed_most() -> None:
    found = Comparison(20, 12, 15, 5, 2, ("plus", "minus"), ((8, 4), (4, 4)), ((9, 3), (2, 6)))
    assert comparison.changes(SIGNS, found) == [["minus", "plus", "4", "2"], ["plus", "minus", "4", "3"]]
    several = replace(found, before=(), after=(), wrong_before={"plus": 4}, wrong_after={"minus": 1})
    assert comparison.wrong(SIGNS, several) == [["plus", "4", "0"], ["minus", "0", "1"]]


@pytest.mark.slow
def test_train_now_queues_a_fine_tuning_with_its_settings_and_shows_how_far_it_is(signs: Loop) -> None:
    signs.store.save_policy(signs.project.id, replace(signs.project.policy, encoder="minilm"))
    at = models(signs.store, signs.project.id)
    next(n for n in at.number_input if n.label == "Epochs, at most").set_value(3)
    next(c for c in at.checkbox if c.label == "Rare classes count as much").check()
    click(at, "Train now")
    (job,) = signs.store.jobs(signs.project.id)
    assert (job.kind, job.requested_by) == ("tune", "ann")
    assert (job.payload["recipe"]["epochs"], job.payload["recipe"]["class_weights"]) == (3, True)
    assert signs.store.claim_job(["tune"], now_ms(), now_ms() + 60_000) is not None
    going = TuningProgress(
        job.id, "train", 0.4, (Epoch(1, 0.9, 0.8),), 3, eta_seconds=190, device="NVIDIA H200", memory_bytes=3 * 10**9,
        batch=8, note="Out of memory at 16 items; it goes on with 8",
    )  # fmt: skip
    put_progress(signs.store, signs.project.id, asdict(going), now_ms())
    at = models(signs.store, signs.project.id)
    for told in ("You can go on labeling", "Epoch 2, of at most 3", "About 3 minutes", "On: NVIDIA H200", "3.0 GB"):
        assert told in said(at)
    assert at.warning[0].value == "Out of memory at 16 items; it goes on with 8"
    click(at, "Stop")
    assert signs.store.job(job.id).cancel_requested


@pytest.mark.slow
def test_a_project_without_weights_says_so_in_place_of_a_button_that_fails(signs: Loop) -> None:
    at = models(signs.store, signs.project.id)
    assert "has no weights that can be fine" in said(at)
    assert next(b for b in at.button if b.label == "Train now").disabled


@pytest.mark.slow
def test_a_better_version_is_used_by_one_click_and_so_is_the_way_back(signs: Loop) -> None:
    old, new = candidate(signs)
    at = models(signs.store, signs.project.id)
    assert f"Version {old.id}** suggests since" in said(at)
    click(at, "Use it")
    used = signs.store.models(signs.project.id)[0]
    assert (used.status, used.record.overruled_by) == ("champion", "")
    at = models(signs.store, signs.project.id)
    assert f"Version {new.id}** suggests since" in said(at)
    assert "fine-tuned on 34 answers of this project" in said(at)
    assert "Delete" not in [b.label for b in at.button]
    click(at, "Go back to it")
    assert {m.id: m.status for m in signs.store.models(signs.project.id)} == {old.id: "champion", new.id: "retired"}


@pytest.mark.slow
def test_a_version_that_was_not_called_better_is_used_only_on_somebodys_word(signs: Loop) -> None:
    _, new = candidate(signs, "can't tell")
    at = models(signs.store, signs.project.id)
    assert "Use it" not in [b.label for b in at.button]
    assert "your name is kept with it" in said(at)
    assert "Items that it must read first: 60." in said(at)
    click(at, "Use it all the same")
    assert signs.store.models(signs.project.id)[0].record.overruled_by == "ann"
    assert "Used on the word of ann" in said(models(signs.store, signs.project.id))
    assert new.id == signs.store.models(signs.project.id)[0].id


@pytest.mark.slow
def test_flipped_items_are_queued_for_who_wants_to_review_them(signs: Loop) -> None:
    candidate(signs)
    at = models(signs.store, signs.project.id)
    assert "Of 1 blind answers" in said(at)
    click(at, "Review these 1 by key")
    handed = signs.hand("ann", 3, chosen_only=True).asks
    assert [ask.lane for ask in handed] == ["chosen"]


@pytest.mark.slow
def test_deleted_weights_leave_what_is_known(signs: Loop) -> None:
    candidate(signs)
    at = click(models(signs.store, signs.project.id), "Delete")
    assert "ann deleted its weights" in said(at)
    assert "Use it" not in [b.label for b in at.button]
    assert not (signs.store.workspace / "files" / "models" / str(signs.project.id) / "ab").exists()


@pytest.mark.slow
def test_the_model_that_suggests_can_be_taken_along_in_a_file(signs: Loop) -> None:
    old, _ = candidate(signs)
    signs.store.add_round(Round(signs.project.id, 1, old.id, 1, labels=40))
    click(models(signs.store, signs.project.id), "Take this model along")
    job = signs.store.claim_job(["bundle"], 7, 8)
    assert job is not None
    made = {"file": f"exports/{signs.project.id}-signs-model-1.zip", "model": "1.1", "bytes": 91_000_000}
    signs.store.write_file(made["file"], iter([b"weights"]))
    signs.store.end_job(job.id, job.attempt, "done", "", made, 9)
    at = models(signs.store, signs.project.id)
    assert f"Model {plain('1.1')} (91 MB)" in [e.label for e in at.get("link_button")]
