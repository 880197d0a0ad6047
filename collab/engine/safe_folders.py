"""Tell folders of weights that hold nothing but weights and words from those that could run code or point elsewhere."""

import json
from pathlib import Path

from collab.errors import UnreadableFile

PLAIN = frozenset({".safetensors", ".json", ".txt", ".md", ".model", ".tiktoken"})
"""What a file's name may end with: weights, settings, and the words of tokenizers."""
LONGEST, LONGEST_PART = 1000, 255
"""Characters of a name with its folders; and bytes of each part, as disks take them."""
OURS = "sentence_transformers."
"""Where the classes of a text encoder's modules come from."""
ELSEWHERE = ("adapter_config.json", "router_config.json", ".index.json")
"""What files are called that name others, or code, to be loaded too: collab writes one file of weights."""
LOADED = ("auto_map", "transformers_weights", "base_model_name_or_path")
"""What settings say where code or weights lie elsewhere."""


def refuse_unsafe(folder: Path) -> None:
    """Look at all that lies in a folder before anything is loaded from it.

    Raises:
        UnreadableFile: It isn't there, or holds a link, a pickle or any file that could run, or names paths or code
            outside itself.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise UnreadableFile(folder.name, "it is no folder.")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise UnreadableFile(name, "it is a link, and may lead anywhere; only files themselves are loaded.")
        if path.is_dir():
            continue
        if not path.is_file() or path.suffix not in PLAIN:
            raise UnreadableFile(name, f"only weights and settings are loaded ({', '.join(sorted(PLAIN))}).")
        if path.name.endswith(ELSEWHERE):
            raise UnreadableFile(name, "it names other files to load; weights lie in one file of safetensors.")
        if path.name == "modules.json":
            _refuse_modules(path, name)
        if path.suffix == ".json" and path.stem.endswith("config"):
            _refuse_code(path, name)


def safe_name(name: str) -> bool:
    """Whether a file of that name lies below where it is put, on any system, and has no second name there.

    >>> [safe_name(name) for name in ("text/model.json", "./model.json", "text//model.json", "../model.json")]
    [True, False, False, False]
    """
    parts = name.split("/")
    short = len(name) <= LONGEST and all(len(part.encode(errors="replace")) <= LONGEST_PART for part in parts)
    return short and not any(part in ("", ".", "..") for part in parts) and not any(c in name for c in "\\\0:")


def _refuse_modules(path: Path, name: str) -> None:
    """A text encoder's list of modules says what is imported, and from which folders they read."""
    found = _json(path, name)
    if not isinstance(found, list):
        raise UnreadableFile(name, "it is no list of modules.")
    for module in found:
        kind, where = (str(module.get(key, "")) if isinstance(module, dict) else "" for key in ("type", "path"))
        if not kind.startswith(OURS):
            raise UnreadableFile(name, f"it asks for code of its own ({kind!r}).")
        if where and not safe_name(where):
            raise UnreadableFile(name, f"it names a path outside its folder ({where!r}).")


def _refuse_code(path: Path, name: str) -> None:
    found = _json(path, name)
    for key in LOADED:
        if isinstance(found, dict) and found.get(key):
            raise UnreadableFile(name, f"it asks for code of its own, or for weights that lie elsewhere ({key}).")


def _json(path: Path, name: str) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UnreadableFile(name, f"it is no JSON ({error}).") from error
