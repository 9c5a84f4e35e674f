#!/usr/bin/env bash
# Pillow 12.3.0 and 13.0.0 with imagehash 4.3.2: tall pictures have other perceptual hashes.
#
# Usual guess: a perceptual hash of the same pixels is the same on every machine, so hashes of a
#   shared data set may be compared exactly, whatever the version of Pillow.
# Seen: of 40 grey pictures more than twice as tall as wide, eleven have a pHash or dHash that
#   differs in a few bits between the two versions; of 40 that are wider, none. Pillow
#   13 shrinks height and width in another order there, which rounds otherwise.
# So: hashes that leave the machine need the version beside them, or a distance in place of equality.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 12.3.0 13.0.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check \
        "pillow==$version" imagehash==4.3.2 numpy==2.3.5 scipy==1.16.3 PyWavelets==1.9.0
    "$folder/$version/bin/python" - "$folder/$version.json" <<'PYTHON'
import importlib.metadata
import json
import sys

import imagehash
import numpy as np
from PIL import Image

print(*(f"{name} {importlib.metadata.version(name)}" for name in ("pillow", "imagehash", "numpy")))
random = np.random.default_rng(3)


def hashes(height, width):
    """Return both hashes of a picture of waves and noise."""
    y, x = np.mgrid[:height, :width]
    waves = sum(
        np.cos(x * random.uniform(0, 0.05) + y * random.uniform(0, 0.05) + random.uniform(0, 6))
        for _ in range(6)
    )
    scaled = (waves - waves.min()) / (waves.max() - waves.min()) * 255
    noisy = (scaled + random.normal(0, 20, scaled.shape)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(noisy)
    return [str(imagehash.phash(picture)), str(imagehash.dhash(picture))]


sizes = [(int(random.integers(2 * w + 1, 4 * w)), w) for w in range(150, 190)]
found = {
    "tall": [hashes(height, width) for height, width in sizes],
    "wide": [hashes(width, height) for height, width in sizes],
}
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
PYTHON
done
python3 - "$folder" <<'PYTHON'
import json
import sys
from pathlib import Path

older, newer = (
    json.loads(Path(sys.argv[1], f"{version}.json").read_text()) for version in ("12.3.0", "13.0.0")
)
differ = {
    shape: sum(one != other for one, other in zip(older[shape], newer[shape], strict=True))
    for shape in older
}
print(f"pictures of 40 whose hashes differ: {differ}")
assert differ["tall"] >= 8
assert differ["wide"] <= 2
PYTHON
