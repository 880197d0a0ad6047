"""Text encoders: texts to unit vectors. Offline by default; any sentence-transformers model by name or path."""

from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

from collab.engine.arrays import Floats
from collab.engine.encoders.minilm import MiniLM
from collab.errors import UnknownName


class Encoder(Protocol):
    """Turns texts into features."""

    @property
    def name(self) -> str:
        """The name that a policy carries."""

    @property
    def dim(self) -> int:
        """Columns of the features."""

    @property
    def max_tokens(self) -> int | None:
        """How many tokens of a text are read; None: all."""

    @property
    def digest(self) -> str:
        """Names weights and settings: features are worth keeping only under the digest that made them."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encode texts into unit rows, shape (n_texts, dim), in their order; a few hundred at a time.

        A text without anything to read becomes a row of zeros or whatever the model says of nothing, never NaN.
        """

    def read_until(self, text: str) -> int | None:
        """Position of the character where reading stopped, or None where the whole text is read."""


class Hashing:
    """Counts of words and of their letters, hashed into few columns: no weights, any language, very fast.

    It knows no meaning: "good" and "great" are as far apart as "good" and "table". Right for a first look, for tests,
    and for languages that no installed model was trained on; expect clearly less than from a trained encoder.

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
    """

    name = "hashing"
    dim = 384
    max_tokens = None
    digest = "hashing-1"

    def __init__(self) -> None:
        self._words = HashingVectorizer(n_features=self.dim, ngram_range=(1, 2), token_pattern=r"\w+", dtype=np.float32)
        self._letters = HashingVectorizer(n_features=self.dim, analyzer="char_wb", ngram_range=(2, 4), dtype=np.float32)

    def encode(self, texts: Sequence[str]) -> Floats:  # noqa: D102  # documented by the protocol
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        counts = self._words.transform(texts) + self._letters.transform(texts)
        rows: Floats = normalize(counts).toarray()
        return rows

    def read_until(self, text: str) -> int | None:  # noqa: D102  # documented by the protocol
        return None


class SentenceTransformerEncoder:
    """Any model of the sentence-transformers library, by hub name or local path."""

    def __init__(self, name_or_path: str, name: str | None = None) -> None:
        """Load a model; its name is what it was loaded by, unless given."""
        from sentence_transformers import SentenceTransformer  # heavy: loaded only by those who ask for it

        self.name = name or name_or_path
        self.model: Any  # the library ships no types
        try:
            try:  # what lies on this disk first: without a network the hub's client waits for minutes
                self.model = SentenceTransformer(name_or_path, local_files_only=True)
            except OSError:
                self.model = SentenceTransformer(name_or_path)
        except (OSError, ValueError) as e:
            known = (
                *ENCODERS,
                "or a sentence-transformers model that lies on this disk or that the hub can be asked for",
            )
            raise UnknownName("encoder", name_or_path, known) from e

    @property
    def dim(self) -> int:  # noqa: D102  # documented by the protocol
        return int(self.model.get_embedding_dimension())

    @property
    def max_tokens(self) -> int | None:  # noqa: D102  # documented by the protocol
        longest: int | None = self.model.max_seq_length
        return longest

    @cached_property
    def digest(self) -> str:  # noqa: D102  # documented by the protocol
        seal = sha256(f"sentence-transformers {self.max_tokens}".encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            seal.update(name.encode())
            seal.update(tensor.cpu().contiguous().view(-1).numpy().tobytes())
        return f"st-{seal.hexdigest()[:16]}"

    def encode(self, texts: Sequence[str]) -> Floats:  # noqa: D102  # documented by the protocol
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        rows: Floats = self.model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return rows.astype(np.float32, copy=False)

    def read_until(self, text: str) -> int | None:  # noqa: D102  # documented by the protocol
        tokenizer = self.model.tokenizer
        if self.max_tokens is None or not getattr(tokenizer, "is_fast", False):
            return None
        parts = tokenizer(
            text,
            truncation=True,
            max_length=self.max_tokens,
            return_offsets_mapping=True,
            return_overflowing_tokens=True,
        )
        if len(parts["input_ids"]) < 2:
            return None
        stopped: int = max(end for _, end in parts["offset_mapping"][0])
        return stopped


ENCODERS: dict[str, Callable[[], Encoder]] = {"minilm": MiniLM, "hashing": Hashing}
"""Encoders that need no network. Any other name is a sentence-transformers model."""


def encoder_of(name: str) -> Encoder:
    """Load the encoder of that name.

    Args:
        name: One of `ENCODERS`, else a sentence-transformers name or a local path.

    Raises:
        UnknownName: There is no such model, or the hub can't be reached.
    """
    return ENCODERS[name]() if name in ENCODERS else SentenceTransformerEncoder(name)
