"""Trains and uses the multimodal multitask network on a data set."""

import os

# By default torch's threads spin while they wait. Where other programs want the same cores, that
# makes an epoch four times slower; passive waiting costs nothing measurable. The variable must be
# set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
