"""Privacy on the command line: personal columns, erasing, the access log, retention, deleted projects."""

from pathlib import Path

import pytest

from collab.storage.database import open_store
from tests.test_cli import Collab, Said, collab, table  # noqa: F401  # fixtures


@pytest.fixture
def private(collab: Collab, table: Path) -> Said:  # noqa: F811  # the fixture of that name
    return collab(
        "import", table, "--project", "Signs", "--text", "text", "--id", "id", "--label", "sign",
        "--encoder", "hashing", "--personal", "weight", "--personal", "id", "--json",
    )  # fmt: skip


def test_personal_columns_are_left_out_unless_asked_for(collab: Collab, private: Said) -> None:  # noqa: F811
    assert private.status == 0
    for more, heads in (((), "text,sign,"), (("--with-personal",), "id,text,sign,weight,")):
        said = collab("export", "data", "--project", "Signs", "--output", "out.csv", *more)
        assert Path("out.csv").read_text().startswith(heads)
        assert ("without id, weight, which is personal" in said.out) == (not more)
    unknown = collab("import", "signs.csv", "--project", "Signs", "--personal", "shoe")
    assert (unknown.status, "no column 'shoe'" in unknown.err) == (1, True)


def test_an_item_and_a_person_are_erased_and_the_doctor_is_content(collab: Collab, private: Said) -> None:  # noqa: F811
    assert collab("erase", "item", "Signs", "S-3").status == 1  # nobody could say that they are sure
    said = collab("erase", "item", "Signs", "S-3", "--yes")
    assert (said.status, "Item S-3 is erased 4 now" in said.out, "Backups made before" in said.out) == (0, True, True)
    assert collab("erase", "item", "Signs", "S-3", "--yes").status == 1
    assert collab("erase", "item", "Signs", "#5", "--yes").status == 0
    store = open_store(Path("workspace"))
    store.add_annotator("Zoe")
    store.close()
    assert "Zoe is erased 1 now" in collab("erase", "person", "Zoe", "--yes").out
    assert collab("erase", "person", "Zoe", "--yes").status == 1
    doctor = collab("doctor", "--json").json
    assert doctor["problems"] == {}  # type: ignore[index]  # JSON
    assert doctor["checks"]["erased"] == "2 items of Signs, 1 people"  # type: ignore[index]  # JSON


def test_the_log_says_what_was_taken_away(collab: Collab, private: Said) -> None:  # noqa: F811
    collab("report", "Signs")
    assert "export report in Signs" in collab("log", "--act", "export").out
    assert collab("log", "--person", "nobody").out == ""
    assert collab("log", "--day", "1999-01-31").out == ""
    assert collab("log", "--act", "steal").status == 1
    assert collab("log", "--csv", "log.csv").status == 0
    assert Path("log.csv").read_text().startswith("number,at,person")


def test_a_deleted_project_comes_back_or_is_purged(collab: Collab, private: Said) -> None:  # noqa: F811
    store = open_store(Path("workspace"))
    store.delete_project(1, 1_700_000_000_000)
    store.close()
    assert "kept; `collab undelete` has it back" in collab("retention").out
    assert "purged after 30 days" in collab("retention", "--deleted", "30").out
    assert collab("undelete", "Signs").status == 0
    assert collab("purge", "Signs", "--yes").status == 1
    store = open_store(Path("workspace"))
    store.delete_project(1, 1_700_000_000_000)
    store.close()
    assert collab("purge", "Signs", "--yes").status == 0
    assert collab("undelete", "Signs").status == 1
    assert collab("doctor", "--json").json["problems"] == {}  # type: ignore[index]  # JSON
