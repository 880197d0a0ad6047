import os

from collab.domain.version import ModelVersion, VersionRecord
from collab.jobs.running import now_ms
from collab.loop.sweeping import UPLOAD_MS, sweep_heads, sweep_models, sweep_uploads


def test_the_heads_of_the_latest_refits_stay(store):
    for revision in range(1, 13):
        store.write_file(f"heads/3/{revision}.safetensors", iter([b"head"]))
    store.write_file("heads/4/1.safetensors", iter([b"head"]))
    sweep_heads(store, 3)
    left = store.folder("heads").rglob("*.safetensors")
    assert sorted(f"{path.parent.name}/{path.stem}" for path in left) == ["3/10", "3/11", "3/12", "3/8", "3/9", "4/1"]


def test_an_old_upload_goes_unless_a_job_that_is_not_over_reads_it(store):
    names = ("new.csv", "old.csv", "waiting.csv", "failed.csv", ".half.csv.ab12")
    paths = {name: store.write_file(f"uploads/{name}", iter([b"a"])) for name in names}
    now = now_ms()
    for name in names[1:]:
        os.utime(paths[name], ns=((now - UPLOAD_MS - 1000) * 1_000_000,) * 2)
    failed = store.submit_job("import", None, {"path": str(paths["failed.csv"])}, "Ann", now)
    store.cancel_job(failed.id)
    store.submit_job("import", None, {"path": str(paths["waiting.csv"])}, "Ann", now)
    sweep_uploads(store, now)
    assert sorted(path.name for path in store.folder("uploads").iterdir()) == ["new.csv", "waiting.csv"]


def test_weights_that_only_deleted_versions_or_none_name_go_when_no_fine_tuning_is_under_way(store, make_project):
    project = make_project(1).id
    for name, by in (("tuned:kept", ""), ("tuned:gone", "Ann")):
        record = VersionRecord(name, deleted_by=by)
        store.add_model(ModelVersion(0, project, name, "logistic", "candidate", record=record))
    for name in ("kept", "gone", "nobodys", ".half.ab12"):
        store.write_file(f"models/{project}/{name}/text/collab.json", iter([b"{}"]))
    store.write_file(f"models/{project}/versions/2.json", iter([b'{"against": 1, "features": ["read", 4]}']))
    store.features(project, "read", 4)
    job = store.submit_job("tune", project, {}, "Ann", now_ms())
    models, features = store.folder(f"models/{project}"), store.workspace / "features" / str(project)
    sweep_models(store, project)
    assert len(list(models.iterdir())) == 5
    store.cancel_job(job.id)
    sweep_models(store, project)
    assert sorted(path.name for path in models.iterdir()) == ["kept", "versions"]
    assert list(features.iterdir()) == []
