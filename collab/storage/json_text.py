"""JSON in text columns, the same bytes on both databases."""

import json
import re
from typing import Any

from sqlalchemy import Dialect, Text, TypeDecorator

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would make one for each call


def dumps(value: Any) -> str:
    """Write JSON that is short, readable and searchable.

    Both databases hold UTF-8, and PostgreSQL no NUL: NULs are left out, halves of surrogate pairs become "?".
    """
    written = _encode(value)
    if "\\u0000" in written:
        written = _NUL.sub(r"\1", written)
    return written if written.isascii() else written.encode("utf-8", "replace").decode()


class Json(TypeDecorator[Any]):
    """JSON in a text column."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write it."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read it."""
        return None if value is None else json.loads(value)
