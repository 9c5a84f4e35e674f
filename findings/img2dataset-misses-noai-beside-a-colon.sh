#!/usr/bin/env bash
# img2dataset 1.47.0: `noai` is not obeyed where a rule with a colon stands in the same field.
#
# Usual guess: img2dataset leaves out pictures whose X-Robots-Tag says noai, as its README says, so
#   `X-Robots-Tag: max-image-preview:none, noai` leaves one out too: both are rules of the field.
# Seen: everything before the first colon is taken for the name of a crawler. So a picture is kept if
#   a rule with a value (max-image-preview:none, max-snippet:0, unavailable_after: DATE) comes before
#   `noai`, and also if `noai` comes before the first colon. Without a colon it is left out.
# So: whoever relies on the default of --disallowed_header_directives reads the fields of the kept
#   pictures once more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check img2dataset==1.47.0 \
    albumentations==1.4.24 opencv-python-headless==4.14.0.94 pandas==2.3.3 pyarrow==26.0.1
cd "$folder"
cat > show.py <<'PYTHON'
import http.server
import json
import threading
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, unquote

import cv2
import numpy
from img2dataset import download

FIELDS = {
    "index": True,
    "noai": False,
    "noindex, noai": False,
    "max-image-preview:none, noai": True,
    "unavailable_after: 25 Jun 2030 15:00:00 PST, noai": True,
    "noai, max-snippet:0": True,
}
"""A field of X-Robots-Tag, and whether its picture is kept."""

JPEG = cv2.imencode(".jpg", numpy.zeros((32, 32, 3), numpy.uint8))[1].tobytes()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-Robots-Tag", unquote(self.path[1:]))
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(JPEG)))
        self.end_headers()
        self.wfile.write(JPEG)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    print("img2dataset", version("img2dataset"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    Path("urls.txt").write_text("".join(f"{address}{quote(it, safe='')}\n" for it in FIELDS))
    download("urls.txt", output_folder="out", thread_count=2, enable_wandb=False)
    kept = set()
    for path in Path("out").rglob("*.json"):
        about = json.loads(path.read_text())
        if about.get("status") == "success":
            kept.add(unquote(about["url"].removeprefix(address)))
    for field in FIELDS:
        print("kept    " if field in kept else "left out", f"X-Robots-Tag: {field}")
    assert kept == {field for field, is_kept in FIELDS.items() if is_kept}
PYTHON
# img2dataset starts processes that read this file again.
NO_ALBUMENTATIONS_UPDATE=1 "$folder/venv/bin/python" show.py 2> log || { cat log; exit 1; }
