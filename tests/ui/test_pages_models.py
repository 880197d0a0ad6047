"""The page Models: a recipe becomes a job, and what it came to is told with its count and its interval."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.store import Store
from collab.jobs import running
from collab.jobs.running import now_ms
from collab.loop.encoding import encode_items, text_encoder
from collab.ui import session
from tests.loop.conftest import Loop
from tests.loop.conftest import loop as loop  # the same small project


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


def test_before_any_answer_the_page_says_what_to_do(loop: Callable[..., Loop]) -> None:
    empty = loop()
    assert "Label some items first" in said(models(empty.store, empty.project.id))


@pytest.mark.slow
def test_a_training_runs_and_says_what_it_came_to(signs: Loop) -> None:
    at = models(signs.store, signs.project.id)
    at.text_input[0].set_value("6,3")
    at.button[0].click().run()
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
    at.button[0].click().run()
    assert [e.value for e in at.error] == ["Write numbers of units, as 10, or 32,16 for two layers."]
    assert signs.store.jobs(signs.project.id) == []


@pytest.mark.slow
def test_a_training_that_diverged_says_so(signs: Loop) -> None:
    at = models(signs.store, signs.project.id)
    at.selectbox[0].set_value("sgd")
    at.number_input[1].set_value(9.0)
    at.selectbox[1].set_value("mse")
    at.number_input[0].set_value(300)
    at.button[0].click().run()
    work(signs.store)
    at = models(signs.store, signs.project.id)
    assert signs.store.jobs(signs.project.id)[0].status == "failed"
    assert "This did not work" in at.error[0].value
