"""A sentence encoder whose layers are trained on a run's own posts (`train --finetune-text`).

It gives a text a score for each class; the softmax of the scores is its answer, which
`--recipe best`'s network joins with its own (``model/networks/recipe_network.py``).

Shapes in names: N texts, L tokens, H numbers of a token's vector, C classes.
"""

# ruff: noqa: N806 (shapes in names)

from typing import Any

from torch import Tensor, nn

DROPPED = 0.1
"""Of the mean of a text's token vectors, as in the encoder's own layers (Vaswani et al. 2017)."""


class TunedText(nn.Module):
    """MiniLM with a layer of scores above the mean of its last layer."""

    def __init__(self, encoder: Any, classes: int) -> None:
        """``encoder``: MiniLM's network by transformers, which is taken over and not copied."""
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.drop = nn.Dropout(DROPPED)
        self.scores = nn.Linear(encoder.config.hidden_size, classes)
        for parameter in self.scores.parameters():
            nn.init.zeros_(parameter)  # no score before it has learnt

    def tuned(self) -> nn.ModuleDict:
        """Return the parts that are trained; the vectors of the tokens are not."""
        return nn.ModuleDict({"layers": self.encoder.encoder, "scores": self.scores})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the scores (N, C) of tokens (N, L)."""
        seen = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        there_NL1 = attention_mask[:, :, None].float()
        mean_NH = (seen.last_hidden_state * there_NL1).sum(1) / there_NL1.sum(1)
        scores_NC: Tensor = self.scores(self.drop(mean_NH))
        return scores_NC
