#!/usr/bin/env bash
# torchvision 0.29.1 with torch 2.14.1: a state dict of Inception or GoogLeNet that was saved from the
# model with weights loads into the model without weights, key by key, and gives other answers.
#
# Usual guess: weights= only fills in the numbers. So a state dict of get_model(name, weights=W), loaded
#   with strict=True into get_model(name, weights=None), gives the same network, as for ResNet.
# Seen: for inception_v3 and googlenet the argument weights= also sets transform_input=True, which
#   scales the channels of every picture once more within forward(). It is an attribute, no buffer, so
#   the state dict does not hold it and a strict load cannot notice its absence.
# So: whoever keeps weights as a state dict must build these two with transform_input=True, or their
#   features are those of pictures with other colours.
#
# The published weights cannot be fetched everywhere, so random ones lie in torch's cache under the
# file name of the published ones. Which numbers they are does not matter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 torchvision==0.29.1
cat > "$folder/inception.py" <<'PYTHON'
import os
from pathlib import Path

import torch
import torchvision
from torchvision.models import get_model, get_model_weights

print("torch", torch.__version__.partition("+")[0], "torchvision", torchvision.__version__)
cache = Path(os.environ["TORCH_HOME"], "hub", "checkpoints")
cache.mkdir(parents=True)
torch.manual_seed(0)
pictures = torch.randn(2, 3, 299, 299)
for name in ("inception_v3", "googlenet", "resnet18"):
    weights = get_model_weights(name).IMAGENET1K_V1
    more = {} if name == "resnet18" else {"aux_logits": True, "init_weights": False}
    torch.save(get_model(name, weights=None, **more).state_dict(), cache / Path(weights.url).name)
    with_weights = get_model(name, weights=weights).eval()
    more = {} if name == "resnet18" else {"aux_logits": with_weights.aux_logits, "init_weights": False}
    without = get_model(name, weights=None, **more).eval()
    print(name, without.load_state_dict(with_weights.state_dict(), strict=True))
    with torch.inference_mode():
        answers = with_weights(pictures)
        # Random weights hardly tell two pictures apart, so that is the unit of the difference.
        apart = (answers[0] - answers[1]).abs().max()
        difference = ((answers - without(pictures)).abs().max() / apart).item()
    flags = [getattr(model, "transform_input", None) for model in (with_weights, without)]
    print(f"{name}: transform_input {flags}, answers differ by {difference:.3g} times as much as two pictures")
    same = difference < 1e-2
    assert same == (name == "resnet18"), name
    assert flags == ([None, None] if name == "resnet18" else [True, False]), name
PYTHON
TORCH_HOME="$folder/home" "$folder/venv/bin/python" -W ignore "$folder/inception.py"
