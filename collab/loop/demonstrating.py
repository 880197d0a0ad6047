"""Make the demo project: 4,200 tweets, a question, three classes, and the truth held back."""

import json
import tempfile
from pathlib import Path

from collab.domain.project import Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.domain.store import Store
from collab.loop.importing import run_import
from collab.loop.planning import ImportPlan
from collab.loop.reading import rows, sniff

TWEETS = Path(__file__).parents[2] / "data" / "tweets.jsonl.gz"
CLEAR = 0.5
"""Mean rating, of -4 to 4, beyond which a tweet counts as negative or positive."""

SCHEMA = LabelSchema(
    question="How does the writer feel?",
    classes=(
        LabelClass(
            id="negative", name="negative", key="1", color="#b4553f",
            description="The writer is sad, angry, worried, bored or complains.",
            example="Third time the train is late this week. I give up.",
            near_miss="“Not bad at all” praises: that is positive.",
        ),
        LabelClass(
            id="neutral", name="neutral", key="2", color="#6f7782",
            description="No feeling shows: news, facts, questions, or good and bad in balance.",
            example="Does anybody know when the library opens on Sunday?",
            near_miss="“Finally home.” sounds like a fact, but the relief shows: positive.",
        ),
        LabelClass(
            id="positive", name="positive", key="3", color="#2f8463",
            description="The writer is happy, grateful, amused, hopeful or praises something.",
            example="Best soup I have had in years, and they gave me a second bowl!",
            near_miss="“Great, another Monday.” is meant the other way round: negative.",
        ),
    ),
    guidelines=(
        "Choose what the writer feels, not what you feel when you read it.\n\n"
        "Irony counts as it is meant. Where both good and bad are said, the stronger one counts; neutral where they "
        "balance. A smiley is part of the text."
    ),
)  # fmt: skip


def load_demo(store: Store, name: str = "Tweets", *, now: int) -> Project:
    """The demo project with its tweets: the one that is there, filled where an earlier run was cut off, or a new one.

    Args:
        store: The workspace.
        name: What to call a new one.
        now: Milliseconds.

    Raises:
        Conflict: Another project has this name.
        UnreadableFile: The data that come with a checkout aren't there.
    """
    project = next((p for p in store.projects() if p.demo), None)
    if project is not None and store.progress(project.id).items:
        return project
    table = sniff(TWEETS)
    fields = (Field("id", "category", "id"), Field("text"))
    plan = ImportPlan(fields, id_column="id", answer_column="feeling", answers="truth", unescape=True)
    with tempfile.TemporaryDirectory() as folder:
        rated = Path(folder) / "tweets.jsonl"
        with rated.open("w", encoding="utf-8") as file:
            for row in rows(table):
                assert isinstance(row, tuple), "every line of the demo data is whole"
                cells = row[1]
                feeling = feeling_of(cells["mean"])
                file.write(json.dumps({"id": cells["id"], "text": cells["text"], "feeling": feeling}) + "\n")
        project = project or store.create_project(name, fields, SCHEMA, LoopPolicy(), now, demo=True)
        run_import(store, project, rated, plan, now=now, progress=lambda share, done: False, source=TWEETS.name)
    return project


def feeling_of(mean: float) -> str:
    """The class that a mean rating stands for.

    >>> feeling_of(-0.6), feeling_of(0.5), feeling_of(2.7)
    ('negative', 'neutral', 'positive')
    """
    return "negative" if mean < -CLEAR else "positive" if mean > CLEAR else "neutral"
