"""Text encoders of the hub: any that transformers loads, and the text towers of CLIP and SigLIP."""

import json
from pathlib import Path
from typing import Any

from flickr_emotion.model.features.hub import (
    WEIGHTS,
    hub_folder,
    load_tower,
    plan_tower,
    readable_model,
)
from flickr_emotion.model.features.texts.sentences import (
    EncoderReader,
    SentenceReader,
    TowerReader,
)

_OPTION = "--text-encoder"
MOST_TOKENS = 512
"""Read of a text, of encoders that would take more: 150 words have fewer."""
_READ = ("*.safetensors", "config.json", "*token*.json", "vocab*", "merges.txt", "*.model")
# Without its vocabulary, a tokenizer would know no word.
_NEEDED = ("config.json", WEIGHTS, "tokenizer.json|vocab*|*.model")
_SENTENCE_BERT = "sentence_bert_config.json"


def open_hub(name: str, *, download: bool) -> EncoderReader:
    """Load the text encoder of ``hub:NAME``. Raises ``ModelError``."""
    folder = hub_folder(_OPTION, name, _NEEDED, download=download)
    files = {path for pattern in _READ for path in folder.glob(pattern)}
    with readable_model(_OPTION, name):
        from transformers import AutoTokenizer

        plan = plan_tower(folder, "text")
        tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        network, _ = load_tower(folder, plan)
        config = network.config
        if getattr(config, "is_encoder_decoder", False):
            network = network.get_encoder()
        longest = _longest(folder, config, tokenizer)
        reader: EncoderReader
        if _is_tower(folder):
            padded = str(config.model_type).startswith("siglip")
            reader = TowerReader(network, tokenizer, longest=longest, files=files, padded=padded)
        else:
            layers = _thirds(config.num_hidden_layers)
            reader = SentenceReader(
                lambda: (network, tokenizer),
                layers=layers,
                longest=longest,
                files=files,
                hidden=config.hidden_size,
                depth=config.num_hidden_layers,
            )
        reader.try_out()  # raises what some models raise only when they read
        return reader


def _is_tower(folder: Path) -> bool:
    """Return whether a folder holds an image-text encoder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return "vision_config" in config and "text_config" in config


def _thirds(layers: int) -> slice:
    """Return a third, two thirds and all of the layers, as of MiniLM and MPNet."""
    step = max(1, layers // 3)
    return slice(max(1, layers - 2 * step), None, step)


def _longest(folder: Path, config: Any, tokenizer: Any) -> int:
    """Return the most tokens that an encoder reads, as published."""
    if (folder / _SENTENCE_BERT).is_file():
        published = json.loads((folder / _SENTENCE_BERT).read_text(encoding="utf-8"))
        if published.get("max_seq_length"):
            return min(int(published["max_seq_length"]), MOST_TOKENS)
    limits = [MOST_TOKENS, tokenizer.model_max_length]
    if positions := getattr(config, "max_position_embeddings", None):
        # RoBERTa and its like use two of their positions for padding.
        limits.append(positions if tokenizer.model_max_length <= positions else positions - 2)
    return int(min(limits))
