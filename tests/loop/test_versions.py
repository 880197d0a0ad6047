"""What is read of how versions were judged."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import pytest

from collab.domain.store import Store
from collab.domain.version import Change, ModelVersion, Verdict, VersionRecord
from collab.errors import UnknownName
from collab.loop import versions
from collab.loop.versions import Comparison, Flip, Judged
from tests.conftest import MakeProject

SAME = Change(0.0, 0.0, 0.0)
FLIPS = (Flip(9, ("Yes",), ("No",), 0.6, 0.9),)


def add(store: Store, project: int, against: int = 0, said: Sequence[tuple[str, str, str]] = ()) -> int:
    """A version; held against another one, audits are what people, that one and it said, from item 1 on."""
    verdict = Verdict("better", against, (1, 2), SAME, SAME, 0, 0) if against else None
    version = store.add_model(ModelVersion(0, project, "minilm", "logistic", record=VersionRecord(verdict=verdict))).id
    if against:
        audits = tuple((item, *((word,) for word in words)) for item, words in enumerate(said, 1))
        kept = Judged(against, audits, FLIPS, 4)  # type: ignore[arg-type]  # three answers behind the item
        store.write_file(versions.judged_file(project, version), iter([json.dumps(asdict(kept)).encode()]))
    return version


def test_both_sides_are_those_of_the_judgement_that_held_one_against_the_other(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    first = add(store, project)
    second = add(store, project, first, [("Yes", "Yes", "No"), ("No", "No", "No")])
    third = add(store, project, second, [("Yes", "Yes", "Yes"), ("No", "Yes", "No")])
    expected = Comparison(
        2, right_before=1, right_after=2, mended=1, broken=0, classes=("Yes", "No"), before=((1, 0), (1, 0)),
        after=((1, 0), (0, 1)), wrong_before={"No": 1, "Yes": 1}, wrong_after={}, flipped=4,
    )  # fmt: skip
    assert versions.compare(store, project, second, third) == expected
    back = versions.compare(store, project, third, second)
    assert (back.right_before, back.right_after, back.mended, back.broken, back.flipped) == (2, 1, 0, 1, 4)


def test_versions_that_never_met_are_compared_by_the_audits_of_both(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    first = add(store, project)
    second = add(store, project, first, [("Yes", "Yes", "No")])
    third = add(store, project, first, [("Yes", "No", "Yes"), ("No", "Yes", "No")])
    found = versions.compare(store, project, second, third)
    assert (found.audits, found.right_before, found.right_after, found.flipped) == (1, 0, 1, None)
    alone = add(store, project)
    assert versions.compare(store, project, alone, third).audits == 0


def test_flips_are_read_as_they_were_kept_and_of_an_unjudged_version_there_are_none(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    first = add(store, project)
    assert versions.flips(store, project, add(store, project, first)) == FLIPS
    assert versions.flips(store, project, first) == ()
    with pytest.raises(UnknownName):
        versions.version_of(store, project, 99)


def test_the_progress_of_another_job_is_not_told(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    versions.put_progress(store, project, asdict(versions.TuningProgress(7, share=0.5)), 1)
    assert versions.progress_of(store, project, 7) == versions.TuningProgress(7, share=0.5)
    assert versions.progress_of(store, project, 8) is None
