"""Finds in the code the English sentences that its errors say, with {} in place of each value."""

import ast
from collections.abc import Iterator
from pathlib import Path

import collab
from collab import errors

ROOT = Path(collab.__file__).parent
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
ERRORS |= {"BadMessage"}
SHORTEST = 12
"""Characters of a sentence; what is shorter is a noun, of which only some are said."""


def sentences(floors: tuple[str, ...], beside: set[str]) -> set[str]:
    """All that errors of these floors say, but for some modules."""
    paths = [ROOT / "errors.py", *(path for floor in floors for path in (ROOT / floor).rglob("*.py"))]
    kept = [path for path in paths if path.relative_to(ROOT).as_posix() not in beside]
    return {said for path in kept for said in _of(ast.parse(path.read_text("utf-8"))) if len(said) >= SHORTEST}


def sentences_in(folder: Path) -> set[str]:
    """All strings in the code of a folder, but for its docstrings, and what errors and the server's log say."""
    return {said for path in folder.rglob("*.py") for said in _others(ast.parse(path.read_text("utf-8")))}


def _others(tree: ast.Module) -> Iterator[str]:
    apart = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    apart |= {part for node in ast.walk(tree) if _raises(node) or _logs(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in apart:
            yield node.value


def _raises(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {*ERRORS, "super().__init__"}


def _logs(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logging.getLogger")


def _of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if _raises(node):
            for part in node.args:
                yield from _texts(part)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
