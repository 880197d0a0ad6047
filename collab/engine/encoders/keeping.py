"""Write encoders into a folder that can be carried away, and read them back there: safetensors, JSON and text alone."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from collab.engine.encoders.efficientnet import EfficientNetLite0
from collab.engine.encoders.image import ImageEncoder, VisionModel
from collab.engine.encoders.minilm import MiniLM, has_bf16
from collab.engine.encoders.text import Encoder, Hashing, SentenceTransformerEncoder
from collab.engine.safe_folders import PLAIN
from collab.errors import UnknownName, UnreadableFile, UserError

WEIGHTS = "model.safetensors"
LEFT = frozenset({"data_config.json"})
"""What a package's folder has for its own ends."""
MOST_TOKENS = "sentence_bert_config.json"
ROUNDED, EXACT = "bfloat16", "float32"
"""What the large products of an encoder are computed in."""


def precision_of(encoder: Encoder | ImageEncoder) -> str:
    """What an encoder computes in here; only ours round, where the processor can."""
    return ROUNDED if isinstance(encoder, MiniLM | EfficientNetLite0) and encoder.bf16 else EXACT


def keep_text(encoder: Encoder, folder: Path) -> str:
    """Write a text encoder as sentence-transformers read it; returns its kind, by which `read_text` knows it.

    Raises:
        UserError: It can't be written down.
    """
    if isinstance(encoder, Hashing):
        return "hashing"
    if isinstance(encoder, MiniLM):
        _copy(encoder.folder, folder)
        said = {"max_seq_length": encoder.max_tokens, "do_lower_case": False}
        (folder / MOST_TOKENS).write_text(json.dumps(said, indent=1))
        return "minilm"
    if isinstance(encoder, SentenceTransformerEncoder):
        encoder.model.save(str(folder), create_model_card=False)
        _without_code(folder)
        return "sentence-transformers"
    raise UserError(f"The encoder {encoder.name} can't be taken away.")


def read_text(kind: str, folder: Path, name: str, max_tokens: int | None, precision: str = EXACT) -> Encoder:
    """Read what `keep_text` wrote.

    It computes in the precision that is given, so that its rows are those that the head learned from; in float32 where
    the processor doesn't multiply bfloat16 itself.

    Raises:
        UnreadableFile: The folder holds no such encoder.
        UnknownName: This collab knows no encoders of that kind.
    """
    with _told("text"):
        if kind == "hashing":
            return Hashing()
        if kind == "minilm":
            return MiniLM(folder, max_tokens=max_tokens or 256, bf16=_rounds(precision), name=name)
        if kind == "sentence-transformers":
            return SentenceTransformerEncoder(str(folder), name)
    raise UnknownName("kind of encoder", kind, ("hashing", "minilm", "sentence-transformers"))


def keep_image(encoder: ImageEncoder, folder: Path) -> str:
    """Write an image encoder; returns its kind, by which `read_image` knows it.

    Raises:
        UserError: It can't be written down.
    """
    from safetensors.torch import save_file  # torch is heavy

    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(encoder, EfficientNetLite0):
        weights = {name: tensor.float().contiguous() for name, tensor in encoder.folded().items()}
        save_file(weights, folder / WEIGHTS, {"format": "pt"})
        return "efficientnet-lite0"
    if isinstance(encoder, VisionModel):
        encoder.write(folder, {name: tensor.contiguous() for name, tensor in encoder.model.state_dict().items()})
        _without_code(folder)
        return "transformers"
    raise UserError(f"The image encoder {encoder.name} can't be taken away.")


def read_image(kind: str, folder: Path, name: str, precision: str = EXACT) -> ImageEncoder:
    """Read what `keep_image` wrote; as `read_text`."""
    with _told("image"):
        if kind == "efficientnet-lite0":
            return EfficientNetLite0(folder / WEIGHTS, bf16=_rounds(precision), name=name)
        if kind == "transformers":
            return VisionModel.read(folder, name)
    raise UnknownName("kind of image encoder", kind, ("efficientnet-lite0", "transformers"))


def _rounds(precision: str) -> bool:
    return precision == ROUNDED and has_bf16()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what libraries raise of weights that aren't those of the model into a sentence."""
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, SafetensorError, UnknownName) as e:
        said = str(e).splitlines()[0][:200] if str(e) else type(e).__name__
        raise UnreadableFile(what, f"its weights aren't those of the encoder that is named ({said}).") from e
    except Exception as e:
        if type(e) is not Exception:  # which is what the tokenizers library raises
            raise
        raise UnreadableFile(what, f"its tokenizer is damaged ({str(e)[:200]}).") from e


def _copy(source: Path, folder: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix in PLAIN and path.name not in LEFT:
            to = folder / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


def _without_code(folder: Path) -> None:
    """Take out where a hub's model would fetch code of its own: what was loaded here is the library's class."""
    for path in folder.rglob("*config.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        if said.pop("auto_map", None) is not None:
            path.write_text(json.dumps(said, indent=1), encoding="utf-8")
