"""Guess what the columns of a table are for, which classes one holds, and in which language the text is written.

Guesses are shown and edited by people before anything is imported.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from collab.domain.media import IMAGE_SUFFIXES
from collab.domain.project import FieldKind, folded
from collab.domain.table import PICTURE_COLUMNS, PICTURES, Rejected, Table
from collab.loop.reading import may_be_picture, rows

ColumnRole = Literal["both", "shown", "encoded", "id", "metadata", "answer", "annotator"]
MOST_CLASSES = 50
MOST_GUESSED = 100
"""Columns of a table that are taken for its content; the others are kept beside it until somebody says otherwise."""
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none"))
"""What stands in a column of numbers where there is none, in lower case."""

_ID = re.compile(r"(^|[_\s.-])(id|uid|uuid|guid|key|index|nr|no)$|^编号$|^序号$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PERSONAL = re.compile(
    r"(^|[_\s.-])(name|firstname|lastname|fullname|surname|username|patient|person|customer|client|e-?mail|phone"
    r"|telephone|mobile|address|street|birth|birthday|birthdate|dob|ssn|passport)([_\s.-]|$)"
    r"|姓名|名字|患者|病人|客户|邮箱|电话|手机|地址|住址|生日|出生|身份证|护照",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"(^|[_\s.-])(label|class|category|target|sentiment|answer|gold|truth|y|topic|intent|rating)$|^标签$|^类别$|^分类$|^情感$",
    re.IGNORECASE,
)
_ANNOTATOR = re.compile(
    r"^(annotator|rater|coder|labell?er|worker|(annotated|labell?ed|rated|coded)[_\s]by)([_\s]?(id|name))?$|^标注者$",
    re.IGNORECASE,
)
_TEXT = re.compile(
    r"(^|[_\s.-])(text|body|content|comment|review|tweet|message|sentence|document|abstract)$|^文本$|^内容$|^评论$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What a column seems to be."""

    name: str
    kind: FieldKind
    role: ColumnRole
    why: str
    """Key of the sentence that says why: "named so", "longest text", "long text", "all different", "few values",
    "numbers", "many columns", "pictures", "folders" or "the rest"."""
    unit: str = ""
    """What its numbers are counted in, where its name says so."""
    personal: bool = False
    """Whether it may tell who somebody is."""


def guess(table: Table) -> list[ColumnGuess]:
    """Guess kind and role of each column from its name and the sample.

    One column at most becomes the id, one the answer, one the annotator. Where another is text, the encoder reads that;
    in a table without, it reads numbers and categories, but for columns of which every row has its own value. It reads
    pictures wherever there are some.
    """
    if table.format == PICTURES:
        return _guess_pictures(table)
    values = {name: [_word(cells.get(name)) for cells in table.sample] for name in table.columns}
    kinds = {name: _kind(column) for name, column in values.items()}
    nested = {name for cells in table.sample for name, value in cells.items() if isinstance(value, list | dict)}
    free = list(table.columns)
    found: dict[str, tuple[ColumnRole, str]] = {}

    def take(role: ColumnRole, why: str, name: str | None) -> None:
        if name is not None and len(free) > 1:
            free.remove(name)
            found[name] = (role, why)

    for name in [n for n in free if kinds[n] == "image"]:
        free.remove(name)
        found[name] = ("both", "pictures")
    if not free:
        return [ColumnGuess(name, kinds[name], *found[name]) for name in table.columns]
    take("annotator", "named so", next((n for n in free if _ANNOTATOR.search(n)), None))
    take("answer", "named so", next((n for n in free if _ANSWER.search(n) and _is_class(values[n])), None))
    take("id", "named so", next((n for n in free if named_like_an_id(n) and _all_different(values[n])), None))
    if "id" not in (role for role, _ in found.values()):
        first = free[0]  # a date or an address further on may differ in every row too
        is_code = kinds[first] == "text" and _all_different(values[first]) and not any(map(_spaced, values[first]))
        others = [n for n in free if n != first and kinds[n] == "text"]
        take("id", "all different", first if is_code and others else None)
    lengths = {
        n: _mean_length(values[n]) * (4 if _TEXT.search(n) else 1)
        for n in free
        if kinds[n] != "number" and n not in nested
    }
    longest = max(lengths or dict.fromkeys(free, 0.0), key=lambda n: lengths.get(n, 0.0))
    if _is_table(free, longest, kinds, values):
        _take_table(free, kinds, found)
        free = []
    for name in free:
        if name == longest:
            found[name], kinds[name] = ("both", "longest text"), "text"
        elif kinds[name] == "text" and 4 * lengths.get(name, 0.0) >= lengths[longest]:
            found[name] = ("both", "long text")
        else:
            why = {"number": "numbers", "category": "few values"}.get(kinds[name], "the rest")
            found[name] = ("metadata", why)
    return [
        ColumnGuess(name, kinds[name], *found[name], unit_of(name) if kinds[name] == "number" else "")
        for name in table.columns
    ]


def unit_of(column: str) -> str:
    """The unit that the name of a column ends in; "" where it ends in none.

    >>> [unit_of(name) for name in ("bill_length_mm", "body mass (g)", "speed [km/h]", "humidity %", "name")]
    ['mm', 'g', 'km/h', '%', '']
    """
    bracketed = _BRACKETED.search(column)
    if bracketed:
        return bracketed[1].strip()
    last = re.split(r"[_\s]", column.strip())[-1]
    return "%" if column.strip().endswith("%") else last if _UNIT.fullmatch(last) and last != column.strip() else ""


def _guess_pictures(table: Table) -> list[ColumnGuess]:
    """The columns of a folder: its folders may be the classes."""
    image, folder, file = PICTURE_COLUMNS
    folders = {cells[folder] for cells in table.sample}
    answers = 2 <= len(folders) <= MOST_CLASSES
    return [
        ColumnGuess(image, "image", "both", "pictures"),
        ColumnGuess(folder, "category", "answer" if answers else "metadata", "folders" if answers else "the rest"),
        ColumnGuess(file, "text", "metadata", "the rest"),
    ]


def named_like_an_id(column: str) -> bool:
    """Whether the name of a column says that it numbers the rows."""
    return _ID.search(column) is not None


def called_personal(column: str) -> bool:
    """Whether a column is called as one that tells who somebody is.

    >>> [called_personal(c) for c in ("Patient name", "e-mail", "lastName", "姓名", "filename", "size")]
    [True, True, True, True, False, False]
    """
    return _PERSONAL.search(_CAMEL.sub("_", column)) is not None


def commas_in(table: Table, column: str) -> list[str]:
    """The numbers of a column's sample that are written with a comma."""
    words = (_word(cells.get(column)) for cells in table.sample)
    return [word for word in words if "," in word and _COMMA.fullmatch(word)]


def classes_in(table: Table, column: str, limit: int = 200) -> Counter[str]:
    """Count the values of a column over the whole file; stops once there are more than `limit` different ones.

    Of a folder or an archive of pictures, only files count that are called like pictures; none is looked into.
    """
    counts: Counter[str] = Counter()
    for row in rows(table):
        if isinstance(row, Rejected) or (table.format == PICTURES and not may_be_picture(row[1][PICTURE_COLUMNS[0]])):
            continue
        if value := _word(row[1].get(column)):
            counts[value] += 1
            if len(counts) > limit:
                break
    return counts


def spelled_once(counts: Counter[str]) -> Counter[str]:
    """Count spellings that differ by case or width as one, the most frequent of them: an import knows no case either.

    >>> spelled_once(Counter({"Sun": 1, "sun": 2}))
    Counter({'sun': 3})
    """
    spelled: dict[str, str] = {}
    merged: Counter[str] = Counter()
    for name, n in counts.most_common():
        merged[spelled.setdefault(folded(name), name)] += n
    return merged


_SCRIPTS = {
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u3400-\u9fff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f]"),
}
_STOP_WORDS = {
    "en": [
        "the",
        "and",
        "is",
        "to",
        "of",
        "it",
        "in",
        "that",
        "was",
        "for",
        "you",
        "with",
        "this",
        "are",
        "not",
        "i",
        "my",
    ],
    "de": [
        "der",
        "die",
        "und",
        "das",
        "ist",
        "nicht",
        "ich",
        "ein",
        "eine",
        "zu",
        "mit",
        "es",
        "auf",
        "den",
        "sie",
        "war",
    ],
    "fr": ["le", "la", "les", "et", "est", "un", "une", "des", "pas", "je", "pour", "que", "dans", "ce", "il", "du"],
    "es": ["el", "los", "las", "y", "es", "un", "una", "no", "que", "por", "para", "con", "del", "muy", "lo", "se"],
    "pt": ["o", "os", "e", "é", "um", "uma", "não", "que", "para", "com", "do", "da", "muito", "em", "eu", "no"],
    "it": ["il", "gli", "e", "è", "un", "una", "non", "che", "per", "con", "di", "del", "molto", "sono", "mi", "lo"],
}


def language_of(texts: Iterable[str]) -> str:
    """Say in which language most of the text is, by script, then by stop words; "unknown" where that is no help.

    >>> language_of(["今天天气很好"]), language_of(["This is the way to do it"]), language_of(["xyz 123"])
    ('zh', 'en', 'unknown')
    """
    text = " ".join(texts)[:100_000]
    letters = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    letters["zh"] *= 3  # one ideograph says about as much as three letters
    script = max(letters, key=lambda name: letters[name])
    if 2 * letters[script] <= sum(letters.values()) and script != "zh":
        return "unknown"
    if script == "kana" or (script == "zh" and 10 * letters["kana"] > letters["zh"]):
        return "ja"
    if script != "latin":
        return script if letters[script] else "unknown"
    words = re.findall(r"[^\W\d_]+", text.lower())
    hits = {language: sum(word in stops for word in words) for language, stops in _STOP_WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if 12 * hits[best] >= len(words) and list(hits.values()).count(hits[best]) == 1 else "unknown"


_COMMA = re.compile(r"[+-]?\d[\d.]*,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
"""A number with a comma, be it the point or a divider of thousands."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_BRACKETED = re.compile(r"[(\[]\s*([^()\[\]\d]{1,8})\s*[)\]]\s*$")
_UNIT = re.compile(
    r"nm|[µu]m|mm|cm|dm|m|km|ft|mi|mg|g|kg|lbs?|oz|ml|cl|dl|m?mol|ms|k?Hz|[MG]Hz|mV|kV|mA|k?W|kWh|k?J|kcal|[hk]?Pa|bar|°[CF]|pp[mb]"
    r"|eur|EUR|usd|USD|gbp|GBP|chf|CHF|€|\$|£|km/h|m/s|m[23²³]|mmHg|bpm"
)
"""What may stand bare behind a name; letters that mean much else, as in sign_in or temp_min, only in brackets."""
_SPEAKS = 25.0
"""Mean length from which on different values are taken for text, not for names or codes."""


def _is_table(free: list[str], longest: str, kinds: dict[str, Any], values: dict[str, list[str]]) -> bool:
    """Whether what is left are numbers and categories, and nothing of it is text that somebody wrote."""
    columns = [n for n in free if kinds[n] in ("number", "category")]
    numbers = [n for n in columns if kinds[n] == "number"]
    if len(columns) < 2 or not (numbers or len(values[longest]) >= 20) or _TEXT.search(longest):
        return False
    return kinds[longest] != "text" or (len(numbers) > 1 and _mean_length(values[longest]) < _SPEAKS)


def _take_table(free: list[str], kinds: dict[str, Any], found: dict[str, tuple[ColumnRole, str]]) -> None:
    read = 0
    for name in free:
        if kinds[name] == "text":
            found[name] = ("metadata", "all different")
        elif read == MOST_GUESSED:
            found[name] = ("metadata", "many columns")
        else:
            found[name] = ("both", "numbers" if kinds[name] == "number" else "few values")
            read += 1


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _kind(values: list[str]) -> FieldKind:
    filled = [v for v in values if v]
    if filled and all(v.lower().endswith(IMAGE_SUFFIXES) and "://" not in v for v in filled):
        return "image"
    known = [v for v in filled if v.lower() not in MISSING]
    if known and all(_is_number(v) or _COMMA.fullmatch(v) for v in known):
        return "number"
    if known and all(map(_DATE.fullmatch, known)):
        return "category"  # the encoder reads dates as days
    few = len(set(filled)) <= max(3, len(filled) // 5) and len(set(filled)) <= MOST_CLASSES
    return "category" if few and _mean_length(filled) <= 40 else "text"


def _is_class(values: list[str]) -> bool:
    different = len({v for v in values if v})
    return 1 <= different <= min(MOST_CLASSES, max(2, len(values) // 2))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _all_different(values: list[str]) -> bool:
    return all(values) and len(set(values)) == len(values)


def _spaced(text: str) -> bool:
    return " " in text or len(text) > 64 or not text.isascii()


def _mean_length(values: list[str]) -> float:
    return sum(map(len, values)) / max(1, len(values))
