"""Frozen dataclasses as plain values for storage, and back."""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Reader = Callable[[Any], Any]  # from JSON values


def typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """Read back what `dataclasses.asdict` made of a dataclass, also after a round trip through JSON.

    Names that the class doesn't know are left out, and missing ones take their defaults: an older or a newer version
    may have written it.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     at: tuple[int, ...] = ()
    >>> typed(Point, {"at": [1, 2], "color": "red"})
    Point(at=(1, 2))
    """
    found: T = _dataclass(kind)(values)  # type: ignore[arg-type]  # mypy doubts that a class can be hashed
    return found


@cache
def _dataclass(kind: Any) -> Reader:
    """How to read a dataclass; made once, for a page reads thousands of rounds."""
    hints = get_type_hints(kind)
    readers = {f.name: _reader(hints[f.name]) for f in fields(kind)}

    def read(values: Mapping[str, Any]) -> Any:
        return kind(**{name: _apply(readers[name], value) for name, value in values.items() if name in readers})

    return read


@cache
def _reader(hint: Any) -> Reader | None:
    """How to read a value of this type; None: it stays what JSON made of it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _reader(next(p for p in parts if p is not type(None)))
    if origin is tuple and parts[1:] == (...,):
        each = _reader(parts[0])
        return tuple if each is None else lambda values: tuple(_apply(each, v) for v in values)
    if origin is tuple:
        readers = tuple(map(_reader, parts))
        return lambda values: tuple(map(_apply, readers, values))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        each = _reader(parts[1])
        return None if each is None else lambda values: {name: _apply(each, v) for name, v in values.items()}
    return _dataclass(hint) if is_dataclass(hint) else None  # type: ignore[arg-type]  # as above


def _apply(reader: Reader | None, value: Any) -> Any:
    return value if reader is None or value is None else reader(value)
