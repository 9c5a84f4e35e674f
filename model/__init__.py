"""Data set to a trained multimodal multitask network."""

import os

# torch's threads spin while they wait for one another. Where other programs want the same cores,
# that makes an epoch four times slower; waiting without spinning costs nothing that one notices.
# It must be said before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
