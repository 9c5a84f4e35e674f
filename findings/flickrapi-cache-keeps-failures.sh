#!/usr/bin/env bash
# flickrapi 2.4.0 with cache=True: a failed call is answered from the cache.
#
# Usual guess: a cache of an API client keeps answers; a call that failed is sent again.
# Seen: the server answers the first call with Flickr's temporary failure (code 105) and every later
#   one with the photo. flickrapi sends one call, and raises the same failure for all of them until
#   the entry expires (five minutes by default).
# So: whoever retries temporary failures above flickrapi must leave its cache off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check flickrapi==2.4.0 requests==2.32.5
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import importlib.metadata
import json
import sys
import threading

import flickrapi

print("Python", sys.version.split()[0], "flickrapi", importlib.metadata.version("flickrapi"))
calls = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global calls
        calls += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        failure = {"stat": "fail", "code": 105, "message": "Service currently unavailable"}
        photo = {"photo": {"id": "1"}, "stat": "ok"}
        body = json.dumps(failure if calls == 1 else photo).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def ask_three_times(cache):
    """Return what three calls said, and how many reached the server."""
    global calls
    calls = 0
    api = flickrapi.FlickrAPI(
        "0" * 32, "1" * 16, format="parsed-json", store_token=False, cache=cache, timeout=10
    )
    api.REST_URL = f"http://127.0.0.1:{server.server_address[1]}/services/rest/"
    said = []
    for _ in range(3):
        try:
            said.append(api.photos.getInfo(photo_id="1")["stat"])
        except flickrapi.FlickrError as error:
            said.append(error.code)
    return said, calls


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for cache in (False, True):
    print(f"cache={cache}: answers {ask_three_times(cache)[0]}")
assert ask_three_times(cache=False) == ([105, "ok", "ok"], 3)
assert ask_three_times(cache=True) == ([105, 105, 105], 1)
PYTHON
