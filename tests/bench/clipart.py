"""Make data/clipart.zip, the demo of items that have a picture, words and numbers.

`python -m tests.bench.clipart PNG SVG`: the folders usr/share/openclipart/png and …/svg of the Debian packages
openclipart-png and openclipart-svg 1:0.18+dfsg-19, unpacked anywhere. The pictures come from the first, titles, authors
and the make of each drawing from the second, which has them in its files.
"""

import argparse
import csv
import hashlib
import html
import io
import random
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.driving import ROOT

CLASSES = {
    "animal": "animals", "building": "buildings", "food": "food", "person": "people", "plant": "plants",
    "tool": "tools", "vehicle": "transportation", "office": "office",
}  # fmt: skip
"""What the demo calls a folder of the packages."""
EACH, SIDE, MOST_PIXELS = 130, 96, 40_000_000
LEAST = 3
"""An author with fewer drawings is not named."""
COLUMNS = (
    "picture", "title", "description", "author", "width", "height", "kilobytes", "paths", "colors", "gradients", "kind"
)  # fmt: skip
_METADATA = re.compile(r"<metadata.*?</metadata>", re.DOTALL)
_CREATOR = re.compile(r"<dc:creator>.*?<dc:title>\s*([^<]*?)\s*</dc:title>", re.DOTALL)
_STAMP = (2005, 1, 1, 0, 0, 0)
"""The same bytes each time."""


def main() -> None:
    """Choose drawings of each kind, and pack them with their table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.clipart", description=__doc__)
    parser.add_argument("png", type=Path)
    parser.add_argument("svg", type=Path)
    folders = parser.parse_args()
    rows = list(_rows(folders.png, folders.svg))
    random.Random(0).shuffle(rows)
    authors = Counter(row["author"] for row, _ in rows)
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    with zipfile.ZipFile(ROOT / "data" / "clipart.zip", "w") as packed:
        for number, (row, picture) in enumerate(rows):
            row["picture"] = f"pictures/{number:04}.webp"
            if authors[row["author"]] < LEAST:
                row["author"] = ""
            table.writerow(row)
            packed.writestr(zipfile.ZipInfo(str(row["picture"]), _STAMP), picture)
        packed.writestr(zipfile.ZipInfo("clipart.csv", _STAMP), text.getvalue(), zipfile.ZIP_DEFLATED)
    print(f"{len(rows):,} drawings, {Counter(str(row['kind']) for row, _ in rows)}")


def _rows(png: Path, svg: Path) -> Iterator[tuple[dict[str, object], bytes]]:
    seen: set[str] = set()
    for kind, folder in CLASSES.items():
        paths = sorted((png / folder).rglob("*.png"))
        random.Random(0).shuffle(paths)
        taken = 0
        for path in paths:
            source = (svg / path.relative_to(png)).with_suffix(".svg")
            if taken == EACH or not source.is_file():
                continue
            drawing = source.read_text(encoding="utf-8", errors="replace")
            words = _words(drawing)
            picture, size = _picture(path)
            digest = hashlib.sha256(picture).hexdigest()
            if not words["title"] or not picture or digest in seen:
                continue
            seen.add(digest)
            taken += 1
            make = {
                "width": size[0], "height": size[1], "kilobytes": round(len(drawing) / 1000, 1),
                "paths": drawing.count("<path"), "gradients": drawing.count("<linearGradient"),
                "colors": len(set(re.findall(r"#[0-9a-fA-F]{6}", drawing))),
            }  # fmt: skip
            yield {**words, **make, "kind": kind}, picture


def _words(drawing: str) -> dict[str, object]:
    """Title, description and author; the tags stay out, for they name the folder."""
    found = _METADATA.search(drawing)
    said = found.group(0) if found else ""
    title, description = (re.search(rf"<dc:{tag}>\s*([^<]*?)\s*</dc:{tag}>", said) for tag in ("title", "description"))
    creator = _CREATOR.search(said)
    first, second, author = (" ".join(html.unescape(m[1]).split()) if m else "" for m in (title, description, creator))
    return {
        "title": first, "description": "" if "@" in second or second == first else second[:200],
        "author": author.split("[")[0].strip(),
    }  # fmt: skip


def _picture(path: Path) -> tuple[bytes, tuple[int, int]]:
    """Small, on white; empty where it is too large to be decoded with ease."""
    with Image.open(path) as picture:
        size = picture.size
        if size[0] * size[1] > MOST_PIXELS:
            return b"", size
        drawn = picture.convert("RGBA")
    drawn.thumbnail((SIDE, SIDE))
    ground = Image.new("RGB", drawn.size, "white")
    ground.paste(drawn, mask=drawn.getchannel("A"))
    out = io.BytesIO()
    ground.save(out, "WEBP", quality=60, method=6)
    return out.getvalue(), size


if __name__ == "__main__":
    main()
