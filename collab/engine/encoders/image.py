"""Image encoders: pictures to unit vectors. Offline by default; any vision model of transformers by name."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from collab.engine.arrays import Floats
from collab.engine.encoders.efficientnet import EfficientNetLite0
from collab.engine.encoders.fitting import Pixels, fitted
from collab.errors import NotInstalled, UnknownName

BATCH = 8
HALF = (0.5, 0.5, 0.5)
"""Mean and deviation of the channels where a model says nothing of them."""


class ImageEncoder(Protocol):
    """Turns pictures into features."""

    @property
    def name(self) -> str:
        """The name that a policy carries."""

    @property
    def dim(self) -> int:
        """Columns of the features."""

    @property
    def size(self) -> int:
        """Pixels of the side of the square that it reads; larger pictures are scaled down to it."""

    @property
    def digest(self) -> str:
        """Names weights and settings: features are worth keeping only under the digest that made them."""

    def encode(self, images: Sequence[Pixels | None]) -> Floats:
        """Encode pictures into unit rows, shape (n_images, dim), in their order; some dozens at a time.

        None, where an item has no picture, becomes a row of zeros.
        """


class VisionModel:
    """Any vision model of the transformers library, by hub name or local path, of safetensors weights.

    Its features are the mean over all places of the last layer: models of all kinds have that, and in none of them
    does it hang on a layer that was never trained. Of a model of texts and pictures the part that sees is taken.
    """

    def __init__(self, name: str) -> None:
        """Load a model.

        Args:
            name: As a policy has it: "hf:NAME", "timm:NAME", a path, or a bare hub name.

        Raises:
            UnknownName: There is no such model, or the hub can't be reached.
            NotInstalled: It is one of timm's, and timm isn't there.
        """
        self.name = name
        kind, _, rest = name.partition(":")
        model = f"timm/{rest}" if kind == "timm" else rest if kind == "hf" else name
        try:
            try:  # what lies on this disk first: without a network the hub's client waits for minutes
                self.model, said = _loaded(model, local=True)
            except OSError:
                self.model, said = _loaded(model, local=False)
        except ImportError as e:
            raise NotInstalled(f"The image encoder {name}", "vision") from e
        except (OSError, ValueError) as e:
            known = (*IMAGE_ENCODERS, "or a vision model that lies on this disk or that the hub can be asked for")
            raise UnknownName("image encoder", name, known) from e
        self._look(said)

    @classmethod
    def read(cls, folder: Path, name: str) -> Self:
        """Read what `write` wrote: the part that sees, without the hub's way of finding it.

        Raises:
            UnknownName: The folder holds no such model.
            NotInstalled: It is one of timm's, and timm isn't there.
        """
        from transformers import AutoConfig, AutoModel  # heavy: loaded only by those who ask for it

        found = cls.__new__(cls)
        found.name = name
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            whole = AutoModel.from_config(config)  # type: ignore[no-untyped-call]  # the library leaves it so
            found.model = getattr(whole, "vision_model", whole).float().eval()
            found.model.load_state_dict(load_file(folder / "model.safetensors"))
            said = json.loads((folder / "preprocessor_config.json").read_text())
        except ImportError as e:
            raise NotInstalled(f"The image encoder {name}", "vision") from e
        except (OSError, ValueError, RuntimeError, SafetensorError) as e:
            raise UnknownName("image encoder", name) from e
        found._look(said)
        return found

    def write(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write other weights of the same model, and all that `read` needs beside them."""
        self.model.config.save_pretrained(folder)
        said = {"size": {"height": self.size, "width": self.size}}
        said |= {"image_mean": self.mean.tolist(), "image_std": self.deviation.tolist()}
        (folder / "preprocessor_config.json").write_text(json.dumps(said, indent=1))
        save_file(dict(weights), folder / "model.safetensors", {"format": "pt"})

    def _look(self, said: Mapping[str, Any]) -> None:
        """Take from what a model says of the pictures that it wants."""
        self.size = _side(said)
        self.mean = np.asarray(said.get("image_mean") or said.get("mean") or HALF, np.float32)
        self.deviation = np.asarray(said.get("image_std") or said.get("std") or HALF, np.float32)

    @cached_property
    def dim(self) -> int:  # noqa: D102  # documented by the protocol
        return int(self._seen(np.zeros((1, self.size, self.size, 3), np.uint8)).shape[1])

    @cached_property
    def digest(self) -> str:  # noqa: D102  # documented by the protocol
        seal = sha256(f"vision {self.size} {self.mean.tolist()} {self.deviation.tolist()} letterbox".encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            seal.update(name.encode())
            seal.update(tensor.cpu().contiguous().view(-1).numpy().tobytes())
        return f"vision-{seal.hexdigest()[:16]}"

    def encode(self, images: Sequence[Pixels | None]) -> Floats:  # noqa: D102  # documented by the protocol
        out = np.zeros((len(images), self.dim), np.float32)
        there = [(i, image) for i, image in enumerate(images) if image is not None]
        for start in range(0, len(there), BATCH):
            part = there[start : start + BATCH]
            out[[i for i, _ in part]] = self._seen(np.stack([fitted(image, self.size) for _, image in part]))
        return out

    def _seen(self, pixels: Pixels) -> Floats:
        """Unit rows of pictures of the right size."""
        import torch  # heavy, as the library is that brought the model

        scaled = ((pixels / np.float32(255) - self.mean) / self.deviation).transpose(0, 3, 1, 2)
        with torch.inference_mode():
            last = self.model(pixel_values=torch.from_numpy(np.ascontiguousarray(scaled))).last_hidden_state.float()
            pooled = last.mean((2, 3)) if last.ndim == 4 else last.mean(1)
            rows: Floats = torch.nn.functional.normalize(pooled).numpy()
        return rows


IMAGE_ENCODERS: dict[str, Callable[[], ImageEncoder]] = {"efficientnet-lite0": EfficientNetLite0}
"""Image encoders that need no network. Any other name is a vision model of the transformers library."""


def image_encoder_of(name: str) -> ImageEncoder:
    """Load the image encoder of that name.

    Args:
        name: One of `IMAGE_ENCODERS`, else what `VisionModel` takes.

    Raises:
        UnknownName: There is no such model, or the hub can't be reached.
        NotInstalled: It is one of timm's, and timm isn't there.
    """
    return IMAGE_ENCODERS[name]() if name in IMAGE_ENCODERS else VisionModel(name)


def _loaded(model: str, *, local: bool) -> tuple[Any, dict[str, Any]]:  # the library ships no types
    """A model, and what it says of the pictures that it wants."""
    from transformers import AutoModel  # heavy: loaded only by those who ask for it
    from transformers.image_processing_base import ImageProcessingMixin

    found = AutoModel.from_pretrained(model, local_files_only=local, use_safetensors=True).eval()
    seeing = getattr(found, "vision_model", found)
    try:
        said, _ = ImageProcessingMixin.get_image_processor_dict(model, local_files_only=local)
    except OSError:  # a model of timm's says it in its configuration
        said = getattr(found.config, "pretrained_cfg", None) or {}
    return seeing, {"image_size": getattr(seeing.config, "image_size", None), **said}


def _side(said: Mapping[str, Any]) -> int:
    """The side of the square: what is cut out, else what is scaled to, else what the model was made for."""
    for name in ("crop_size", "size", "input_size", "image_size"):
        match said.get(name):
            case {"height": int(side)} | {"shortest_edge": int(side)} | int(side) | [int(), int(), int(side)]:
                return side
    return 224
