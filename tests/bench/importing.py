"""How fast a table comes in, and how much memory a large one takes."""

import json
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

from collab.domain.project import Field, LoopPolicy
from collab.jobs.running import now_ms
from collab.loop.demonstrating import SCHEMA
from collab.loop.importing import run_import
from collab.storage.database import open_store
from tests.bench.measuring import Result
from tests.bench.workspaces import KEPT, plan_of, write_texts
from tests.driving import ROOT, command, environment

ROWS, MANY, PICTURES = 200_000, 1_000_000, 10_000
POSTGRES = os.environ.get("COLLAB_TEST_POSTGRES", "")


def results() -> Iterator[Result]:
    """Rows a second on SQLite (and on PostgreSQL where one is named), and the memory of a million rows."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as made:
        folder = Path(made)
        rate = _rate(folder, "")
        yield Result("import_rows_per_s", rate, "rows/s", 20_000, "at least", f"{ROWS:,} tweets as CSV, SQLite")
        if POSTGRES:
            with _database() as url:
                rate = _rate(folder, url)
            yield Result(
                "import_rows_per_s_postgres",
                rate,
                "rows/s",
                8_000,
                "at least",
                f"{ROWS:,} tweets as CSV, PostgreSQL on loopback",
            )
        most, seconds = _memory(folder)
        yield Result(
            "import_rss_mb_1m",
            most,
            "MB",
            1000,
            "at most",
            f"peak of `collab import`, {MANY:,} rows in {seconds:.0f} s, SQLite",
        )
        small, _ = _pictures(folder, 1000)
        large, seconds = _pictures(folder, PICTURES)
        yield Result(
            "import_pictures_rss_growth_mb", large - small, "MB", 100, "at most",
            f"peak of `collab import`, {PICTURES:,} pictures in {seconds:.0f} s ({large:.0f} MB), beside 1,000",
        )  # fmt: skip


def _rate(folder: Path, url: str) -> float:
    store = open_store(folder / f"workspace-{bool(url)}", url or None)
    project = store.create_project("tweets", (Field("text"),), SCHEMA, LoopPolicy(encoder="hashing"), now_ms())
    texts = write_texts(folder / "texts.csv", ROWS)
    started = time.perf_counter()
    report = run_import(store, project, texts, plan_of(truth=False), now=now_ms(), progress=lambda *_: False)
    seconds = time.perf_counter() - started
    store.close()
    assert report.added == ROWS, report
    return ROWS / seconds


def _memory(folder: Path) -> tuple[float, float]:
    """Peak resident megabytes of the command that imports a million rows, and its seconds."""
    texts = write_texts(folder / "many.csv", MANY)
    arguments = command(
        "import", texts, "--project", "many", "--text", "text", "--id", "id",
        "--label", "feeling", "--answers", "truth",
        "--encoder", "hashing", "--workspace", folder / "many", "--json",
    )  # fmt: skip
    return _peak_of(arguments, folder, MANY)


def _pictures(folder: Path, many: int) -> tuple[float, float]:
    """Peak resident megabytes of the command that imports so many pictures, each another one, and its seconds."""
    place = folder / f"pictures-{many}"
    for kind in ("a", "b"):
        (place / kind).mkdir(parents=True)
    grain = np.random.default_rng(0).normal(0, 12, (384, 512, 3))
    slope = np.linspace(40, 215, 512)[None, :, None]
    for number in range(many):
        drawn = (slope + np.roll(grain, number, axis=1) + number % 40).clip(0, 255).astype(np.uint8)
        bits = [255 * (number >> bit & 1) for bit in range(32)]
        drawn[:16] = np.repeat(bits, 16)[:, None]  # so large that no two numbers are the same bytes as JPEG
        Image.fromarray(drawn).save(place / "ab"[number % 2] / f"{number}.jpg", quality=85)
    workspace = folder / f"of-{many}"
    arguments = command("import", place, "--project", "p", "--label", "folder", "--workspace", workspace, "--json")
    return _peak_of(arguments, folder, many)


def _peak_of(arguments: list[str], folder: Path, added: int) -> tuple[float, float]:
    started = time.perf_counter()
    with (folder / "said.json").open("w+b") as said:
        process = subprocess.Popen(arguments, cwd=ROOT, env=environment(), stdout=said, stderr=subprocess.DEVNULL)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        said.seek(0)
        assert process.returncode == 0, said.read()
        assert json.loads(said.read())["added"] == added
    return peak, seconds


def _peak(pid: int) -> float:
    """Peak resident megabytes of a live process since it began; what the system tells of an ended one counts its
    parent's from before the exec."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
    return 0.0


@contextmanager
def _database() -> Iterator[str]:
    """A database of its own on the PostgreSQL that is named."""
    import psycopg

    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{POSTGRES.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
