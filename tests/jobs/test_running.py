from dataclasses import asdict
from pathlib import Path

import pytest

from collab.domain.project import Field, Project
from collab.domain.store import Store
from collab.errors import JobLost
from collab.jobs import running
from collab.jobs.running import now_ms
from collab.loop.importing import ImportPlan


def test_an_import_that_could_not_say_that_it_ended_is_reported_by_the_next_attempt(
    store: Store, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = tmp_path / "upload.csv"
    upload.write_text("text\none\ntwo\nthree\n")
    plan = asdict(ImportPlan((Field("text"),)))
    payload = {"path": str(upload), "plan": plan, "source": "signs.csv", "uploaded": True}
    job = store.submit_job("import", project.id, payload, "Ann", now_ms())

    def die(*_: object) -> None:
        raise JobLost("killed")

    first = store.claim_job(["import"], now_ms(), now_ms())
    assert first is not None
    with monkeypatch.context() as broken:
        broken.setattr(type(store), "end_job", die)
        with pytest.raises(JobLost):
            running.run(store, first)
    second = store.claim_job(["import"], now_ms() + 2 * running.LEASE_MS, now_ms() + 3 * running.LEASE_MS)
    assert second is not None
    running.run(store, second)

    done = store.job(job.id)
    assert (done.status, done.message, done.result["added"]) == ("done", "", 3)
    assert len(store.imports(project.id)) == 1
    assert not upload.exists()
