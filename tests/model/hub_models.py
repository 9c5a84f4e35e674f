"""Tiny models as the hub keeps them, with random weights: CLIP, SigLIP and others.

Each is a folder with what the published ones have: weights, tokenizer, preprocessing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

SIDE = 32
LONGEST = 8
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
_SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
_WORDS = ("storm", "rage", "calm", "glow", "fire", "light", "sea", "sky", "a", "the", "of")
_TEXT = SMALL | {
    "vocab_size": len(_SPECIAL) + len(_WORDS),
    "max_position_embeddings": LONGEST,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_PICTURES = SMALL | {"image_size": SIDE, "patch_size": 8}
_SQUARE = {"height": SIDE, "width": SIDE}


def save_clip(folder: Path) -> Path:
    """An image-text encoder that shrinks pictures by their short side and crops them."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    # The tower of texts answers at the last token.
    config = CLIPConfig(text_config=_TEXT, vision_config=_PICTURES, projection_dim=16)
    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=_SQUARE)
    return _save(folder, CLIPModel, config, processor)


def save_siglip(folder: Path) -> Path:
    """An image-text encoder that makes every picture square, and pads every text."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    config = SiglipConfig(text_config=_TEXT | {"projection_size": 32}, vision_config=_PICTURES)
    processor = SiglipImageProcessor(size=_SQUARE)
    return _save(folder, SiglipModel, config, processor, reads=["input_ids"])


def save_vit(folder: Path) -> Path:
    """An image classifier, whose weights have no pooler."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(**_PICTURES)
    return _save(folder, ViTForImageClassification, config, ViTImageProcessor(size=_SQUARE))


def save_convnext(folder: Path) -> Path:
    """A convolutional network, whose pictures are cropped to a share of what they are shrunk to."""
    from transformers import ConvNextConfig, ConvNextImageProcessor, ConvNextModel

    config = ConvNextConfig(hidden_sizes=[8, 16, 16, 32], depths=[1, 1, 1, 1], image_size=SIDE)
    processor = ConvNextImageProcessor(size={"shortest_edge": SIDE}, crop_pct=0.8)
    return _save(folder, ConvNextModel, config, processor)


def save_masked(folder: Path) -> Path:
    """A network that hides a random part of each picture."""
    from transformers import ViTImageProcessor, ViTMAEConfig, ViTMAEModel

    processor = ViTImageProcessor(size=_SQUARE)
    return _save(folder, ViTMAEModel, ViTMAEConfig(**_PICTURES), processor)


def save_bert(folder: Path) -> Path:
    """A text encoder."""
    from transformers import BertConfig, BertModel

    return _save(folder, BertModel, BertConfig(**_TEXT), None)


def _save(
    folder: Path,
    kind: Any,
    config: Any,
    processor: Any,
    reads: Sequence[str] = ("input_ids", "attention_mask"),
) -> Path:
    torch.manual_seed(0)
    kind(config).save_pretrained(folder)
    if processor:
        processor.save_pretrained(folder)
    _tokenizer(reads).save_pretrained(folder)
    return folder


def _tokenizer(reads: Sequence[str]) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    names = {word: number for number, word in enumerate((*_SPECIAL, *_WORDS))}
    tokenizer = Tokenizer(WordLevel(names, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        model_max_length=LONGEST,
        model_input_names=list(reads),
    )
