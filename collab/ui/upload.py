"""Take a file in: uploaded, or by its path on the server; look at it once and say what is wrong with it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import streamlit as st

from collab.domain.table import PICTURES, Rejected, Table
from collab.errors import UnreadableFile
from collab.loop import founding
from collab.loop.planning import ImportPlan
from collab.loop.reading import rows, sniff
from collab.ui import session
from collab.ui.pieces import plain
from collab.ui.sentences import sentence
from collab.ui.words import word

SUFFIXES = ("csv", "tsv", "txt", "jsonl", "ndjson", "parquet", "xlsx", "gz", "zip")
PREVIEW = 20
CHECKED = 2000
"""Rows that a first look checks for ones that can't be taken."""
LOOKS = 8
"""What a session remembers of files."""

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that a person brought."""

    path: Path
    name: str
    """What the person calls it."""
    uploaded: bool = False
    """A copy in the workspace, which nobody needs after its import."""

    def payload(self, plan: ImportPlan) -> dict[str, Any]:
        """The import of it, as a job carries it."""
        return {"path": str(self.path), "source": self.name, "uploaded": self.uploaded, "plan": asdict(plan)}


def ask_for_file(key: str) -> Brought | None:
    """Ask for a file, uploaded or on the server; there it may be a folder of pictures."""
    upload = st.file_uploader(word("data.file"), type=list(SUFFIXES), key=f"{key}-upload")
    if upload is not None:
        seen = st.session_state.get(f"{key}-seen")
        if seen is None or seen[0] != upload.file_id:  # a rerun holds the same upload: keep it once
            brought = Brought(keep_upload(upload.name, upload), upload.name, uploaded=True)
            st.session_state[f"{key}-seen"] = seen = (upload.file_id, brought)
        kept: Brought = seen[1]
        return kept
    if not session.at_this_machine():
        return None
    with st.expander(word("data.on_server")):
        typed = st.text_input(word("data.path"), key=f"{key}-path", placeholder="/data/tickets.parquet").strip()
    if not typed:
        return None
    path = Path(typed).expanduser()
    if not path.exists():
        raise UnreadableFile(typed, word("data.no_such_file"))
    return Brought(path, path.name)


def keep_upload(name: str, file: IO[bytes]) -> Path:
    """Write an upload into the workspace."""
    return founding.keep_upload(session.desk(), name, _chunks(file))


def is_upload(path: Path) -> bool:
    """Whether it is a copy in the workspace, without what lay beside the file."""
    return founding.is_upload(session.desk(), path)


def look(path: Path, name: str, *, encoding: str = "", delimiter: str = "") -> Table:
    """A first look at a file, under the name that the person knows it by."""
    try:
        return _once(("look", encoding, delimiter), path, lambda: sniff(path, encoding=encoding, delimiter=delimiter))
    except UnreadableFile as error:
        raise UnreadableFile(name, error.reason) from error


def show_preview(table: Table) -> None:
    """Draw the first rows, and what of the file can't be taken."""
    st.caption(word("data.preview"))  # and room for the table's own buttons, which float above it
    st.dataframe(
        [dict(cells) for cells in table.sample[:PREVIEW]],
        height=260 if len(table.sample) > 6 else "auto",
        width="stretch",
    )
    show_rejected(table)
    for _, was, now in table.renamed:
        st.caption(word("data.renamed", was=plain(was) or "–", now=plain(now)))
    if table.left_out:
        st.caption(word("data.left_out", names=plain(", ".join(table.left_out))))


def show_rejected(table: Table) -> None:
    """Draw the rows among the first ones that can't be taken, where there are some."""
    reading = ("rows", table.encoding, table.delimiter)
    looked_at = _once(reading, table.path, lambda: list(itertools.islice(rows(table), CHECKED)))
    rejected = [row for row in looked_at if isinstance(row, Rejected)]
    if rejected:
        st.warning(word("data.rejected", n=len(rejected), looked=f"{len(looked_at):,}"), icon=":material/rule:")
        named = table.format == PICTURES
        st.dataframe(
            [
                {word("data.file_name"): r.raw, word("data.reason"): sentence(r.reason)}
                if named
                else {word("data.line"): r.line, word("data.reason"): sentence(r.reason), word("data.row"): r.raw}
                for r in rejected
            ],
            height=160 if len(rejected) > 3 else "auto", width="stretch",
        )  # fmt: skip


def _once(what: tuple[str, ...], path: Path, make: Callable[[], Made]) -> Made:
    """What was found in a file as it is now: a page is drawn anew with every click, and a large archive takes long."""
    try:
        stat = path.stat()
    except OSError:
        return make()  # it says what is wrong
    key = (*what, str(path), stat.st_mtime_ns, stat.st_size)
    found: dict[tuple[object, ...], Any] = st.session_state.setdefault("looks", {})
    if key not in found:
        while len(found) >= LOOKS:
            del found[next(iter(found))]
        found[key] = make()
    made: Made = found[key]
    return made


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    yield from iter(lambda: file.read(1 << 20), b"")
