"""The report: what it says and leaves unsaid, and that nothing of a file is more than text in it."""

import html
import re
from dataclasses import replace

import pytest

from collab.domain.certificate import Certificate, Missed, Terms, Verdict
from collab.domain.project import NONE, Field, LabelClass, LabelSchema, LoopPolicy
from collab.domain.run import Bin, Calibration, Checks, Figure, Progress
from collab.engine.assurance import Estimate, share_of
from collab.loop.influencing import Effect, Person, Work
from collab.loop.reporting import Agreed, AuditReport, ClassReport, CurvePoint
from collab.loop.slicing import Column, Part, Parts
from collab.loop.summarizing import Cost, Data, Limit, Made, People, Quality, Source, Summary, summary
from collab.ui.report.charts import learning_curve, reliability
from collab.ui.report.document import document
from collab.ui.report.markup import copied, percent, say, told
from collab.ui.words import WORDS

NOW = 1_700_000_000_000
SCHEMA = LabelSchema("Is it <b>bad</b>?", (LabelClass("yes", "Yes & **so**", critical=True), LabelClass("no", "No")))
EVIL = "<script>alert('x')</script>"


def audits(right: int, answered: int) -> AuditReport:
    share = share_of(right, answered)
    return AuditReport(answered, answered, right, 0, share.value, share.low, share.high, covered=1.0)


def of_class(class_id: str, both: int, model: int, people: int) -> ClassReport:
    return ClassReport(
        class_id, both, share_of(both, model), share_of(both, people), share_of(both, model + people - both)
    )


CALIBRATION = Calibration((Bin(0.6, 12, 20), Bin(0.9, 18, 20)), Figure(0.3, 0.2, 0.4))
QUALITY = Quality(
    audits(30, 40),
    (of_class("yes", 12, 20, 15), of_class("no", 4, 6, 25)),
    (CurvePoint(40, audits(15, 30), None, 0), CurvePoint(90, audits(30, 40), None, 0)),
    Checks(90, 3, 40, 0.6, 0.9, None, CALIBRATION),
    Parts(90, 40, (Column("site", (Part(EVIL, 24, 30, share=share_of(24, 30)), Part("Oslo", 4, 6))),)),
    None,
    None,
)
PEOPLE = People(
    (Work("ann", 130, 140, 130, 780.0), Work("ben", 4)), Agreed(18, 20, share_of(18, 20)), Agreed(0, 0, None), None
)
MADE = Made(NOW, "1.90", NOW, 90, "minilm", "logistic", 200, "f" * 64, {"collab": "0.1.0"})
WHOLE = Summary(
    f"Notes {EVIL}",
    False,
    Data((Source("notes.csv", NOW, 500, 3, 2, 0),), (Field("text"),), ("en",), Progress(500, 60, 90, 40, events=200)),
    SCHEMA,
    LoopPolicy(),
    {"yes": 50, "no": 40},
    PEOPLE,
    QUALITY,
    (),
    Cost(130, 780.0, 90, 40.0),
    (Limit("items", 500), Limit("thin_classes", 10, ("No",))),
    MADE,
)


def certificate(status: str, verdict: Verdict | None, **more: object) -> Certificate:
    return Certificate(
        1, 2, status, Terms(), 0.0152, "1.90", 1, 300, "d1gest", "key", 100, "ann", NOW, verdict=verdict, **more
    )  # fmt: skip


PASSED = Verdict(0.93, above=80, errors=1, labels=170, most_wrong=8, missed=(Missed("yes", 1, 40, True),))


def words_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("</style>")[2])))


def test_what_a_file_or_a_person_wrote_is_text():
    page = document(replace(WHOLE, people=replace(PEOPLE, work=(Work(EVIL, 1),))))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4  # the title twice, a part, a person
    assert "Is it &lt;b&gt;bad&lt;/b&gt;?" in page
    assert "Yes &amp; **so**" in page


def test_it_needs_nothing_but_itself():
    page = document(WHOLE)
    assert re.findall(r"\b(?:src|href|action|on\w+)=", page) == []
    assert re.findall(r"https?:", page) == []
    assert "default-src 'none'" in page


def test_figures_come_with_their_number_of_answers_and_their_range():
    told_ = words_of(document(WHOLE))
    assert "agreed with 30 of 40 blind answers" in told_
    assert "12 of 20 (3 to 8 in 10)" in told_
    assert "24 of 30 (63 to 90%)" in told_


def test_where_few_answers_speak_it_says_so():
    told_ = words_of(document(WHOLE))
    assert "4 of 6, too few" in told_
    assert "Little is known about classes with fewer than 10 blind answers: No." in told_


def test_without_audits_there_is_no_figure_of_quality():
    bare = Quality(AuditReport(4), (), (), None, None, None, None)
    told_ = words_of(document(replace(WHOLE, quality=bare)))
    assert "Blind answers so far: 4." in told_
    assert "%" not in told_.partition("How good the model is")[2].partition("Certificates")[0]


def test_a_certificate_in_force_tells_promise_evidence_and_who_signed():
    signed = certificate("signed", PASSED, labels=170, signed_by="Dr. Núñez", signed_at=NOW)
    told_ = words_of(document(replace(WHOLE, certificates=(signed,))))
    assert "it labels 170 of the 300 frozen items. At most 8 of these 170 labels are wrong." in told_
    assert "Of 80 audits that it was as sure of as of these, people gave the same answer in 79" in told_
    assert "Dr. Núñez, 2023-11-14" in told_
    assert "up to 1 of 40" in told_


def test_a_certificate_that_is_over_says_so_before_what_it_promised():
    over = certificate("revoked", PASSED, labels=170, signed_by="ann", signed_at=NOW, ended_at=NOW, reason="alarm")
    told_ = words_of(document(replace(WHOLE, certificates=(over,))))
    assert "No longer in force. This is what it had promised. Where the model" in told_
    assert "Revoked 2023-11-14." in told_


def test_a_refused_certificate_says_what_it_would_take():
    verdict = Verdict(None, above=100, errors=9, more=37)
    told_ = words_of(document(replace(WHOLE, certificates=(certificate("refused", verdict),))))
    assert "Asked for: Of 1,000 labels of the model at most 50 are wrong." in told_
    assert "Of 100 audits, drawn from 300 frozen items, people gave the model's answer in 91." in told_
    assert "at least 37 more are needed" in told_


def test_the_effect_of_suggestions_stands_beside_each_person():
    arms = Person("ann", share_of(60, 80), share_of(20, 30), Estimate(0.08, -0.1, 0.27, 110))
    effect = Effect(
        200, 5, 620, 231, False, Estimate(0.09, 0.06, 0.12, 851), share_of(480, 620), share_of(162, 231), alarm=True,
        people=(arms,),
    )  # fmt: skip
    told_ = words_of(document(replace(WHOLE, people=replace(PEOPLE, effect=effect))))
    assert "Suggestions sway people" in told_
    assert "60 of 80 20 of 30" in told_


@pytest.mark.parametrize("status", ["auditing", "certified", "given up", "withdrawn"])
def test_every_standing_of_a_certificate_can_be_told(status: str):
    assert "Certificate 2" in words_of(
        document(replace(WHOLE, certificates=(certificate(status, PASSED, ended_at=NOW),)))
    )


@pytest.mark.parametrize("mode", ["suggestion first", "answer first", "blind"])
def test_every_mode_can_be_told(mode: str):
    assert say(f"report.{mode}") in document(replace(WHOLE, policy=LoopPolicy(mode=mode)))


@pytest.mark.parametrize("name", sorted(key for key in WORDS["en"] if key.startswith("limit.")))
def test_every_limit_can_be_told(name: str):
    limit = Limit(name.removeprefix("limit."), 7, ("A", "B"))
    assert say(name, n=7, names="A, B") in document(replace(WHOLE, limits=(limit,)))


def test_a_project_that_nobody_has_touched_can_be_told(store, make_project):
    told_ = words_of(document(summary(store, make_project(5).id, NOW)))
    assert "How good the model is isn't known" in told_


def test_words_made_for_a_page_keep_their_bold_and_lose_its_icons():
    assert told(":green[:material/check:] **2 of 3** &#60;i&#62; &#42;&#42;x&#42;&#42;") == (
        "<strong>2 of 3</strong> &lt;i&gt; **x**"
    )


def test_a_table_made_for_a_page_keeps_its_cells():
    found = copied("| Part | Share |\n| --- | --- |\n| a&#124;b | 2 of 3 |")
    assert re.findall(r">([^<]+)<", found) == ["Part", "Share", "a|b", "2 of 3"]


def test_the_learning_curve_ends_at_its_last_share_with_its_range_around():
    drawing = learning_curve(QUALITY.curve, "labels", "agreed", "told")
    assert 'aria-label="told"' in drawing
    assert '<circle class="dot" cx="308" cy="67.0"' in drawing
    assert len(re.search(r'"band" points="([^"]+)"', drawing)[1].split()) == 4


def test_the_reliability_diagram_has_a_point_and_a_range_for_each_bin():
    drawing = reliability(CALIBRATION.bins, "expected", "agreed", "told")
    assert (drawing.count("dot"), drawing.count('"range"')) == (2, 2)


def test_a_share_near_an_end_is_never_told_as_the_end():
    assert [percent(share) for share in (0.0, 0.004, 0.5, 0.9968, 1.0)] == ["0%", "0.4%", "50%", "99.7%", "100%"]


@pytest.mark.browser
@pytest.mark.slow
def test_it_fits_a_phone_and_prints_without_a_word_from_its_scripts(page, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(document(WHOLE), encoding="utf-8")
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("requestfailed", lambda request: said.append(request.url))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.fonts.check('12px Inter')")
    assert len(page.pdf(format="A4")) > 10_000
    assert said == []


def test_none_of_the_classes_is_counted_like_a_class_where_it_is_an_answer():
    many = replace(WHOLE, schema=replace(SCHEMA, task="multi label"), classes={"yes": 50, "no": 40, NONE: 7})
    assert "No 40 None of these 7 Decisions are" in words_of(document(many))
    assert "None of these" not in words_of(document(WHOLE))
