"""Make a demo project: items with a question, its classes, and the truth held back."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collab.domain.project import Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.domain.store import Store
from collab.errors import UnknownName
from collab.loop.importing import run_import
from collab.loop.planning import ImportPlan
from collab.loop.posing import CLIPART, CLIPART10, CREDIT
from collab.loop.reading import rows, sniff

DATA = Path(__file__).parents[2] / "data"
TWEETS, PENGUINS = DATA / "tweets.jsonl.gz", DATA / "penguins.csv"
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


SPECIES = LabelSchema(
    question="Which species is this penguin?",
    classes=(
        LabelClass(
            id="Adelie", name="Adelie", key="1", color="#c8553d",
            description="A short, high bill, about 39 mm long and 18 mm deep. It lives on all islands.",
        ),
        LabelClass(
            id="Chinstrap", name="Chinstrap", key="2", color="#a2559f",
            description="A bill as deep as an Adelie's, but about 49 mm long. It lives on Dream.",
        ),
        LabelClass(
            id="Gentoo", name="Gentoo", key="3", color="#2f9463",
            description="A long, flat bill, 15 mm deep, flippers over 200 mm, a heavy body. It lives on Biscoe.",
        ),
    ),
    guidelines="Lengths are in millimetres, masses in grams. Go by the bill first: its length, then its depth.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Demo:
    """A project that comes with collab."""

    title: str
    about: str
    fields: tuple[Field, ...]
    schema: LabelSchema
    plan: ImportPlan
    file: Callable[[], Path]
    cells: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """From a row of the file to what is imported; None: the file is imported as it is."""

    def made(self, project: Project) -> bool:
        """Whether a project was made of this demo: its name and its question may have been changed since."""
        read = {f.name for f in self.fields if f.encoded}
        return project.demo and {f.name for f in project.fields if f.encoded} == read


_TWEET = (Field("id", "category", "id"), Field("text"))
_PENGUIN = (
    Field("island", "category"),
    Field("bill_length_mm", "number", unit="mm"), Field("bill_depth_mm", "number", unit="mm"),
    Field("flipper_length_mm", "number", unit="mm"), Field("body_mass_g", "number", unit="g"),
    Field("sex", "category"),
)  # fmt: skip

_CREDIT = (
    Field("checking_status", "category"), Field("duration", "number", unit="months"),
    Field("credit_history", "category"), Field("purpose", "category"), Field("credit_amount", "number", unit="DM"),
    Field("savings_status", "category"), Field("employment", "category"),
    Field("installment_commitment", "number", unit="%"), Field("personal_status", "category"),
    Field("other_parties", "category"), Field("residence_since", "number"), Field("property_magnitude", "category"),
    Field("age", "number", unit="years"), Field("other_payment_plans", "category"), Field("housing", "category"),
    Field("existing_credits", "number"), Field("job", "category"), Field("num_dependents", "number"),
    Field("own_telephone", "category"), Field("foreign_worker", "category"),
)  # fmt: skip
_DRAWING = (Field("image", "image"),)
_MIXED = (
    Field("picture", "image"), Field("title"), Field("description"), Field("author", "category"),
    Field("width", "number", unit="px"), Field("height", "number", unit="px"),
    Field("kilobytes", "number", unit="kB"), Field("paths", "number"), Field("colors", "number"),
    Field("gradients", "number"),
)  # fmt: skip

DEMOS: Mapping[str, Demo] = {
    "tweets": Demo(
        "Tweets", "4,200 short texts: how does the writer feel?", _TWEET, SCHEMA,
        ImportPlan(_TWEET, id_column="id", answer_column="feeling", answers="truth", unescape=True), lambda: TWEETS,
        lambda cells: {"id": cells["id"], "text": cells["text"], "feeling": feeling_of(cells["mean"])},
    ),
    "penguins": Demo(
        "Penguins", "344 rows of numbers and categories: which species is it?", _PENGUIN, SPECIES,
        ImportPlan(_PENGUIN, answer_column="species", answers="truth"), lambda: PENGUINS,
    ),
    "credit": Demo(
        "Credit", "1,000 applications for credit, as a table: was it paid back?", _CREDIT, CREDIT,
        ImportPlan(_CREDIT, answer_column="class", answers="truth"), lambda: DATA / "credit.csv.gz",
    ),
    "openclipart10": Demo(
        "Clip art", "1,022 drawings: what do they show? Some of the answers held back are wrong.", _DRAWING, CLIPART10,
        ImportPlan(_DRAWING, answer_column="folder", answers="truth"), lambda: DATA / "openclipart10.zip",
    ),
    "clipart": Demo(
        "Drawings", "917 drawings with title, author and how they are made: what kind of thing is it?", _MIXED, CLIPART,
        ImportPlan(_MIXED, answer_column="kind", answers="truth"), lambda: DATA / "clipart.zip",
    ),
}  # fmt: skip


def load_demo(store: Store, name: str = "", *, demo: str = "tweets", now: int) -> Project:
    """A demo project with its items: the one that is there, filled where an earlier run was cut off, or a new one.

    Args:
        store: The workspace.
        name: What to call a new one; else the demo's own title.
        demo: One of `DEMOS`.
        now: Milliseconds.

    Raises:
        UnknownName: There is no such demo.
        Conflict: Another project has this name.
        UnreadableFile: The data that come with a checkout aren't there.
    """
    if demo not in DEMOS:
        raise UnknownName("demo", demo, tuple(DEMOS))
    made = DEMOS[demo]
    project = next((p for p in store.projects() if made.made(p)), None)
    if project is not None and store.progress(project.id).items:
        return project
    with tempfile.TemporaryDirectory() as folder:
        path = _file(made, Path(folder))
        project = project or store.create_project(
            name or made.title, made.fields, made.schema, LoopPolicy(), now, demo=True
        )
        run_import(
            store, project, path, made.plan, now=now, progress=lambda share, done: False, source=made.file().name
        )
    return project


def demo_of(project: Project) -> str:
    """The name of the demo that a project was made of; "" where it was made of none of them."""
    return next((name for name, demo in DEMOS.items() if demo.made(project)), "")


def _file(demo: Demo, folder: Path) -> Path:
    """The file to import: the one that came with collab, or rows made of it."""
    table = sniff(demo.file())  # before anything is made: the data may lack
    if demo.cells is None:
        return table.path
    path = folder / "demo.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in rows(table):
            assert isinstance(row, tuple), "every line of the demo data is whole"
            file.write(json.dumps(demo.cells(row[1])) + "\n")
    return path


def feeling_of(mean: float) -> str:
    """The class that a mean rating stands for.

    >>> feeling_of(-0.6), feeling_of(0.5), feeling_of(2.7)
    ('negative', 'neutral', 'positive')
    """
    return "negative" if mean < -CLEAR else "positive" if mean > CLEAR else "neutral"
