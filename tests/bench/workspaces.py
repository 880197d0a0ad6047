"""Workspaces of many items, made by the real import and the real encode job, and kept for the next run."""

import csv
import gzip
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collab.domain.project import Field, LoopPolicy
from collab.domain.store import Store
from collab.jobs.running import now_ms
from collab.loop.demonstrating import SCHEMA, feeling_of
from collab.loop.importing import ImportPlan, run_import
from collab.storage.database import open_store
from collab.storage.migrations import versions
from tests.driving import ROOT, command, environment, wait_for

KEPT = ROOT / "build" / "bench-workspaces"
TWEETS = ROOT / "data" / "tweets.jsonl.gz"
PROJECT = "tweets"
ENCODE_SECONDS = 1800.0


def write_texts(path: Path, rows: int) -> Path:
    """Write a CSV of distinct short texts with a feeling, from the demo's tweets: one, and words of another."""
    with gzip.open(TWEETS, "rt", encoding="utf-8") as file:
        tweets = [json.loads(line) for line in file]
    tails = [" ".join(tweet["text"].split()[:4]) for tweet in tweets]
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("id", "text", "feeling"))
        for n in range(rows):
            tweet = tweets[n % len(tweets)]
            text = f"{tweet['text']} {tails[(n * 31 + n // len(tweets)) % len(tweets)]} {n}"
            writer.writerow((n, text, feeling_of(tweet["mean"])))
    return path


@contextmanager
def workspace_of(items: int) -> Iterator[Path]:
    """A workspace of its own with one project of so many encoded items and their hidden truth; gone afterwards."""
    kept = KEPT / f"{items}-{_tables()}"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as making:
            _make(Path(making) / "workspace", items)
            (Path(making) / "workspace").rename(kept)
    with tempfile.TemporaryDirectory(dir=KEPT) as copy:
        yield Path(shutil.copytree(kept, Path(copy) / "workspace"))


def _tables() -> str:
    """Names the tables that this version makes: a workspace of other ones is made anew."""
    seal = hashlib.sha256()
    for migration in sorted(Path(versions.__path__[0]).glob("*.py")):
        seal.update(migration.read_bytes())
    return seal.hexdigest()[:12]


def plan_of(*, truth: bool = True) -> ImportPlan:
    """How the texts of `write_texts` are read."""
    if not truth:
        return ImportPlan((Field("text"),), id_column="id")
    return ImportPlan((Field("text"),), id_column="id", answer_column="feeling", answers="truth")


def _make(folder: Path, items: int) -> None:
    store = open_store(folder)
    project = store.create_project(PROJECT, (Field("text"),), SCHEMA, LoopPolicy(encoder="hashing"), now_ms())
    texts = write_texts(folder / "texts.csv", items)
    run_import(store, project, texts, plan_of(), now=now_ms(), progress=lambda *_: False)
    texts.unlink()
    worker = subprocess.Popen(
        command("worker", "--workspace", folder), cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: all_done(store), ENCODE_SECONDS, every=1.0)
    finally:
        worker.terminate()
        worker.wait()
        store.close()


def all_done(store: Store) -> bool:
    """Whether every job has ended well."""
    return all(job.status == "done" for job in store.jobs())
