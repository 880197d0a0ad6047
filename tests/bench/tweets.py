"""Write the demo's tweets with the classes that their ratings stand for: the file behind the README's learning curve.

python -m tests.bench.tweets tweets.jsonl
"""

import html
import json
import sys
from pathlib import Path

from collab.domain.table import Rejected
from collab.loop.demonstrating import TWEETS, feeling_of
from collab.loop.reading import rows, sniff


def write_tweets(path: Path) -> None:
    """Write one JSON object a line, with `text` and `feeling`."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows(sniff(TWEETS)):
            assert not isinstance(row, Rejected), "every line of the demo data is whole"
            _, cells = row
            said = {"text": html.unescape(cells["text"]), "feeling": feeling_of(cells["mean"])}
            file.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    write_tweets(Path(sys.argv[1]))
