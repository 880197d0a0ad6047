"""Encoders whose weights can be trained, and the folders in which trained ones lie; of heads it knows nothing.

A folder holds safetensors, JSON and the tokenizer's text, and nothing that could run: it is refused else.
"""

import contextlib
import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize, pad
from torch.nn.utils.rnn import pad_sequence

from collab.engine.devices import is_out_of_memory
from collab.engine.encoders.efficientnet import BLOCKS, CEILING, DIM, SIDE, EfficientNetLite0, padded
from collab.engine.encoders.fitting import Pixels, fitted
from collab.engine.encoders.image import ImageEncoder, VisionModel
from collab.engine.encoders.minilm import MOST_CHARACTERS, MiniLM
from collab.engine.encoders.text import Encoder, SentenceTransformerEncoder
from collab.engine.safe_folders import refuse_unsafe
from collab.errors import NothingToLearn, NotInstalled, UnreadableFile

KIND = "collab.json"
"""What a folder of weights says of itself."""
WEIGHTS = "model.safetensors"


class TrainableText(nn.Module):
    """A text encoder through which gradients flow; what it says is what the frozen one would say."""

    def __init__(self, model: Any, kind: str, max_tokens: int | None) -> None:  # the library ships no types
        super().__init__()
        self.model = model.float()
        self.kind, self.max_tokens = kind, max_tokens
        self.dim = int(model.get_embedding_dimension())
        self._prompt: str = model.prompts.get(model.default_prompt_name or "", "")

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of the tokens of each text, cut where the encoder stops reading."""
        read = [self._prompt + text[:MOST_CHARACTERS] for text in texts]
        found = self.model.tokenizer(
            read, truncation=True, max_length=self.max_tokens, return_attention_mask=False, return_token_type_ids=False
        )
        return list(found["input_ids"])

    def batched(self, tokens: Sequence[Sequence[int]], multiple: int = 1) -> dict[str, Tensor]:
        """Lay texts side by side, padded to the longest and up to a multiple."""
        lengths = torch.tensor([len(each) for each in tokens])
        ids = pad_sequence([torch.tensor(each) for each in tokens], True, self.model.tokenizer.pad_token_id or 0)
        ids = pad(ids, (0, -ids.shape[1] % multiple), value=self.model.tokenizer.pad_token_id or 0)
        return {"input_ids": ids, "attention_mask": (torch.arange(ids.shape[1]) < lengths[:, None]).long()}

    def forward(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """Encode what `batched` made into unit rows, shape (n_texts, dim)."""
        return normalize(cast("Tensor", self.model(dict(tokens))["sentence_embedding"]).float())

    def write(self, folder: Path) -> None:
        """Write a folder that sentence-transformers, and `read_text`, can load."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.tokenizer.chat_template = None  # of no use to an encoder, and a file of its own kind
        self.model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
        _say(folder, {"kind": self.kind, "max_tokens": self.max_tokens})


class TrainableImage(Protocol):
    """An image encoder through which gradients flow: a module of torch; its call encodes pictures into unit rows."""

    dim: int
    size: int

    def write(self, folder: Path) -> None:
        """Write a folder that `read_image` can load."""


class TrainableLite(nn.Module):
    """EfficientNet-Lite0 as modules; its norms are part of the convolutions, and so are trained only with them."""

    dim, size = DIM, SIDE

    def __init__(self, folded: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, BLOCKS[0][3], 3, 2)
        self.blocks = nn.ModuleList(_LiteBlock(*shape) for shape in BLOCKS)
        self.head = nn.Conv2d(BLOCKS[-1][4], DIM, 1)
        self.load_state_dict({name: weight.float() for name, weight in folded.items()})
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub leaves it out

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode pictures of the right size, uint8 of shape (n, size, size, 3), into unit rows, shape (n, dim)."""
        x = ((pixels.float() - 127) / 128).permute(0, 3, 1, 2)
        x = _cut(self.stem(padded(x, 3, 2)[0]))
        for block in self.blocks:
            x = block(x)
        return normalize(_cut(self.head(x)).float().mean((2, 3)))

    def write(self, folder: Path) -> None:  # noqa: D102  # documented by the protocol
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS, {"format": "pt"})
        _say(folder, {"kind": "efficientnet-lite0"})


class _LiteBlock(nn.Module):
    """More channels, a look around in each of them, fewer channels."""

    def __init__(self, kernel: int, stride: int, expansion: int, before: int, after: int) -> None:
        super().__init__()
        wide = before * expansion
        self.widen = nn.Conv2d(before, wide, 1) if expansion > 1 else None
        self.look = nn.Conv2d(wide, wide, kernel, stride, kernel // 2 if stride == 1 else 0, groups=wide)
        self.narrow = nn.Conv2d(wide, after, 1)
        self._fit = kernel, stride
        self._shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.widen is None else _cut(self.widen(x))
        found = self.narrow(_cut(self.look(padded(wide, *self._fit)[0])))
        made: Tensor = x + found if self._shortcut else found
        return made


class TrainableVision(nn.Module):
    """A vision model of the transformers library; norms that count over a batch stay as they are."""

    def __init__(self, encoder: VisionModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(encoder.model).float()
        self.dim, self.size, self._frozen = encoder.dim, encoder.size, encoder
        self.mean: Tensor
        self.deviation: Tensor
        for name, value in (("mean", encoder.mean), ("deviation", encoder.deviation)):
            self.register_buffer(name, torch.from_numpy(value.copy()), persistent=False)

    def train(self, mode: bool = True) -> "TrainableVision":
        """As every module's, but for norms over a batch: a batch of a few would spoil what they know."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode pictures of the right size, uint8 of shape (n, size, size, 3), into unit rows, shape (n, dim)."""
        scaled = ((pixels / 255.0 - self.mean) / self.deviation).permute(0, 3, 1, 2)
        last = self.model(pixel_values=scaled).last_hidden_state.float()
        return normalize(last.mean((2, 3)) if last.ndim == 4 else last.mean(1))

    def write(self, folder: Path) -> None:  # noqa: D102  # documented by the protocol
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in self.model.state_dict().items()}
        self._frozen.write(folder, weights)
        _say(folder, {"kind": "vision"})


def trainable_text(encoder: Encoder) -> TrainableText:
    """A copy of a text encoder that can be trained.

    Raises:
        NothingToLearn: It has no weights.
    """
    if isinstance(encoder, MiniLM):
        from sentence_transformers import SentenceTransformer  # heavy: loaded only by those who train

        return TrainableText(SentenceTransformer(str(encoder.folder), device="cpu"), "minilm", encoder.max_tokens)
    if isinstance(encoder, SentenceTransformerEncoder) and callable(getattr(encoder.model, "tokenizer", None)):
        return TrainableText(copy.deepcopy(encoder.model).cpu(), "sentence-transformers", encoder.max_tokens)
    raise NothingToLearn(encoder.name, "this encoder has no weights to train; choose MiniLM or another one first.")


def trainable_image(encoder: ImageEncoder) -> TrainableLite | TrainableVision:
    """A copy of an image encoder that can be trained.

    Raises:
        NothingToLearn: It is of another kind than those that come with collab.
    """
    if isinstance(encoder, EfficientNetLite0):
        return TrainableLite(encoder.folded())
    if isinstance(encoder, VisionModel):
        return TrainableVision(encoder)
    raise NothingToLearn(encoder.name, "this encoder has no weights to train; choose another one first.")


def prepared(image: Pixels, size: int) -> Tensor:
    """A picture as the encoders of that size take it."""
    return torch.from_numpy(np.ascontiguousarray(fitted(image, size)))


def digest_of(folder: Path, parts: tuple[str, ...]) -> str:
    """Names all files that lie in some folders of a folder."""
    seal = hashlib.sha256()
    for path in sorted(path for part in parts for path in (folder / part).rglob("*")):
        if path.is_file():
            seal.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                seal.update(hashlib.file_digest(file, "sha256").digest())
    return seal.hexdigest()[:16]


def read_text(folder: Path, name: str) -> Encoder:
    """Load a text encoder that was trained, under the name that a policy has.

    Raises:
        UnreadableFile: The folder holds something else than weights, points outside itself, or is damaged.
    """
    said = _said(folder)
    with _damage(folder):
        if said.get("kind") == "minilm":
            plain = MiniLM(folder, max_tokens=int(said["max_tokens"]), name=name)
            plain.encode(["a"])  # weights of another shape show only here
            return plain
        found = SentenceTransformerEncoder(str(folder), name)
        _refuse_missing(found.model, folder)
        return found


def read_image(folder: Path, name: str) -> ImageEncoder:
    """Load an image encoder that was trained; as `read_text`."""
    said = _said(folder)
    with _damage(folder):
        if said.get("kind") == "efficientnet-lite0":
            plain = EfficientNetLite0(folder / WEIGHTS, name=name)
            plain.encode([np.zeros((1, 1, 3), np.uint8)])
            return plain
        return VisionModel.read(folder, name)


@contextlib.contextmanager
def _damage(folder: Path) -> Iterator[None]:
    """Name what readers of weights stumble over, each in its own way."""
    try:
        yield
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, UnreadableFile | NotInstalled) or is_out_of_memory(error):
            raise
        raise UnreadableFile(folder.name, f"its weights are damaged, or of another model ({error}).") from error


def _refuse_missing(model: Any, folder: Path) -> None:  # the library ships no types
    """Refuse what the library would quietly fill with numbers of chance: weights that the folder doesn't hold."""
    if not isinstance(network := getattr(model[0], "model", None), nn.Module):
        return  # its first module has no weights of transformers
    with safe_open(folder / WEIGHTS, "pt") as file:
        written = set(file.keys())
    state = network.state_dict()
    there = {weight.data_ptr() for name, weight in state.items() if name in written}  # some have two names
    missing = [name for name, weight in state.items() if weight.data_ptr() not in there]
    if missing:
        raise UnreadableFile(folder.name, f"it lacks weights ({', '.join(missing[:3])}).")


def _cut(x: Tensor) -> Tensor:
    return x.clamp(0, CEILING)


def _say(folder: Path, said: Mapping[str, object]) -> None:
    (folder / KIND).write_text(json.dumps(said) + "\n")


def _said(folder: Path) -> dict[str, Any]:
    refuse_unsafe(folder)
    if not (folder / WEIGHTS).exists():  # without them a library would look for others
        raise UnreadableFile(folder.name, f"it holds no {WEIGHTS}.")
    try:
        said = json.loads((folder / KIND).read_text())
    except (OSError, ValueError) as error:
        raise UnreadableFile(folder.name, f"it is no folder of weights that collab wrote ({error}).") from error
    if not isinstance(said, dict):
        raise UnreadableFile(folder.name, "it is no folder of weights that collab wrote.")
    return said
