#!/usr/bin/env bash
# Pillow 13.0.0: Image.open(file, formats=["JPEG"]) gives a picture whose format is MPO.
#
# Usual guess: with formats=["JPEG"] the result has the format "JPEG" or there is an error, so a test
#   `image.format == "JPEG"` tells files that can be kept byte by byte.
# Seen: a JPEG with a second picture behind the first one, as many phones write it, is opened with
#   the format "MPO", the type "image/mpo" and two frames, although only JPEG was allowed. It is a
#   valid JPEG file for every other reader.
# So: code that keeps or re-encodes by `format` treats photos of such phones otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io

import PIL
from PIL import Image

print("Pillow", PIL.__version__)
file = io.BytesIO()
first, second = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (64, 48), "blue")
first.save(file, "MPO", save_all=True, append_images=[second])
print("begins as a JPEG:", file.getvalue()[:3] == b"\xff\xd8\xff")
opened = Image.open(file, formats=["JPEG"])
print("format", opened.format, opened.get_format_mimetype(), "frames", opened.n_frames)
assert file.getvalue()[:3] == b"\xff\xd8\xff"
assert (opened.format, opened.get_format_mimetype(), opened.n_frames) == ("MPO", "image/mpo", 2)
PYTHON
