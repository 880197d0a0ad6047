"""What a worker does between jobs: one project's trouble is its own, and everybody hears what it is."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from collab.domain.annotation import Event
from collab.domain.project import Field, Item, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Encoder, Hashing
from collab.errors import UnknownName
from collab.jobs import worker as working
from collab.jobs.running import now_ms
from collab.loop import explaining
from collab.loop.encoding import encode_items
from collab.loop.explaining import Grounds
from collab.loop.retraining import Learner
from tests.driving import ROOT, wait_for

PATIENCE = 30.0
Make = Callable[..., Project]


@pytest.fixture
def make(store: Store) -> Make:
    """Makes a project of four items that have features."""

    def made(name: str, **policy: str) -> Project:
        schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
        wanted = LoopPolicy(**{"encoder": "hashing", **policy})  # type: ignore[arg-type]  # words alone
        project = store.create_project(name, (Field("text"),), schema, wanted, 1)
        import_id = store.begin_import(project.id, "made up", "nothing", 1)
        store.add_items(import_id, [NewItem(w, {"text": w}, w.encode().hex() * 4, 0.5) for w in "abcd"])
        store.finish_import(import_id, ImportReport(added=4), 0.0, 500, 1)
        if wanted.encoder == "hashing":
            encode_items(store, project, Hashing(), lambda *_: False)
        return project

    return made


@contextmanager
def at_work(store: Store) -> Iterator[None]:
    """A worker in a thread."""
    worker = working._Worker(store)
    thread = threading.Thread(target=worker.run, args=(False,))
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(PATIENCE)


def test_a_project_that_fails_says_why_and_holds_up_no_other_one(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "SIGN_EVERY", 0.05)
    fine, broken = make("Fine"), make("Broken", strategy="mystery")
    with at_work(store):
        wait_for(lambda: store.progress(fine.id).revision, PATIENCE)
        wait_for(lambda: "'mystery'" in store.progress(broken.id).worker, PATIENCE)
        store.save_policy(broken.id, replace(broken.policy, strategy="margin"))
        wait_for(lambda: store.progress(broken.id).revision, PATIENCE)
        wait_for(lambda: store.progress(broken.id).worker == "idle", PATIENCE)


def test_what_a_fault_quotes_of_an_item_stands_in_the_servers_log_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert working._tell("Ward", ValueError("Maria Quux")) == "ValueError: the server's log says more."
    assert working._tell("Ward", UnknownName("encoder", "far")) == "There is no encoder 'far'."
    assert "Ward: ValueError: Maria Quux" in capsys.readouterr().err


def test_jobs_outlive_any_number_of_ordinary_stops(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[subprocess.Popen[bytes]] = []

    def start(*_: object) -> subprocess.Popen[bytes]:
        children.append(subprocess.Popen(["sleep", "60"]))
        return children[-1]

    monkeypatch.setattr(working._Worker, "_start", start)
    job = store.submit_job("tune", None, {}, "Ann", now_ms())
    for stop in range(1, 5):
        with at_work(store):
            wait_for(lambda: len(children) == stop, PATIENCE)  # noqa: B023  # called at once
        assert children[-1].returncode == -signal.SIGTERM
        assert (store.job(job.id).status, store.job(job.id).attempt) == ("queued", 0)


def test_an_upload_that_nobody_imported_for_a_week_goes(store: Store) -> None:
    path = store.write_file("uploads/a.csv", iter([b"text"]))
    os.utime(path, (0, 0))
    with at_work(store):
        wait_for(lambda: not path.exists(), PATIENCE)


def test_a_refit_of_a_project_that_is_gone_fails_and_the_worker_goes_on(store: Store, make: Make) -> None:
    gone, fine = make("Gone"), make("Fine")
    job = store.submit_job("retrain", gone.id, {}, "Ann", now_ms())
    store.delete_project(gone.id, 9)
    with at_work(store):
        wait_for(lambda: store.job(job.id).status == "failed", PATIENCE)
        assert "project" in store.job(job.id).message
        wait_for(lambda: store.progress(fine.id).revision, PATIENCE)


def test_an_encoder_that_cannot_be_had_is_asked_for_once_keeps_nobody_waiting_and_is_named(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    given_up = threading.Event()

    def load(_store: Store, _project: int, name: str) -> Encoder:
        asked.append(name)
        if name == "hashing":
            return Hashing()
        given_up.wait(PATIENCE)
        raise UnknownName("encoder", name)

    monkeypatch.setattr(working, "text_encoder_of", load)
    monkeypatch.setattr(working, "SIGN_EVERY", 0.05)
    monkeypatch.setattr(working, "AGAIN", 0.0)
    fine, waiting = make("Fine"), make("Waiting", encoder="far/away")
    with at_work(store):
        wait_for(lambda: store.progress(fine.id).revision, PATIENCE)
        assert store.progress(waiting.id).worker == ""
        given_up.set()
        wait_for(lambda: store.progress(waiting.id).worker == "There is no encoder 'far/away'.", PATIENCE)
        told = store.progress(waiting.id).worker_at
        wait_for(lambda: store.progress(waiting.id).worker_at > told + 500, PATIENCE)
        assert store.progress(waiting.id).worker == "There is no encoder 'far/away'."
    assert sorted(asked) == ["far/away", "hashing"]


def test_a_worker_in_a_long_round_still_gives_signs_of_life(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, over = threading.Event(), threading.Event()

    def take_long(_: Learner, _now: int) -> bool:
        begun.set()
        return over.wait(PATIENCE)

    monkeypatch.setattr(working, "SIGN_EVERY", 0.05)
    monkeypatch.setattr(Learner, "take_in", take_long)
    project = make("Large")
    with at_work(store):
        assert begun.wait(PATIENCE)
        told = store.progress(project.id).worker_at
        try:
            wait_for(lambda: store.progress(project.id).worker_at > told + 500, PATIENCE)
        finally:
            over.set()


def test_a_learner_serves_one_encoder_alone(store: Store, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make("Changing")
    other = replace(project, policy=replace(project.policy, encoder="minilm"))
    worker = working._Worker(store)
    before = wait_for(lambda: worker._learner(project), PATIENCE)
    store.save_policy(project.id, other.policy)
    assert worker._learner(project) is before
    after = wait_for(lambda: worker._learner(other), PATIENCE)
    assert (after.serves(other), before.serves(other)) == (True, False)


@pytest.mark.slow
def test_the_worker_computes_on_one_thread_and_leaves_its_children_all_of_them(workspace: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from threadpoolctl import threadpool_info
from collab.jobs.worker import main
from collab.storage.database import open_store
status = main(open_store(Path(sys.argv[1])), supervised=True)
print(status, {pool["num_threads"] for pool in threadpool_info()}, os.environ.get("OMP_NUM_THREADS"))
"""
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", script, workspace], cwd=ROOT, env=free, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert done.stdout.decode().split("\n")[0] == "0 {1} None"


def test_certificates_are_looked_at_when_people_have_done_something_and_now_and_then(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, looks = make("Signs"), list[int]()
    monkeypatch.setattr(working.certifying, "follow", lambda _, followed, __: looks.append(followed.id))
    worker = working._Worker(store)
    for _ in range(3):
        worker._follow(project)
    assert looks == [project.id]
    store.append(Event("an act", project.id, "policy", "Ada", 2))
    worker._follow(project)
    assert looks == [project.id] * 2
    monkeypatch.setattr(working.time, "monotonic", lambda: 1e9)
    worker._follow(project)
    assert looks == [project.id] * 3


def test_a_table_is_read_once_before_it_is_learned_and_learned_anew_where_it_was_measured_anew(store: Store) -> None:
    schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
    project = store.create_project("Table", (Field("mass", "number"),), schema, LoopPolicy(), 1)
    import_id = store.begin_import(project.id, "made up", "nothing", 1)
    store.add_items(import_id, [NewItem(str(n), {"mass": n}, f"{n:032x}", 0.5) for n in range(9)])
    store.finish_import(import_id, ImportReport(added=9), 0.0, 500, 1)
    worker = working._Worker(store)
    assert [worker._learner(project), worker._learner(project)] == [None, None]
    assert [job.kind for job in store.jobs(project.id)] == ["encode"]
    encode_items(store, project, None, lambda *_: False)
    before = worker._learner(project)
    assert worker._learner(project) is before
    store.write_file(f"tables/{project.id}.json", iter([Table.fit([("mass", "number")], [{"mass": 1}]).to_json()]))
    assert worker._learner(project) not in (before, None)


def test_who_asks_why_is_answered_and_an_item_that_cannot_be_explained_is_told_too(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explain(_store: Store, _grounds: Grounds, item: Item) -> dict[str, object]:
        if item.fields["text"] == "b":
            raise ValueError(item.fields["text"])
        return {"said": item.fields["text"]}

    monkeypatch.setattr(explaining, "explain", explain)
    project = make("Fine")
    fine, broken = (item.id for item in store.stream_items(project.id)[:2])
    monkeypatch.setattr(Learner, "grounds", lambda learner: SimpleNamespace(project=project, row={fine: 0, broken: 1}))
    with at_work(store):
        wait_for(lambda: store.progress(project.id).revision, PATIENCE)
        for item in (fine, broken):
            store.ask_why(project.id, item, now_ms())
        wait_for(lambda: store.why(project.id, fine) == {"said": "a"}, PATIENCE)
        wait_for(lambda: store.why(project.id, broken) == {}, PATIENCE)
