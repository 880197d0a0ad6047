"""The page Certify at every step of a certificate's life, and what other pages say of certificates."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.certificate import Certificate, Missed, Terms, Verdict, Watch
from collab.domain.project import NONE, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import ClassAudits, Round, Stratum
from collab.domain.store import Store
from collab.engine.forecasting import Forecast
from collab.loop import auditing
from collab.loop.auditing import Outlook
from collab.ui import session
from tests.conftest import MakeProject
from tests.samples import YES_NO

pytestmark = pytest.mark.slow

Open = Callable[..., AppTest]

PASSED = Verdict(
    0.83, above=152, errors=3, unresolved=1, coverage=0.8, labels=2913, most_wrong=145,
    missed=(Missed("No", 1, 61, passed=True),),
)  # fmt: skip
REFUSED = Verdict(None, more=37)
FORECASTS = (Forecast(200, 0.5, 0.25, 0.75, 0.97), Forecast(400, 0.75, 0.5, 0.8, 1.0))


@pytest.fixture
def open_page(store: Store) -> Open:
    """Opens one page as somebody who has given a name."""
    session.hold(store)

    def run(page: str = "certify", **query: str) -> AppTest:
        script = f"from collab.ui import page_{page}, pieces\nwith pieces.errors_told():\n    page_{page}.draw()\n"
        at = AppTest.from_string(script, default_timeout=20)
        at.session_state["annotator"] = "ann"
        at.query_params.update(query)
        at.run()
        assert not at.exception
        return at

    return run


@pytest.fixture
def project(make_project: MakeProject, store: Store) -> Project:
    """Sixty items that a model has been fitted on."""
    made = make_project(60)
    store.set_worker(made.id, "idle", 1, 1.0)
    checked = Stratum(0, (1,), 600, 80, 70, classes={"Yes": ClassAudits(65, 70, 72), "No": ClassAudits(5, 10, 8)})
    store.add_round(Round(made.id, 1, 1, 1000, labels=40, strength=1.0, strata=(checked,)))
    return made


@pytest.fixture
def keep(store: Store, project: Project) -> Callable[..., Certificate]:
    """Keeps a certificate of the project as it stands."""

    def kept(status: str, number: int = 1, **more: Any) -> Certificate:
        made = Certificate(
            project.id, number, status, Terms(), 0.0608, "3.17", 1, 3800, "d1g", "key", 200, "*ann*", 1000, **more  # type: ignore[arg-type]  # a status
        )  # fmt: skip
        store.save_certificate(made)
        return made

    return kept


def texts(at: AppTest) -> str:
    kinds = (at.title, at.header, at.subheader, at.markdown, at.caption, at.warning, at.error, at.info)
    return "\n".join(str(e.value) for kind in kinds for e in kind)


def click(at: AppTest, label: str) -> AppTest:
    return next(b for b in at.button if b.label == label).click().run()


def test_an_empty_workspace_says_what_a_certificate_is_for(open_page: Open) -> None:
    assert "A certificate is for the items that are then left." in texts(open_page())


def test_without_a_model_there_is_nothing_to_choose(open_page: Open, make_project: MakeProject, store: Store) -> None:
    store.set_worker(make_project(5).id, "idle", 1, 1.0)
    at = open_page()
    assert "No model yet" in texts(at)
    assert at.radio.len == 0


def test_while_the_model_is_reading_the_page_says_why_it_waits(open_page: Open, project: Project, store: Store) -> None:
    store.set_worker(project.id, "reading", 1, 0.4)
    assert "still reading, 40%" in texts(open_page())


def test_the_promise_is_told_in_counts_and_follows_the_choice(open_page: Open, project: Project) -> None:
    at = open_page()
    assert (
        "labels of the model at most **50** are wrong. Of 10 that are tried like this, at most one breaks its promise"
        in texts(at)
    )
    at.radio[0].set_value("dataset").run()
    next(g for g in at.button_group if g.label == "How sure").set_value(0.01).run()
    assert "Of 1,000 items at most **50** get a wrong label" in texts(at)
    assert "Of 100 that are tried like this, at most one breaks its promise" in texts(at)


def test_the_forecast_says_what_it_rests_on_and_what_more_audits_would_buy(
    open_page: Open, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "outlook", lambda *_: Outlook(FORECASTS, 64, 4000, 0.06, 55, "1.3"))
    shown = texts(open_page())
    assert "Of 4,000 items without an answer, the model could label about **2,000** (between 1,000 and 3,000)" in shown
    assert "| 400 | 3,000 (2,000 to 3,200) | more than 9 in 10 |" in shown
    assert "Forecast from 64 blind answers" in shown


def test_a_critical_class_that_is_too_rare_is_told_before_anything_is_frozen(
    open_page: Open, project: Project, store: Store
) -> None:
    yes, no = classes_from_names(("Yes", "No"))
    store.save_schema(project.id, LabelSchema("Is it?", (yes, replace(no, critical=True)), version=2))
    at = open_page()
    assert "of 200 audits about 25 would be of it (so were 10 of 80 blind answers), and at least 69" in texts(at)


def test_what_stands_in_the_way_of_freezing_is_told_as_its_sentence(open_page: Open, project: Project) -> None:
    at = click(open_page(), "Freeze, and draw 200 audits")
    assert at.error.len == 1


def test_audits_under_way_are_counted_and_nothing_else_can_begin(
    open_page: Open, project: Project, store: Store, keep: Callable[..., Certificate]
) -> None:
    keep("auditing")
    store.draw_audits(project.id, 1, [row.item for row in store.pool(project.id)][:20], 1, "blind")
    at = open_page()
    assert at.get("progress")[0].proto.text == "0 of 20 audits answered"
    assert [b.label for b in at.button] == ["Answer audits", "Give up certificate 1"]


def test_audits_that_lie_on_a_card_are_said_to_come_back(
    open_page: Open, project: Project, store: Store, keep: Callable[..., Certificate]
) -> None:
    keep("auditing")
    store.draw_audits(project.id, 1, [row.item for row in store.pool(project.id)][:5], 1, "blind")
    store.lease(project.id, "bob", "certificate", 5, "tab", 1, 10**15)
    assert "Waiting: 5, on somebody's card" in texts(open_page())
    assert "From a page that was closed they come back within 15 minutes." in texts(open_page())


def test_who_signs_has_to_say_so_first(
    open_page: Open, store: Store, project: Project, keep: Callable[..., Certificate]
) -> None:
    keep("certified", verdict=PASSED, judged_at=2000)
    at = open_page()
    assert "At most **145** of these 2,913 labels are wrong. Of 10 that are tried like this, at most one" in texts(at)
    assert "people gave the same answer in 149; 3 differed" in texts(at)
    assert "| No | up to 1 of 61 | bounded |" in texts(at)
    assert next(b for b in at.button if b.label == "Sign").disabled
    at.checkbox[0].check().run()
    click(at, "Sign")
    assert [(job.kind, job.requested_by) for job in store.jobs(project.id)] == [("sign", "ann")]


def test_labels_in_force_stand_with_their_checks_and_can_be_withdrawn_once(
    open_page: Open, store: Store, project: Project, keep: Callable[..., Certificate]
) -> None:
    keep("signed", verdict=PASSED, labels=2900, signed_by="bob", signed_at=3000, watch=Watch(40, 2))
    at = open_page()
    assert "**2,900** labels of the model, signed by bob" in texts(at)
    assert "40 answered, 2 differed" in texts(at)
    at = click(at, "Withdraw certificate 1")
    assert [(job.kind, job.payload, job.requested_by) for job in store.jobs(project.id)] == [
        ("withdraw", {"number": 1}, "ann")
    ]
    assert not [b for b in at.button if b.label == "Withdraw certificate 1"]


def test_a_refused_one_says_how_many_more_and_the_next_begins_with_them(
    open_page: Open, keep: Callable[..., Certificate]
) -> None:
    keep("refused", verdict=REFUSED, judged_at=2000)
    at = open_page()
    assert "at least 37 more are needed" in texts(at)
    assert at.number_input[0].value == 237


def test_a_revoked_one_says_why(open_page: Open, keep: Callable[..., Certificate]) -> None:
    keep("revoked", verdict=PASSED, reason="alarm", ended_at=5000)
    assert "The checks among its labels found more errors than it promised." in open_page().error[0].value


def test_every_certificate_is_listed_and_names_are_never_markdown(
    open_page: Open, keep: Callable[..., Certificate]
) -> None:
    keep("given up", ended_by="*ann*", ended_at=4000)
    keep("refused", number=2, verdict=REFUSED, judged_at=2000)
    at = open_page()
    assert [e.label for e in at.expander] == ["Certificate 2 · refused", "Certificate 1 · given up"]
    assert "*ann*" not in texts(at)


def test_home_leads_to_a_certificate_that_waits(open_page: Open, keep: Callable[..., Certificate]) -> None:
    keep("certified", verdict=PASSED)
    assert "Certificate 1 waits for a signature" in [b.label for b in open_page("home").button]


@pytest.fixture
def labeled(store: Store, project: Project, keep: Callable[..., Certificate]) -> None:
    """Three labels of the model are in force."""
    keep("signed", labels=3)
    store.stage_labels(project.id, 1, [(row.item, ("Yes",), 0.9) for row in store.pool(project.id)[:3]])
    with store.transaction():
        store.apply_labels(project.id, 1, 4000)


@pytest.mark.usefixtures("labeled")
def test_home_counts_the_labels_of_the_model_apart(open_page: Open) -> None:
    told = open_page("home").get("progress")[0].proto.text
    assert told == "0 of 60 decided by people or their files, 3 labeled by the model"


@pytest.mark.usefixtures("labeled")
def test_the_list_finds_the_labels_of_the_model_and_names_their_certificate(open_page: Open) -> None:
    frame = open_page("data", state="machine").dataframe[0].value
    assert frame["Source"].tolist() == ["model, certificate 1"] * 3


def test_settings_say_that_a_change_of_classes_ends_a_certificate(
    open_page: Open, keep: Callable[..., Certificate]
) -> None:
    keep("signed", labels=2900)
    at = open_page("settings")
    assert "Certificate 1 rests on these classes" in at.info[0].value
    assert "Its 2,900 labels are then taken back." in at.info[0].value


def test_settings_keep_how_the_model_is_shown_and_what_is_checked(
    open_page: Open, project: Project, store: Store
) -> None:
    at = open_page("settings")
    at.radio[0].set_value("answer first")
    next(n for n in at.number_input if "repeats" in n.label).set_value(0)
    next(s for s in at.slider if s.label.startswith("Goal")).set_value(95)
    next(b for b in at.button if b.label == "Save" and b.key != "save-schema").click().run()
    assert store.project(project.id).policy == replace(LoopPolicy(), mode="answer first", repeat_every=0, target=0.95)


def test_labels_that_say_none_of_the_classes_are_counted_too(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(60, schema=replace(YES_NO, task="multi label"))
    verdict = Verdict(0.9, 100, 0, 0, 0.5, labels=40, most_wrong=2, by_class={"Yes": 21, "No": 9, NONE: 15})
    store.save_certificate(
        Certificate(project.id, 1, "certified", Terms(), 0.06, "1.1", 1, 60, "d1g", "key", 20, "ann", 1000, verdict)
    )
    said = "By class: Yes 21, No 9, None of these 15. An item counts for each class that applies to it."
    assert said in texts(open_page())
