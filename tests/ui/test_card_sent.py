"""What is sent to the page: of asks that measure, and of those that a coin hides, never the model's word."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Response, expect

from collab.domain.annotation import ALWAYS_BLIND, Annotation, Ask, Choices, Suggestion
from collab.domain.certificate import Certificate, Terms
from collab.domain.project import Field, LabelSchema, LoopPolicy, Mode, Project, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import Store
from collab.loop import annotating
from collab.storage.database import open_store
from tests.samples import rows
from tests.ui.conftest import serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MODES: tuple[Mode, ...] = ("suggestion first", "answer first", "blind")
WORD = Suggestion((0.75, 0.25), "1.1", "ambiguous", Choices((0, 1), 0.9))
ANSWERS = 18
MIXED_IN = ALWAYS_BLIND - {"review", "norming"}
"""What comes among the other questions; second looks and norming have places of their own."""


@dataclass
class Sent:
    """Everything that a browser was sent while Ada answered."""

    store: Store
    project: Project
    bodies: list[str] = field(default_factory=list)
    frames: list[str | bytes] = field(default_factory=list)

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [body for text in self.bodies if "acked" in (body := json.loads(text))]

    def asks(self, *, measures: bool, blind: bool) -> list[tuple[Ask, dict[str, Any]]]:
        """Asks as they are stored, with what was sent of them."""
        every = [(self.store.ask(sent["id"]), sent) for reply in self.replies for sent in reply["asks"]]
        return [(a, s) for a, s in every if a and (a.purpose in ALWAYS_BLIND, a.blind) == (measures, blind)]

    @property
    def answers(self) -> list[Annotation]:
        return [a for _, a in self.store.annotations(self.project.id, "Ada")]

    @property
    def words(self) -> set[int]:
        """Items of which a word was sent, with their ask, after it, or after the answer."""
        items = {a.id: a.item for a in self.answers}
        asks = {sent["id"]: sent["item"] for reply in self.replies for sent in reply["asks"]}
        return {
            *(sent["item"] for reply in self.replies for sent in reply["asks"] if sent["suggestion"]),
            *(asks[int(ask)] for reply in self.replies for ask in reply["fresh"]),
            *(items[answer] for reply in self.replies for answer in reply["revealed"]),
        }


def made(store: Store, mode: Mode) -> Project:
    """A project in which Ada will be asked audits, a certificate's audits, a repeat, and blind ones by the coin."""
    policy = LoopPolicy(encoder="hashing", mode=mode, audit_schedule=((99, 3),), repeat_every=1, blind_share=0.4)
    schema = LabelSchema("Is it positive?", classes_from_names(("Yes", "No")))
    project = store.create_project(mode, (Field("text"),), schema, policy, 1)
    opened = store.begin_import(project.id, "reviews.csv", "nothing", 1)
    store.add_items(opened, rows(80))
    store.finish_import(opened, ImportReport(added=80), 0.2, 500, 2)
    items = [row.item for row in store.pool(project.id) if not row.reserved]
    asks = [Ask(0, project.id, i, 0, "query", "query", 0.5, n % 3 == 0, "unsure", WORD) for n, i in enumerate(items)]
    store.put_asks(project.id, asks, 1, whole=True, overlap=1)
    # Two audits of Ada's, of which one will be asked again.
    for at in (20, 21):
        store.extend_lane(project.id, "audit", 20, 1, 0.0, "blind")
        (ask,) = store.lease(project.id, "Ada", "audit", 1, "earlier", 10, 10**12)
        said = Annotation(annotating.new_id(), project.id, ask.item, "Ada", "answer", 0, ("No",), ask.id)
        annotating.submit(store, said, "earlier", at)
    assert store.add_repeat(project.id, "Ada", 1, "blind")
    terms, by = Terms(audits=4), "Ada"
    store.save_certificate(
        Certificate(project.id, 1, "auditing", terms, 0.05, "1.1", 1, 60, "", "", terms.audits, by, 30)
    )
    store.draw_audits(project.id, 1, items[7:11], 1, "blind")
    store.suggest(project.id, {row.item: WORD for row in store.pool(project.id)})
    return project


@pytest.fixture(scope="module")
def sent(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sent]]:
    """What was sent in each mode while Ada pressed the key of the first class so many times."""
    workspace = tmp_path_factory.mktemp("sent")
    with closing(open_store(workspace)) as store:
        found = {mode: Sent(store, made(store, mode)) for mode in MODES}
        log = workspace / "harness.log"
        with serve("tests.ui.harness.real:app", log, COLLAB_HARNESS=str(workspace)) as address:
            for each in found.values():
                _answer(chromium, address, each)
        yield found


def _answer(chromium: Browser, address: str, sent: Sent) -> None:
    context = chromium.new_context(locale="en-US", reduced_motion="reduce")
    page = context.new_page()

    def keep(response: Response) -> None:
        if "/api/v1/" in response.url:
            sent.bodies.append(response.text())

    page.on("requestfinished", lambda request: keep(request.response()))
    page.on("websocket", lambda line: line.on("framereceived", sent.frames.append))
    page.goto(f"{address}/?project={sent.project.id}")
    body = page.locator(".lc #body")
    expect(body).not_to_have_attribute("data-ask", "", timeout=20_000)
    for _ in range(ANSWERS):
        before = body.get_attribute("data-ask") or ""
        page.wait_for_timeout(200)
        page.keyboard.press("1")
        expect(body).not_to_have_attribute("data-ask", before)
    expect(page.locator(".lc #save")).to_have_attribute("data-s", "ok")
    page.reload()  # the history too
    expect(page.locator(".lc #past li")).to_have_count(6)
    page.wait_for_timeout(300)
    context.close()


@pytest.mark.parametrize("mode", MODES)
def test_an_ask_that_measures_is_sent_without_a_word_and_looks_like_any_blind_one(
    sent: dict[str, Sent], mode: Mode
) -> None:
    measured, hidden = sent[mode].asks(measures=True, blind=True), sent[mode].asks(measures=False, blind=True)
    assert {ask.purpose for ask, _ in measured} == MIXED_IN
    assert all(ask.suggestion == WORD for ask, _ in (*measured, *hidden))
    looks = {(tuple(s), s["blind"], s["doubt"], s["chosen"], s["reason"], s["suggestion"]) for _, s in measured}
    assert looks == {(tuple(s), s["blind"], s["doubt"], s["chosen"], s["reason"], s["suggestion"]) for _, s in hidden}
    assert [look[1:4] + look[5:] for look in looks] == [(True, False, False, None)]


@pytest.mark.parametrize("mode", MODES)
def test_no_word_on_it_follows_before_or_after_its_answer(sent: dict[str, Sent], mode: Mode) -> None:
    silent = {
        ask.item
        for ask, _ in (*sent[mode].asks(measures=True, blind=True), *sent[mode].asks(measures=False, blind=True))
    }
    assert sent[mode].words.isdisjoint(silent)
    answered = {a.purpose for a in sent[mode].answers if a.item in silent}
    assert answered == {*MIXED_IN, "query"}


@pytest.mark.parametrize("mode", MODES)
def test_no_message_names_a_purpose_or_a_lane(sent: dict[str, Sent], mode: Mode) -> None:
    told = "".join(sent[mode].bodies)
    names = ("purpose", "lane", "audit", "certificate", "repeat", "query", "hidden", "by_coin", "score")
    assert [name for name in names if f'"{name}' in told] == []
    assert [frame for frame in map(bytes_of, sent[mode].frames) if b"proba" in frame or b'"purpose' in frame] == []


def bytes_of(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def test_words_are_sent_before_the_answer_after_it_or_never_as_the_mode_says(sent: dict[str, Sent]) -> None:
    shown = {m: sum(bool(a["suggestion"]) for r in s.replies for a in r["asks"]) > 0 for m, s in sent.items()}
    revealed = {m: sum(len(r["revealed"]) for r in s.replies) > 0 for m, s in sent.items()}
    assert shown == {"suggestion first": True, "answer first": False, "blind": False}
    assert revealed == {"suggestion first": False, "answer first": True, "blind": False}


def test_the_log_says_what_was_uncovered_and_what_only_the_coin_hid(sent: dict[str, Sent]) -> None:
    uncovered = {a.item for a in sent["answer first"].answers if a.revealed}
    assert uncovered == sent["answer first"].words
    assert {mode for mode, s in sent.items() if any(a.by_coin for a in s.answers)} == {"suggestion first"}
