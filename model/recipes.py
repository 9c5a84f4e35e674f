"""The two recipes of `train`: the paper's, and the best one we know for small data sets.

`docs/model.md` says what of the first is not the paper's (``model/departures.py``).

`--recipe best` keeps the paper's idea (an encoder for each modality, seven heads, a summed loss,
the same treatment of absent modalities) and adds current practice. Each part was kept because it
improved validation results in cross-validation on real posts (docs/measurements.md has the
figures), and `--without` omits it. The command line imports this module, so it must not import
torch.
"""

PAPER, BEST = "paper", "best"
RECIPES = (PAPER, BEST)

SENTENCES, LEXICON = "sentences", "lexicon"
PICTURES = "pictures"
NARROW, SHALLOW, DIRECT = "narrow", "shallow", "direct"
DROPOUT, RATE, OWN_HEAD = "dropout", "rate", "own"
REGRESSION = "regression"

PARTS = {
    SENTENCES: "texts and tags are read by a frozen sentence encoder instead of word and tag "
    "vectors trained on the posts",
    LEXICON: "a sentiment lexicon rates how positive and how negative a text's words are",
    PICTURES: "two image encoders side by side, with the maps of their stages",
    NARROW: "representations of 32 numbers instead of 300",
    SHALLOW: "representations end in ReLU and a head has one layer instead of three",
    DIRECT: "a linear layer from a modality's inputs to the classes is added to every head that "
    "reads the modality",
    DROPOUT: "dropout of one half on the inputs of encoders and of heads",
    RATE: "a learning rate of 0.001 after a warm-up of 20 steps, in batches of 128, in place of "
    "the paper's 0.01 in batches of 64, after 200 steps",
    OWN_HEAD: "the head of a post's own subset counts five times in its loss, not once",
    REGRESSION: "a logistic regression on the same inputs answers with the network",
}
"""The parts of the best recipe, by name: what each does, and what it replaces."""

SHARE_OF_REGRESSION = 2 / 3
"""The regression's weight in the mean of both answers. From a half on it matters little."""

TUNED = "tuned"
"""The reader of `--finetune-text` (``model/features/texts/tuned.py``)."""
SHARE_OF_TUNED = 0.3
"""The weight of its answer in the mean with the network's, where a post has a text or tags."""

MINILM, MPNET, USE = "minilm", "mpnet", "use"
TEXT_ENCODERS = (MINILM, MPNET, USE)
"""The sentence encoders of the part ``sentences``, by name (``model/features/texts/``)."""
BEST_TEXT = MPNET

HUB = "hub:"
"""The beginning of the name of an encoder from the hub, or from a folder of one's own."""

PAPERS_IMAGES, BEST_IMAGES = "densenet121", "efficientnet_lite0_stages+efficientnet_lite2_stages"
PAPERS_RATE, BEST_RATE = 0.01, 0.001
PAPERS_BATCH, BEST_BATCH = 64, 128
# Adam's first steps move every weight by the full rate, whatever the gradient. At the paper's rate
# of 0.01 they push most feature maps of the text encoder below zero for good, and its head then
# always predicts the majority class (docs/measurements.md has the figures).
PAPERS_WARM_UP, BEST_WARM_UP = 200, 20
