"""The two recipes of `train`: the paper's, and the best that we know for few posts.

`--recipe best` is the paper's idea with what a careful engineer adds today: an encoder for each
modality, seven heads, a summed loss, absence as in the paper. Each part was kept because it helped
on the validation posts of cross-validation on real posts (docs/measurements.md says how much), and
can be left out with `--without`. The command line imports this module: it must not import torch.
"""

PAPER, BEST = "paper", "best"
RECIPES = (PAPER, BEST)

SENTENCES, LEXICON = "sentences", "lexicon"
PICTURES = "pictures"
SHALLOW, DROPOUT, RATE = "shallow", "dropout", "rate"
MEMBERS, TOGETHER = "members", "together"

PARTS = {
    SENTENCES: "texts and tags are read by a frozen sentence encoder, not by vectors of words and "
    "tags that are trained from the posts",
    LEXICON: "a lexicon of sentiment says how positive and how negative a text's words are",
    PICTURES: "two image networks side by side",
    SHALLOW: "representations end in ReLU and a head is one layer, not three",
    DROPOUT: "half of what encoders read and half of what heads read is dropped",
    RATE: "a learning rate of 0.001 after a warm-up of 20 steps, in batches of 128; not 0.01 after "
    "200 steps, in batches of 64",
    MEMBERS: "five networks that differ in their first weights and dropout answer together",
    TOGETHER: "the mean of the heads that fit a post is trained as well, not each head alone",
}
"""What the best recipe adds, by name: what it does, and in place of what."""

READERS = (SENTENCES, LEXICON)
"""The parts that read texts and tags (``model/features/text_readers.py``)."""

PAPERS_IMAGES, BEST_IMAGES = "densenet121", "efficientnet_lite0+efficientnet_lite2"
PAPERS_RATE, BEST_RATE = 0.01, 0.001
PAPERS_BATCH, BEST_BATCH = 64, 128
# Adam's first steps move every weight by the full rate, whatever the gradient. At the paper's rate
# of 0.01 they drive most feature maps of the text encoder below zero for good: its head then
# answers with the majority class (docs/measurements.md has the figures).
PAPERS_WARM_UP, BEST_WARM_UP = 200, 20
