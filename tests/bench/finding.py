"""How soon the first hits among a million items are there, a lasso's list among 50,000 dots, and how batches let others
write."""

import csv
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from playwright.sync_api import Page

from collab.domain.project import Field, LoopPolicy, Project
from collab.domain.store import FieldFilter, ItemFilter, Store
from collab.jobs.running import now_ms
from collab.loop import batching, finding
from collab.loop.demonstrating import SCHEMA
from collab.loop.finding import Search, Sure
from collab.loop.importing import ImportPlan, run_import
from collab.loop.mapping import JOB
from collab.loop.scoring import keep_scores
from collab.storage.database import SqlStore, open_store
from tests.bench.browser import WAIT_MS, chromium, page_of
from tests.bench.importing import POSTGRES, _database
from tests.bench.measuring import Result, told
from tests.bench.workspaces import KEPT, workspace_of, write_texts
from tests.driving import running_app, wait_for

ROWS, DIM, BATCH, DOTS = 1_000_000, 384, 10_000, 50_000
TIMES = 5
FIELDS = (Field("text"), Field("shop", "category"), Field("price", "number"))
PLAN = ImportPlan(FIELDS, id_column="id")
PHRASES = ("这个手机很好", "电池不太耐用", "屏幕有点小", "物流非常快", "客服没有回答", "颜色跟图片一样")
SEARCHES: Mapping[str, Search] = {
    "everything": Search(),
    "in 37 % of the texts": Search(ItemFilter("the")),
    "two frequent words": Search(ItemFilter("the to")),
    "in 75 % of the texts": Search(ItemFilter("anonymous")),
    "9,000 hits, ranked": Search(ItemFilter("god")),
    "1,000 hits, ranked": Search(ItemFilter("thursday")),
    "one hit": Search(ItemFilter("123456")),
    "no hit": Search(ItemFilter("zzzqq")),
    "a beginning of many words": Search(ItemFilter("con")),
    "Chinese, in 1.7 %": Search(ItemFilter("手机很好")),
    "Chinese, two letters": Search(ItemFilter("电池")),
    "Chinese, one letter": Search(ItemFilter("很")),
    "Chinese, no hit": Search(ItemFilter("汽车")),
    "frequent word, disputed": Search(ItemFilter("the", "disputed")),
    "frequent word, people's": Search(ItemFilter("the", "labeled")),
    "frequent word, machine's": Search(ItemFilter("the", "machine")),
    "frequent word, adjudicated": Search(ItemFilter("the", source="adjudicated")),
    "frequent word, open": Search(ItemFilter("the", "open")),
    "frequent word, frequent decision, never both": Search(ItemFilter("the", source="agreement", answer="negative")),
    "rare word, machine's": Search(ItemFilter("thursday", "machine")),
    "disputed": Search(ItemFilter(state="disputed")),
    "one class": Search(ItemFilter(answer="positive")),
    "a category": Search(ItemFilter(fields=(FieldFilter("shop", "equals", "shop 7"),))),
    "a number": Search(ItemFilter(fields=(FieldFilter("price", "between", low=10, high=10.5),))),
    "a field's words": Search(ItemFilter(fields=(FieldFilter("text", "contains", "thursday"),))),
    "word, category, number, machine's": Search(
        ItemFilter(
            "the", "machine",
            fields=(FieldFilter("shop", "equals", "shop 7"), FieldFilter("price", "between", high=50)),
        )
    ),
    "probability": Search(sure=Sure(0.4, 0.45)),
    "probability, least sure first": Search(sure=Sure(0, 1), order="least sure"),
    "frequent word, probability": Search(ItemFilter("the"), Sure(0.95, 1, "positive")),
}  # fmt: skip


def results() -> Iterator[Result]:
    """On SQLite, and on PostgreSQL where one is named."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as made:
        folder = Path(made)
        texts = _texts(folder / "texts.csv")
        store = open_store(folder / "sqlite")
        project = _filled(store, texts)
        yield _searched(store, project, "sqlite", store.product())
        yield _likened(store, project)
        yield _batched(store, project, "sqlite")
        store.close()
        if POSTGRES:
            with _database() as url:
                store = open_store(folder / "postgres", url)
                project = _filled(store, texts)
                yield _searched(store, project, "postgres", f"{store.product()} on loopback")
                yield _batched(store, project, "postgres")
                store.close()
    yield from _mapped()


def _texts(path: Path) -> Path:
    """Tweets, a tenth of them with a Chinese sentence, a shop and a price."""
    written = write_texts(path.with_suffix(".tweets"), ROWS)
    draw = np.random.default_rng(0)
    prices, shops = draw.gamma(2, 30, ROWS).round(2), draw.integers(0, 50, ROWS)
    with written.open(newline="", encoding="utf-8") as file, path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("id", "text", "shop", "price"))
        for n, row in enumerate(csv.DictReader(file)):
            more = PHRASES[n // 10 % len(PHRASES)] if n % 10 == 0 else ""
            writer.writerow((n, row["text"] + more, f"shop {shops[n]}", prices[n]))
    written.unlink()
    return path


def _filled(store: SqlStore, texts: Path) -> Project:
    """A project of a million items, of which a fifth is decided by people, two fifths by a machine, a few disputed."""
    project = store.create_project("many", FIELDS, SCHEMA, LoopPolicy(encoder="hashing"), now_ms())
    run_import(store, project, texts, PLAN, now=now_ms(), progress=lambda *_: False)
    last = 0
    while last := store.index_text(project.id, last):
        pass
    decided = "INSERT INTO decision (item, project, answer, first, reserved, source, at) SELECT id, project, "
    with store.transaction():
        for answer, source, which in (
            ("positive", "agreement", "id % 5 = 0"), ("negative", "machine", "id % 5 IN (1, 2)"),
            ("neutral", "adjudicated", "id % 5000 = 3"),
        ):  # fmt: skip
            values = f"'[\"{answer}\"]', '{answer}', reserved, '{source}', 1"
            store.write(sa.text(f"{decided} {values} FROM item WHERE {which} AND NOT reserved"))
        store.write(sa.text("UPDATE item SET state = 'decided' WHERE id IN (SELECT item FROM decision)"))
        store.write(sa.text("UPDATE item SET state = 'disputed' WHERE id % 5000 = 4 AND NOT reserved"))
    if not store.is_sqlite:
        store.write(sa.text("ANALYZE"))
    items = np.array([row.item for row in _pool(store, project.id)])
    proba = np.random.default_rng(1).dirichlet((1, 1, 1), len(items)).astype(np.float32)
    keep_scores(store, project, 1, ("drawn", DIM), items, proba)
    return project


def _searched(store: Store, project: Project, name: str, database: str) -> Result:
    """The slowest of all kinds of searches, each the median of some tries, the first one among them."""
    spent = {}
    for kind, wanted in SEARCHES.items():
        tries = [_seconds(store, project, wanted) for _ in range(TIMES)]
        spent[kind] = 1000 * statistics.median(tries)
        print(f"  {name}: {kind}: {spent[kind]:.0f} ms, at first {1000 * tries[0]:.0f}", flush=True)
    slowest = max(spent, key=spent.__getitem__)
    what = f"first 50 of {ROWS:,} items, slowest of {len(spent)} kinds of search ({slowest}), {database}"
    return Result(f"find_ms_1m_{name}", spent[slowest], "ms", 300, "at most", what)


def _seconds(store: Store, project: Project, wanted: Search) -> float:
    started = time.perf_counter()
    finding.search(store, project, wanted)
    return time.perf_counter() - started


def _likened(store: Store, project: Project) -> Result:
    """The items most like one, by features of the usual text encoder's size."""
    file, draw = store.features(project.id, "drawn", DIM), np.random.default_rng(2)
    items = np.array([row.item for row in _pool(store, project.id)])
    free = next(row.item for row in _pool(store, project.id) if not row.reserved)
    for start in range(0, len(items), 50_000):
        some = items[start : start + 50_000]
        file.append(some, some, draw.normal(size=(len(some), DIM)).astype(np.float32))
    tries = [_seconds(store, project, Search(like=free)) for _ in range(TIMES)]
    what = f"more like this, {ROWS:,} items of {DIM} features, {told(tries, 's')}"
    return Result("like_s_1m", statistics.median(tries), "s", 2, "at most", what)


def _batched(store: Store, project: Project, name: str) -> Result:
    """The longest that a batch keeps others from writing."""
    free = [row.item for row in _pool(store, project.id) if row.state == "open" and not row.reserved][:BATCH]
    made = batching.begin(store, project, free, ("neutral",), "Ann", str(uuid.uuid4()), "bench", now_ms())
    steps, started = [], time.perf_counter()
    while made.busy:
        begun = time.perf_counter()
        made = batching.step(store, project, made.id, "Ann", now_ms())
        steps.append(time.perf_counter() - begun)
    seconds = time.perf_counter() - started
    assert made.answered == BATCH
    what = (
        f"longest step of a batch of {BATCH:,} among {ROWS:,}, {len(steps)} steps in {seconds:.0f} s, {store.product()}"
    )
    return Result(f"batch_step_ms_{name}", 1000 * max(steps), "ms", 150, "at most", what)


def _mapped() -> Iterator[Result]:
    """From a click to the drawn dots, and from the end of a lasso to the list of what is inside."""
    with workspace_of(DOTS) as workspace, chromium() as browser, running_app(workspace) as app:
        app.wait_until_ready()
        store = open_store(workspace)
        (project,) = store.projects()
        wait_for(lambda: finding.can_compare(store, project.id), 300)
        job = store.submit_job(JOB, project.id, {}, "Ann", now_ms())
        wait_for(lambda: store.job(job.id).status == "done", 600)
        page = page_of(browser, store, "Ann", app.address)
        page.goto(f"{app.address}/data", timeout=WAIT_MS)
        page.wait_for_timeout(3000)
        drawn, listed = zip(*(_lassoed(page) for _ in range(TIMES)), strict=True)
        store.close()
    yield Result(
        "map_s_50k",
        statistics.median(drawn),
        "s",
        2,
        "at most",
        f"click on Map to {DOTS:,} dots drawn, {told(drawn, 's')}",
    )
    yield Result(
        "lasso_s_50k", statistics.median(listed), "s", 1, "at most",
        f"end of a lasso to the list of what is inside, {DOTS:,} dots, {told(listed, 's')}",
    )  # fmt: skip


def _lassoed(page: Page) -> tuple[float, float]:
    """Seconds to the drawn dots, and to the list; leaves the map again."""
    started = time.perf_counter()
    page.get_by_role("button", name="Map", exact=True).or_(
        page.get_by_role("radio", name="Map", exact=True)
    ).first.click()
    page.locator("canvas[data-points]").wait_for(timeout=WAIT_MS)
    drawn = time.perf_counter() - started
    page.wait_for_timeout(1000)
    box = page.locator("canvas").bounding_box()
    assert box is not None
    x, y, far = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["height"] / 5
    page.mouse.move(x + far, y)
    page.mouse.down()
    for turn in np.linspace(0, 2 * np.pi, 40):
        page.mouse.move(x + far * np.cos(turn), y + far * np.sin(turn))
    started = time.perf_counter()
    page.mouse.up()
    page.get_by_test_id("stDataFrame").wait_for(timeout=WAIT_MS)
    listed = time.perf_counter() - started
    page.get_by_role("button", name="Search", exact=True).or_(
        page.get_by_role("radio", name="Search", exact=True)
    ).first.click()
    page.locator("canvas[data-points]").wait_for(state="detached", timeout=WAIT_MS)
    page.wait_for_timeout(1500)
    return drawn, listed


def _pool(store: Store, project: int) -> Iterator:  # of pool rows
    after = 0
    while page := store.pool(project, after):
        after = page[-1].item
        yield from page
