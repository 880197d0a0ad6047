import json
from dataclasses import asdict

from collab.domain.certificate import Certificate, Missed, Terms, Verdict, Watch
from collab.domain.plain import typed
from collab.domain.run import Bin, Calibration, Checks, ClassAudits, Figure, Round, Stratum

CERTIFICATE = Certificate(
    1, 2, "signed", Terms(promise="dataset"), 0.06, "3.1", 4, 900, "digest", "key", 200, "Ada", 5,
    verdict=Verdict(0.8, 150, 3, missed=(Missed("rare", 0, 40, True),)), watch=Watch(20, 1),
)  # fmt: skip
ROUND = Round(
    1, 2, 3, 4, 5, (Stratum(1, (1, 2), 50, 10, 9, classes={"a": ClassAudits(3, 4, 5)}),), by_class={"a": 3},
    checks=Checks(5, calibration=Calibration((Bin(0.5, 1, 2),), Figure(0.1, 0.0, 0.2))),
)  # fmt: skip


def test_what_went_through_json_is_read_back_the_same():
    for kept in (CERTIFICATE, ROUND):
        assert typed(type(kept), json.loads(json.dumps(asdict(kept)))) == kept


def test_names_that_this_version_does_not_know_are_left_out():
    assert typed(Watch, {"answered": 3, "mood": "good"}) == Watch(answered=3)
