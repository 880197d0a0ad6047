"""The command line, run as people run it: arguments in, exit status and text out."""

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from collab.cli import __main__ as cli
from collab.domain.store import Store
from collab.engine.encoders.text import encoder_of
from collab.loop.demonstrating import DEMOS
from collab.loop.encoding import encode_items
from collab.loop.retraining import Learner
from collab.storage.database import open_store
from tests.driving import ROOT, command, environment
from tests.tiny import tiny_text

MOODS = (
    ("plus", "It is a great and lovely day, and I am happy with it"),
    ("minus", "It is an awful and terrible day, and I am sad about it"),
)


@dataclass
class Said:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return json.loads(self.out)


Collab = Callable[..., Said]


@pytest.fixture
def collab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Collab:
    """Runs a command in an empty folder; `workspace` stands there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLLAB_DATA", raising=False)
    monkeypatch.delenv("COLLAB_DATABASE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr("sys.argv", ["collab", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "signs.csv"
    with path.open("w", newline="") as file:
        rows = [(f"S-{n}", f"{MOODS[n % 2][1]}, number {n}.", MOODS[n % 2][0], n) for n in range(120)]
        csv.writer(file).writerows([("id", "text", "sign", "weight"), *rows])
    return path


@pytest.fixture
def imported(collab: Collab, table: Path) -> Said:
    return collab(
        "import", table, "--project", "Signs", "--text", "text", "--id", "id", "--label", "sign",
        "--encoder", "hashing", "--json",
    )  # fmt: skip


COMMANDS = (
    "run", "demo", "import", "export", "export data", "export model", "predict", "report", "simulate", "train",
    "tune", "worker", "backup", "restore", "doctor", "erase", "erase person", "erase item", "log", "retention",
    "undelete", "purge",
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_explains_itself(collab: Collab, words: str) -> None:
    said = collab(*words.split(), "--help")
    assert said.status == 0
    assert f"Usage: collab {words}" in said.out


def test_without_a_command_it_lists_them_and_ends_with_2(collab: Collab) -> None:
    said = collab()
    assert said.status == 2
    assert [word for word in COMMANDS if " " not in word and word not in said.out + said.err] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import",), "Missing argument"),
        (("import", "signs.csv", "--project", "New", "--text", "text"), "needs its classes"),
        (("import", "signs.csv", "--project", "New", "--field", "text:picture", "--label", "sign"), "is not NAME:KIND"),
        (("import", "signs.csv", "--project", "New", "--label", "sign"), "needs at least one"),
        (("export", "data", "--project", "Signs", "--output", "signs.csv", "--what", "all"), "is not one of"),
        (("simulate", "signs.csv", "--text", "text", "--label", "sign", "--test", "1.5"), "lies between 0 and 1"),
        (("simulate", "signs.csv", "--text", "text"), "A table needs --label"),
        (("simulate", "signs.npz", "--label", "sign"), "come with the one class of each row"),
        (("train", "signs.csv", "--label", "sign", "--hidden", "ten"), "write units such as 10, or 10,10"),
        (("train", "signs.csv", "--label", "sign", "--loss", "hinge"), "is not one of"),
        (("doctor", "--loudly"), "No such option"),
    ],
)
def test_a_command_that_is_not_understood_ends_with_2(
    collab: Collab, imported: Said, arguments: tuple[str, ...], says: str
) -> None:
    said = collab(*arguments)
    assert said.status == 2
    assert says in said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "missing.csv", "--project", "Signs"), "collab: missing.csv can't be read"),
        (
            ("import", "signs.csv", "--project", "New", "--text", "text", "--label", "mood"),
            "collab: There is no column 'mood'; there is id, text, sign, weight.",
        ),
        (
            ("export", "data", "--project", "Signs", "--output", "signs.doc"),
            "collab: There is no format 'doc'; there is csv, jsonl, parquet, xlsx.",
        ),
        (
            ("export", "data", "--project", "Sings", "--output", "out.csv"),
            "collab: There is no project 'Sings'; there is Signs.",
        ),
        (("report", "Sings"), "collab: There is no project 'Sings'; there is Signs."),
        (
            ("simulate", "signs.csv", "--text", "text", "--label", "mood", "--encoder", "hashing"),
            "collab: signs.csv can't be read: it has no column mood",
        ),
        (("train", "signs.csv", "--label", "mood"), "collab: There is no column 'mood'; there is id, text, sign"),
        (("train", "signs.csv", "--label", "text"), "collab: Nothing can be learned from signs.csv: its column 'text'"),
        (("train", "signs.csv", "--label", "sign", "--epochs", "0"), "collab: epochs is 0; it must be at least 1."),
        (("simulate", "missing.npz"), "collab: missing.npz can't be read: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_sentence_and_ends_with_1(
    collab: Collab, imported: Said, arguments: tuple[str, ...], says: str
) -> None:
    said = collab(*arguments)
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith(says)


def test_what_was_imported_is_exported_with_its_answers_in_the_same_order(
    collab: Collab, imported: Said, table: Path, tmp_path: Path
) -> None:
    assert imported.json == {
        "added": 120, "duplicates": 0, "changed": 0, "rejected": 0, "answers": 120, "answers_left": 0, "unlabeled": 0,
        "language": "en", "rejected_file": "", "columns": ["id", "text", "sign", "weight"],
    }  # fmt: skip
    said = collab("export", "data", "--project", "Signs", "--output", tmp_path / "out.csv", "--json")
    counts = {"rows": 120, "guarded_cells": 0, "altered_cells": 0, "left_out": 0}
    assert said.json == {"file": str(tmp_path / "out.csv"), **counts}
    with table.open(newline="") as given, (tmp_path / "out.csv").open(newline="", encoding="utf-8-sig") as back:
        before, after = list(csv.DictReader(given)), list(csv.DictReader(back))
    assert [{name: row[name] for name in before[0]} for row in after] == before
    assert [row["answer"] for row in after] == [row["sign"] for row in before]


def test_the_same_file_brings_nothing_new_the_second_time(collab: Collab, imported: Said, table: Path) -> None:
    said = collab("import", table, "--project", "Signs", "--id", "id", "--label", "sign")
    assert (said.status, said.out) == (
        0, "0 items added, 120 duplicates, 0 rejected, 120 answers not taken\n",
    )  # fmt: skip
    said = collab("export", "data", "--project", "Signs", "--output", "out.csv")
    assert said.out == "120 rows in out.csv; 120 rows of your files are not among them: duplicates, and rejected ones\n"


def test_an_import_says_why_rows_were_rejected_and_where_all_of_them_are_listed(collab: Collab, tmp_path: Path) -> None:
    (tmp_path / "signs.csv").write_text("text,sign\n" + "some words,a,b\n" * 6 + "good,plus\nbad,minus\n")
    command = ("import", tmp_path / "signs.csv", "--text", "text", "--label", "sign", "--project")
    first, *reasons, last = collab(*command, "Signs").out.splitlines()
    assert (first, len(reasons), reasons[0]) == (
        "2 items added, 0 duplicates, 6 rejected", 5, "  line 2: has 3 cells where the header has 2",
    )  # fmt: skip
    assert last.startswith("All of them are listed in ")
    path = Path(last.removeprefix("All of them are listed in "))
    assert len(path.read_text().splitlines()) == 7
    said = collab(*command, "Other", "--json").json
    assert said["rejected_first"][0] == {"place": "2", "reason": "has 3 cells where the header has 2"}
    assert Path(said["rejected_path"]).read_text() == path.read_text()


@pytest.mark.parametrize(
    ("more", "status"), [(("--answers", "wrong"), 2), (("--on-change", "wrong"), 2), (("--id", "wrong"), 1)]
)
def test_an_import_that_fails_leaves_no_project_behind(
    collab: Collab, table: Path, tmp_path: Path, more: tuple[str, ...], status: int
) -> None:
    arguments = ("import", table, "--project", "Signs", "--text", "text", "--label", "sign")
    assert collab(*arguments, *more).status == status
    assert collab(*arguments, "--json").json["added"] == 120


def test_an_import_that_is_interrupted_leaves_no_project_behind(
    collab: Collab, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.loop.importing.run_import", interrupted)
    collab("import", table, "--project", "Signs", "--text", "text", "--label", "sign")
    store: Store = open_store(tmp_path / "workspace")
    assert store.projects() == ()
    store.close()


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_names_are_shown_as_they_are_written(collab: Collab, table: Path) -> None:
    name = "[b]Signs[/b] [/i]"
    added = collab("import", table, "--project", name, "--text", "text", "--label", "sign", "--encoder", "hashing")
    exported = collab("export", "data", "--project", name, "--output", "[out].csv")
    examined = collab("doctor")
    assert [said.status for said in (added, exported, examined)] == [0, 0, 0]
    assert exported.out.startswith("120 rows in [out].csv")
    assert f"project {name}  120 items" in examined.out


def test_a_report_is_written_as_one_page(collab: Collab, imported: Said, tmp_path: Path) -> None:
    said = collab("report", "Signs")
    assert (said.status, said.out) == (0, "Signs-report.html holds the report.\n")
    page = (tmp_path / "Signs-report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "signs.csv" in page


def test_the_figures_of_a_report_go_to_standard_output_or_to_a_file(
    collab: Collab, imported: Said, tmp_path: Path
) -> None:
    said = collab("report", "Signs", "--json")
    assert said.json["data"]["progress"]["decided"] == 120
    assert collab("report", "Signs", "--json", "--output", "signs.json").status == 0
    written = json.loads((tmp_path / "signs.json").read_text("utf-8"))
    assert written["data"] == said.json["data"]


def test_a_model_is_taken_away_and_says_something_of_a_file(
    collab: Collab, imported: Said, table: Path, tmp_path: Path
) -> None:
    said = collab("export", "model", "Signs")
    assert said.status == 1
    assert "There is nothing to take away yet: label at least two classes" in said.err
    learn(tmp_path / "workspace")
    said = collab("export", "model", "Signs")
    assert said.out.startswith("Model 1.1 is in Signs-model.zip, ")
    assert list((tmp_path / "workspace" / "files" / "exports").iterdir()) == []
    asked = tmp_path / "asked.tsv"
    asked.write_text(f"text\tanswer\n{MOODS[0][1]}\tx\n{MOODS[1][1]}\ty\n\tz\n")
    said = collab("predict", "Signs-model.zip", asked)
    assert said.out == "3 rows in asked-predicted.csv; 1 can't be read, the column error says why.\n"
    with (tmp_path / "asked-predicted.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["answer"], row["collab_answer"]) for row in rows] == [
        ("2", "x", "plus"), ("3", "y", "minus"), ("4", "z", ""),
    ]  # fmt: skip
    assert float(rows[0]["probability: plus"]) > 0.5
    assert collab("predict", "Signs-model.zip", asked, "--to", "out.parquet", "--json").json == {
        "file": "out.parquet", "rows": 3, "errors": 1, "as_in_the_app": True,
    }  # fmt: skip
    assert "There is no format 'xlsx'" in collab("predict", "Signs-model.zip", asked, "--to", "out.xlsx").err
    assert "it has no column text" in collab("predict", "Signs-model.zip", ROOT / "data" / "penguins.csv").err


def learn(workspace: Path) -> None:
    """Do what the worker does: read the items, and learn from their answers."""
    store: Store = open_store(workspace)
    (project,) = store.projects()
    encode_items(store, project, encoder_of("hashing"), lambda *_: False)
    learner = Learner(store, project.id, encoder_of("hashing"))
    learner.take_in()
    learner.round(1_700_000_000_000)
    store.close()


SIMULATE = ("--text", "text", "--label", "sign", "--encoder", "hashing", "--budget", "20", "--jobs", "1")


@pytest.mark.slow
def test_simulate_tells_how_fast_an_oracle_teaches(collab: Collab, table: Path) -> None:
    said = collab("simulate", table, *SIMULATE, "--strategy", "random", "--seeds", "2", "--json")
    result = json.loads(said.out)
    assert said.status == 0
    assert [(p["strategy"], p["seed"], p["round"], p["labels"]) for p in result["points"]] == [
        ("random", 0, 1, 10), ("random", 0, 2, 20), ("random", 1, 1, 10), ("random", 1, 2, 20),
    ]  # fmt: skip
    assert (result["pool"], result["test"], result["classes"]) == (90, 30, ["minus", "plus"])
    assert min(result["full_accuracy"], result["summary"]["curves"][0]["accuracy"][-1]) > 0.9


@pytest.mark.slow
def test_simulate_keeps_its_result_and_a_picture_in_a_folder(collab: Collab, table: Path, tmp_path: Path) -> None:
    arguments = ("simulate", table, *SIMULATE, "--strategy", "margin", "--strategy", "random", "--seeds", "1")
    first, again = (collab(*arguments, "--out", "out") for _ in range(2))
    assert (first.status, first.out, again.err) == (0, again.out, "")
    assert [word in first.out for word in ("signs.csv", "more than random", "margin", "all 90")] == [True] * 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "curves.png", "curves.svg", "full.json", "margin-0.json", "random-0.json", "result.json", "task.json",
    ]  # fmt: skip


@pytest.fixture
def scales(tmp_path: Path) -> Path:
    path = tmp_path / "scales.tsv"
    lines = (f"{10 * (n % 2) + n % 7}\t{'lh'[n % 2]}ard\t{('light', '[heavy]')[n % 2]}" for n in range(80))
    path.write_text("\n".join(["weight\tfeel\tkind", *lines]))
    return path


def test_train_tells_the_loss_of_every_epoch_and_how_good_each_class_is(collab: Collab, scales: Path) -> None:
    recipe = ("--hidden", "10", "--optimizer", "adam", "--loss", "cross-entropy", "--epochs", "10", "--batch", "64")
    said = collab("train", scales, "--label", "kind", *recipe)
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[:2] == ["80 of 80 rows are used.", "Numbers: weight."]
    assert [line.split("  loss ")[0] for line in lines if line.startswith("epoch")] == [
        f"epoch {number:2}/10" for number in range(1, 11)
    ]
    assert [line.split()[0] for line in lines if "100.0 (" in line] == ["[heavy]", "light", "accuracy"]
    assert lines[-1] == "accuracy 100.0 (83-100) on 20 rows; always the most frequent class: 50.0"


def test_train_learns_classes_by_the_squared_error(collab: Collab, scales: Path) -> None:
    said = collab("train", scales, "--label", "kind", "--loss", "mse", "--batch", "8")
    assert said.status == 0
    assert "\nkind is taken for 2 classes: 1 for the class of a row, 0 for each other one.\n" in said.out
    assert said.out.splitlines()[-1] == "accuracy 100.0 (83-100) on 20 rows; always the most frequent class: 50.0"


def test_train_refuses_an_amount_as_classes_and_says_which_loss_is_for_it(collab: Collab, tmp_path: Path) -> None:
    path = tmp_path / "birds.csv"
    path.write_text("wing,mass\n" + "".join(f"{180 + n % 40},{3000 + 25 * (n % 60)}\n" for n in range(240)))
    said = collab("train", path, "--label", "mass")
    assert (said.status, said.out) == (1, "")
    assert "its column 'mass' holds 60 different numbers; for a number use the loss mse (--loss mse)." in said.err


def test_train_estimates_numbers_under_the_squared_error(collab: Collab, scales: Path) -> None:
    said = collab("train", scales, "--label", "weight", "--loss", "mse", "--hidden", "8,4", "--optimizer", "adamw")
    assert said.status == 0
    assert "\nweight is taken for a number to estimate; the loss is in squared" in said.out
    assert "\nweight: mean absolute error " in said.out
    assert "on 20 rows held out; always the median: " in said.out


def test_train_puts_json_on_standard_output_and_the_losses_beside_it(collab: Collab, scales: Path) -> None:
    arguments = ("train", scales, "--label", "kind", "--hidden", "0", "--epochs", "2", "--column", "weight", "--json")
    said, again = collab(*arguments), collab(*arguments)
    assert (said.json["recipe"]["hidden"], said.json["inputs"], len(said.json["epochs"])) == ([], 1, 2)
    assert "epoch 2/2  loss " in said.err
    assert again.out == said.out


def test_doctor_finds_a_healthy_workspace_sound(collab: Collab, imported: Said) -> None:
    said = collab("doctor", "--json")
    result = json.loads(said.out)
    assert (said.status, result["fine"]) == (0, True)
    assert result["checks"]["database"].endswith("is sound, every event chain unbroken")
    assert result["checks"]["project Signs"].startswith("120 items,")
    assert result["checks"]["encoder hashing"] == "384 features, texts of any length"
    assert result["checks"]["features of Signs"] == "0 of 120 items have them"
    assert [name in result["checks"]["versions"] for name in ("Python", "collab", "torch", "sqlalchemy")] == [True] * 4


def test_doctor_counts_the_features_that_fit_and_finds_damaged_ones(
    collab: Collab, imported: Said, tmp_path: Path
) -> None:
    store: Store = open_store(tmp_path / "workspace")
    (project,) = store.projects()
    encode_items(store, project, encoder_of("hashing"), lambda *_: False)
    store.close()
    assert collab("doctor", "--json").json["checks"]["features of Signs"] == "120 of 120 items have them"
    (rows,) = (tmp_path / "workspace" / "features").rglob("rows.f32")
    rows.write_bytes(rows.read_bytes()[:100])
    said = collab("doctor", "--json")
    assert said.status == 1
    assert said.json["checks"]["features of Signs"].startswith("damaged")


def test_a_backup_is_made_restored_and_found_sound(collab: Collab, imported: Said, tmp_path: Path) -> None:
    made = collab("backup", "--to", "kept.zip", "--json")
    assert (made.status, made.json["projects"], made.json["left_out"]) == (
        0, 1, ["features", "uploads", "jobs", "exports"],
    )  # fmt: skip
    assert (tmp_path / "kept.zip").stat().st_size == made.json["size"]
    restored = collab("restore", "kept.zip", "--workspace", "again")
    assert restored.out.startswith("again is as it was on ")
    assert "1 projects with " in restored.out
    examined = collab("doctor", "--workspace", "again")
    assert examined.status == 0
    assert "ok       states of Signs  what the log gives" in examined.out
    refused = collab("restore", "kept.zip", "--workspace", "again")
    assert (refused.status, "isn't empty" in refused.err) == (1, True)


def test_doctor_names_a_damaged_database_and_ends_with_1(collab: Collab, imported: Said, tmp_path: Path) -> None:
    with (tmp_path / "workspace" / "collab.db").open("r+b") as file:
        file.write(b"no database at all")
    said = collab("doctor")
    assert said.status == 1
    assert "is damaged" in said.out
    assert "put a backup in its place" in said.out


def test_demo_lists_what_there_is_and_makes_a_second_one_beside_the_first(collab: Collab, tmp_path: Path) -> None:
    assert [line.split(":")[0] for line in collab("demo", "--list").out.splitlines()] == list(DEMOS)
    for _ in range(2):
        assert collab("demo", "penguins", "--no-serve").out == "Project Penguins holds 344 items.\n"
    store: Store = open_store(tmp_path / "workspace")
    (project,) = store.projects()
    assert Counter(store.truth(project.id).values()) == {("Adelie",): 152, ("Gentoo",): 124, ("Chinstrap",): 68}
    store.close()
    assert f"There is no demo 'whales'; there is {', '.join(DEMOS)}." in collab("demo", "whales", "--no-serve").err


def test_simulate_learns_from_numbers_and_categories(collab: Collab) -> None:
    fields = ("island:category", "bill_length_mm:number", "bill_depth_mm:number", "sex:category")
    asked = [part for each in fields for part in ("--field", each)]
    said = collab(
        "simulate",
        ROOT / "data" / "penguins.csv",
        *asked,
        "--label",
        "species",
        "--budget",
        "40",
        "--seeds",
        "1",
        "--json",
    )
    assert json.loads(said.out)["points"][-1]["accuracy"] > 0.9


def test_demo_makes_a_project_of_tweets(collab: Collab, tmp_path: Path) -> None:
    said = collab("demo", "--no-serve")
    assert (said.status, said.out) == (0, "Project Tweets holds 4,200 items.\n")
    store: Store = open_store(tmp_path / "workspace")
    assert [(p.name, p.demo) for p in store.projects()] == [("Tweets", True)]
    store.close()


@pytest.mark.slow
def test_the_program_ends_with_the_status_that_it_says(tmp_path: Path) -> None:
    missing = command(
        "export", "data", "--project", "Signs", "--output", "out.csv", "--workspace", tmp_path / "workspace"
    )
    ended = subprocess.run(missing, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60)
    said = f"collab: There is no workspace '{tmp_path / 'workspace'}'.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)
    assert not (tmp_path / "workspace").exists()


def test_tune_trains_in_the_foreground_and_says_what_became_of_it(collab: Collab, table: Path, tmp_path: Path) -> None:
    tiny = tiny_text(tmp_path)
    asked = ("--project", "Signs", "--text", "text", "--id", "id", "--label", "sign", "--encoder", tiny)
    assert collab("import", table, *asked).status == 0
    done = collab("tune", "Signs", "--method", "full", "--epochs", "1")
    assert done.status == 0
    assert "training, step " in done.err
    assert done.out.startswith("Version 2 is kept as a candidate: there are fewer than 10 audits of each import")
    store: Store = open_store(tmp_path / "workspace")
    assert [m.status for m in store.models(1)] == ["candidate", "champion"]
    store.close()


def test_tune_says_what_it_cannot_train(collab: Collab, imported: Said) -> None:
    assert imported.status == 0
    said = collab("tune", "Signs")
    assert said.status == 1
    assert "its encoder 'hashing' has no weights that can be fine-tuned" in said.err
