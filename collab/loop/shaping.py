"""Shape a file's row into an item: typed fields, digest, audit rank, answer."""

import html
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any

from collab.domain.project import NONE, Answer, LabelSchema, Project, folded
from collab.domain.store import NewItem
from collab.domain.table import RAW_LIMIT, Cells, Rejected
from collab.loop.guessing import MISSING
from collab.loop.planning import Comma, ImportPlan

NOTHING = "none"


class Shaper:
    """Shapes row after row, and counts the answers that came along."""

    def __init__(
        self, plan: ImportPlan, project: Project, rows_before: int = 0, with_commas: Collection[str] = ()
    ) -> None:
        """Take up a file.

        Args:
            plan: What people confirmed.
            project: Whose items they become.
            rows_before: Of earlier files.
            with_commas: Columns of numbers to which the plan's comma applies; any other with a comma is none.
        """
        self._plan, self._schema, self._rows_before = plan, project.schema, rows_before
        self._content = [(f.name, f.kind) for f in plan.fields if f.shown or f.encoded]
        self._commas: dict[str, Comma] = dict.fromkeys(with_commas, plan.comma)
        held_back = [plan.answer_column] if plan.answers == "truth" else []
        self._no_meta = frozenset([*(name for name, _ in self._content), *held_back])
        self._encoded = [f.name for f in plan.fields if f.encoded]
        self._salt = project.salt.encode()
        self._known: dict[str, Answer | None] = {}
        self.answers = 0
        self.unlabeled = 0
        """Rows whose answer names no class, taken without it."""

    def shape(self, line: int, number: int, cells: Cells, images: Mapping[str, str]) -> NewItem | Rejected:
        """Make an item of a row.

        Args:
            line: Where the row begins in its file.
            number: Which row of the file it is, from 1.
            cells: Its values by column.
            images: Names of its stored pictures by field.
        """
        fields: dict[str, Any] = {}
        no_meta, commas = self._no_meta, self._commas
        meta = {name: value for name, value in cells.items() if name not in no_meta}
        for name, kind in self._content:
            given = cells.get(name)
            try:
                value: Any = number_of(given, commas.get(name, "")) if kind == "number" else self._text(given)
            except ValueError:
                return _rejected(line, f"{name} is {given!r}, which is no number", cells)
            if kind == "image":
                value, given = images[name], self._path(given, cells)
            fields[name] = value
            if value is not given and (type(value) is not type(given) or value != given) and name in cells:
                meta[name] = given  # the export gives back what the file said
        if not [name for name in self._encoded if fields[name] not in ("", None)]:
            return _rejected(line, f"{' and '.join(self._encoded)}: nothing is there to label", cells)
        ref = str(self._rows_before + number)
        if self._plan.id_column and not (ref := _word(cells.get(self._plan.id_column))):
            return _rejected(line, f"{self._plan.id_column} is empty; every row needs its id", cells)
        content = "\x1f".join([f"{name}\x1e{fields[name]}" for name, _ in self._content])
        if "\0" in content or "\0" in ref:
            return _rejected(line, "has NUL bytes", cells)
        digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        rank = audit_rank(digest, self._salt)
        if self._plan.answers == "nothing" or not (said := _listed(cells.get(self._plan.answer_column))):
            return NewItem(ref, fields, digest, rank, meta, line=line)
        return self._answered(line, cells, NewItem(ref, fields, digest, rank, meta, line=line), said)

    def _answered(self, line: int, cells: Cells, item: NewItem, said: str) -> NewItem | Rejected:
        if said not in self._known:
            self._known[said] = self._answer(said)
        answer = self._known[said]
        if answer is None:
            if self._plan.unknown_answers == "reject":
                return _rejected(line, f"{said!r} is no class of this project", cells)
            self.unlabeled += 1
            return item
        annotator = _word(cells.get(self._plan.annotator_column)) if self._plan.annotator_column else ""
        if self._plan.answers == "annotations" and not annotator:
            return _rejected(line, f"{self._plan.annotator_column} is empty; an annotation needs its annotator", cells)
        self.answers += 1
        return replace(item, answer=answer, annotator=annotator)

    def _answer(self, said: str) -> Answer | None:
        """The classes that a cell names, in their order; None: one of them is none, or is retired."""
        if not self._schema.many:
            one = self._class(said)
            return None if one is None else (one,)
        if (words := several_in(said, self._schema)) is None:
            return None
        found = [self._class(word) for word in words]
        if None in found:
            return None
        order = [c.id for c in self._schema.classes]
        return tuple(sorted({each for each in found if each is not None}, key=order.index)) or (NONE,)

    def _class(self, said: str) -> str | None:
        """Id of the class that a value names, merges followed; None for a retired one."""
        named = self._schema.named(said)
        if named is None:
            return None
        resolved = self._schema.resolve(named)
        return None if self._schema[resolved].retired else resolved

    def _path(self, given: Any, cells: Cells) -> Any:
        """The path of a picture as it is kept: without its folders where one of them is the answer held back."""
        if self._plan.answers != "truth" or not isinstance(given, str):
            return given
        path, said = PurePosixPath(given), _word(cells.get(self._plan.answer_column))
        return path.name if said in path.parts[:-1] else given

    def _text(self, given: Any) -> str:
        if not isinstance(given, str):
            return "" if given is None else json.dumps(given, ensure_ascii=False)
        return html.unescape(given) if self._plan.unescape and "&" in given else given


def several_in(said: str, schema: LabelSchema) -> list[str] | None:
    """The names of classes in a cell that may name any number of them; None: it is no such list.

    They are a JSON list, or divided by ";", "|" or by commas that don't belong to the name of a class. "[]", "∅" and
    "none" name none of them, unless a class is called so.

    >>> from collab.domain.project import classes_from_names
    >>> schema = LabelSchema("Which?", classes_from_names(("a", "b")), task="multi label")
    >>> several_in("a; b,a", schema), several_in('["b"]', schema), several_in("none", schema)
    (['a', 'b', 'a'], ['b'], [])
    """
    if schema.named(said) is not None:
        return [said]
    if said.startswith("["):
        try:
            listed = json.loads(said)
        except ValueError:
            return None
        return [str(each).strip() for each in listed if str(each).strip() != NONE]
    if said == NONE or said.lower() == NOTHING:
        return []
    most = 1 + max(text.count(",") for c in schema.classes for text in (c.id, c.name))
    return [word for part in re.split("[;|]", said) for word in _by_commas(part, schema, most) if word]


def _by_commas(part: str, schema: LabelSchema, most: int) -> Iterator[str]:
    """Divide by commas, but for names of classes that have up to `most - 1` of them: the longest such name is taken."""
    pieces = part.split(",")
    while pieces:
        joined = (n for n in range(min(most, len(pieces)), 1, -1) if schema.named(",".join(pieces[:n]).strip()))
        n = next(joined, 1)
        yield ",".join(pieces[:n]).strip()
        pieces = pieces[n:]


def names_in(said: str, *, commas: bool = False) -> list[str]:
    """What a cell names that may name any number of classes, while nobody has said which there are.

    Commas divide only where they are said to, for they may belong to a name.

    >>> names_in("a; b, c|a"), names_in('["b"]'), names_in("none")
    (['a', 'b, c'], ['b'], [])
    """
    try:
        read = json.loads(said)
    except ValueError:
        read = None
    if isinstance(read, list):
        parts = [str(part) for part in read]
    else:
        parts = [] if said.strip().lower() == NOTHING else re.split("[;|,]" if commas else "[;|]", said)
    return list(dict.fromkeys(name for part in parts if (name := part.strip()) and name != NONE))


def commas_divide(cells: Collection[str]) -> bool:
    """Whether commas divide the names in different cells of a column, rather than belong to them.

    Where nothing else divides names, one that comes again beside another says so. Where ";" or "|" do as well, more
    than half of what has commas must be made of names that also stand elsewhere.

    >>> commas_divide(["rain, sun", "sun"]), commas_divide(["Roe, Jane", "Doe, John"]), commas_divide(["a, b; c", "a"])
    (True, False, False)
    >>> commas_divide(["fog, sun", "sun; rain", "fog"]), commas_divide(["Roe, Jane; Doe, John", "Roe, Jane"])
    (True, False)
    """
    whole = [names_in(cell) for cell in cells]
    parts = {part: names_in(part, commas=True) for names in whole for part in names}
    said = Counter(folded(name) for names in parts.values() for name in names)
    known = [[said[folded(name)] > 1 for name in names] for names in parts.values() if len(names) > 1]
    if all(len(names) < 2 for names in whole):
        return any(map(any, known))
    return 2 * sum(map(all, known)) > len(known)


def audit_rank(digest: str, salt: bytes) -> float:
    """Place an item in the order of audits: uniform in [0, 1), and not to be computed without the project's salt."""
    hashed = blake2b(digest.encode(), digest_size=8, key=salt).digest()
    return (int.from_bytes(hashed, "big") >> 11) / (1 << 53)


def number_of(given: Any, comma: Comma = "") -> float | int | None:
    """A cell as a number; None where it is empty or says that nothing is known.

    >>> number_of("3,5", "point"), number_of("1,234.5", "thousands"), number_of(" NA ")
    (3.5, 1234.5, None)

    Raises:
        ValueError: It is no number.
    """
    if given is None or isinstance(given, int | float):
        return given
    text = str(given).strip()
    if text.lower() in MISSING:
        return None
    if comma == "point":  # the point, then, divides thousands
        whole, divider, part = text.partition(",")
        text = _grouped(whole, ".") + (divider and f".{part}")
    elif comma == "thousands":
        whole, point, part = text.partition(".")
        text = _grouped(whole, ",") + point + part
    if "_" in text:  # Python's own dividers are nobody's
        raise ValueError(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(text) if text.isdecimal() and number < 1 << 53 else number


def _grouped(whole: str, divider: str) -> str:
    """Digits without the dividers between groups of three."""
    first, *groups = whole.split(divider)
    lead = first.lstrip("+-")
    if any(len(group) != 3 for group in groups) or (groups and (not 1 <= len(lead) <= 3 or lead[0] == "0")):
        raise ValueError(whole)
    return first + "".join(groups)


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _listed(value: Any) -> str:
    """The same of an answer, which some formats give as a list of classes."""
    return json.dumps(list(value), ensure_ascii=False) if isinstance(value, list | tuple) else _word(value)


def _rejected(line: int, reason: str, cells: Cells) -> Rejected:
    return Rejected(line, reason, json.dumps(cells, ensure_ascii=False, default=str)[:RAW_LIMIT])
