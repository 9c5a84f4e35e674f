"""Small lists in VSO's format, and a client that queries their virtual corpus like a crawler."""

from pathlib import Path
from typing import Any

import requests

from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.server import SandboxServer

EXTRAS = "description,tags,machine_tags,license,date_upload,date_taken,owner_name,media"
IDS = [13_928 + k * 23_456_789 for k in range(360)]
PAIRS = {"happy_dog": 5_200, "brave_9/11": 700, "wild_river": 90}


def url(number: int) -> str:
    farm, server = number % 9 + 1, 1000 + number % 977
    return f"http://farm{farm}.staticflickr.com/{server}/{number}_{number:010x}.jpg"


def owner(number: int) -> str:
    return f"owner {number % 40}"


def write_lists(folder: Path) -> None:
    """Three pairs of 120 photos, some in two; the smallest lists more than the ontology counts."""
    rows = [(url(number), owner(number)) for number in IDS]
    in_two = {"happy_dog": rows[:120] + rows[355:], "brave_9/11": rows[120:240] + rows[:15]}
    write_vso_lists(
        folder,
        {**in_two, "wild_river": rows[240:]},
        {pair: (1.0, count) for pair, count in PAIRS.items()},
    )


class Client:
    """Queries a sandbox like a crawler."""

    def __init__(self, server: SandboxServer, http: requests.Session) -> None:
        self.server = server
        self.http = http

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        fixed = {"api_key": "k", "format": "json", "nojsoncallback": "1"}
        sent: dict[str, Any] = {**fixed, "method": f"flickr.{method}", **params}
        answer = self.http.get(f"{self.server.url}/services/rest/", params=sent, timeout=10)
        parsed: dict[str, Any] = answer.json()
        return parsed

    def page(self, method: str = "photos.search", **params: Any) -> dict[str, Any]:
        listing: dict[str, Any] = self.ask(method, per_page=500, extras=EXTRAS, **params)["photos"]
        return listing

    def all_pages(self, method: str = "photos.search", **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number in range(1, 9):
            photos = self.page(method, page=number, **params)["photo"]
            if not photos:
                break
            found += photos
        return found


def whole(client: Client, start: int, end: int, **params: Any) -> list[dict[str, Any]]:
    """Return all results of a query, by halving ranges of dates until each can be paged through."""
    found = client.all_pages(min_upload_date=start, max_upload_date=end, **params)
    if len(found) < 4_000:
        return found
    middle = (start + end) // 2
    return whole(client, middle + 1, end, **params) + whole(client, start, middle, **params)
