"""What of a network is trained, and how fast: all weights or low-rank adapters, the rate layer by layer.

Of data and losses it knows nothing.
"""

import re
from collections.abc import Iterator
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraModel
from torch import Tensor, nn

from collab.engine.recipe import FineTuning

DROPOUT, ALPHA = 0.1, 2
"""Of what goes into the adapters, and by how much they count for each rank."""
MOMENTUM = 0.9
"""Of gradient descent."""

_NUMBERED = re.compile(r"\.(?:layers?|blocks?|h|stages)\.(\d+)\.")
_LOWEST = re.compile(r"embed|stem|patch")


def adapt(encoder: nn.Module, rank: int) -> LoraModel:
    """Freeze an encoder and put low-rank adapters beside its linear layers and its convolutions of one place.

    Where it has neither, beside all convolutions that look at all channels.

    Args:
        encoder: Is changed in place.
        rank: Of the adapters.

    Returns:
        What `merged` takes.

    Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    """
    config = LoraConfig(
        r=rank, lora_alpha=ALPHA * rank, lora_dropout=DROPOUT, target_modules=list(_adaptable(encoder)), bias="none"
    )
    return LoraModel(encoder, config, "default")


def merged(adapters: LoraModel) -> None:
    """Add the adapters to the weights that they stand beside, and take them away, in place."""
    adapters.merge_and_unload()


def optimizer(network: nn.Module, recipe: FineTuning, device: torch.device) -> torch.optim.Optimizer:
    """Make the optimizer of all that is to be trained; each group knows its highest rate as `top`.

    Norms and biases aren't drawn to 0. `fused` where torch has that for the device.

    Source: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, for the rate
    that falls from layer to layer.
    """
    groups = list(_groups(network, recipe))
    fused = device.type in ("cpu", "cuda")
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=recipe.step, momentum=MOMENTUM, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr=recipe.step, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=recipe.step, fused=fused)


def rate_share(step: int, steps: int, warm_up: float) -> float:
    """Share of the highest rate at a step: it rises in a straight line, then falls to 0 in one.

    >>> [rate_share(step, 10, 0.2) for step in (0, 1, 2, 6)]
    [0.5, 1.0, 1.0, 0.5]
    """
    rising = round(warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(1, steps - rising)


def depths(names: list[str]) -> list[int]:
    """How far below the top each weight lies, in layers, by its name.

    >>> depths(["embeddings.words", "encoder.layer.0.key", "encoder.layer.1.key", "pooler"])
    [3, 2, 1, 0]
    """
    heights = []
    for name in names:
        numbered = _NUMBERED.search(f".{name}.")
        heights.append(int(numbered[1]) + 1 if numbered else 0 if _LOWEST.search(name) else None)
    top = 1 + max((height for height in heights if height is not None), default=0)
    return [top - (top if height is None else height) for height in heights]


def _groups(network: nn.Module, recipe: FineTuning) -> Iterator[dict[str, Any]]:
    """Weights of one encoder, depth and kind together."""
    found: dict[tuple[int, bool], list[Tensor]] = {}
    for part in network.children():
        trained = [(name, weight) for name, weight in part.named_parameters() if weight.requires_grad]
        for depth, (_, weight) in zip(depths([name for name, _ in trained]), trained, strict=True):
            found.setdefault((depth, weight.ndim > 1), []).append(weight)
    for (depth, decays), weights in sorted(found.items(), key=lambda entry: entry[0]):
        top = recipe.step * recipe.decay_by_layer**depth
        yield {"params": weights, "lr": top, "top": top, "weight_decay": recipe.weight_decay if decays else 0.0}


def _adaptable(encoder: nn.Module) -> Iterator[str]:
    linear: list[str] = []
    other: list[str] = []
    for name, module in encoder.named_modules():
        if "pooler" in name:  # features are means over places, which never go through it
            continue
        if isinstance(module, nn.Linear):
            linear.append(name)
        elif isinstance(module, nn.Conv2d) and module.groups == 1:
            (linear if module.kernel_size == (1, 1) else other).append(name)
    yield from linear or other
