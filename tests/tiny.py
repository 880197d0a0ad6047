"""Encoders of a few hundred random weights, of the same classes as real ones, made in a moment."""

import warnings
from pathlib import Path

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "fine", "great", "bad", "poor", "awful", "it", "is", "not", "very")


def tiny_text(folder: Path, kind: str = "bert", dropout: float = 0.1, layers: int = 2, width: int = 16) -> str:
    """A folder that sentence-transformers loads, of a model that knows the words above. Returns its path."""
    torch.manual_seed(0)
    sizes = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * width,
    }
    more = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout, "max_position_embeddings": 64}
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(WORDS), pad_token_id=0, **sizes, **more)
    bare = folder / "bare"
    transformers.AutoModel.from_config(config).save_pretrained(bare)
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(bare)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's word on models without modules of their own
        read = Transformer(str(bare), max_seq_length=32)
        model = SentenceTransformer(modules=[read, Pooling(width, "mean"), Normalize()], device="cpu")
    whole = folder / "whole"
    model.save_pretrained(str(whole), create_model_card=False)
    return str(whole)


def opinions(count: int) -> tuple[list[str], list[int]]:
    """Texts of some length, and whether they praise (1) or not (0)."""
    good, bad = ("good", "fine", "great"), ("bad", "poor", "awful")
    said = [(good if at % 2 else bad)[at % 3] for at in range(count)]
    return [f"it is {'very ' * (at % 4)}{word}" for at, word in enumerate(said)], [at % 2 for at in range(count)]


def tiny_vision(folder: Path) -> str:
    """A vision model that reads squares of 32 pixels. Returns its path."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"size": {"height": 32, "width": 32}}')
    return str(folder)
