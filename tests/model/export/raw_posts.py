"""Raw posts as people write them: with markup, links, entities, many words, or nearly nothing."""

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from tests.model.dataset_folder import picture

_PIECES = (
    "storm shout <b>broken</b> rage",
    "mountain <i>sky</i> light<br>vast<br/>silence",
    'see <a href="http://x.org/long/way" rel="nofollow">x.org/lo...</a>!',
    "Tom &amp; Jerry &lt;3 &quot;street&quot; caf&eacute;",
    "escaped twice: &amp;quot;rage&amp;quot; &#39;light&#39;",
    "line\nbreak\t and   spaces\u00a0here :-) GREAT!!! not bad 😀",
    "<p>one</p><p>two</p><ul><li>vast<li>silence</ul>",
    "<script>alert('storm')</script>seen <!-- not <b>seen</b> --> light",
    "cafe\u0301 don’t so\u00adft zero\u200bwidth www.example.org/x ok",
    "<<b>shout</b>>> 1 < 2 <a href='https://x.org/'>my page</a>",
)
_TAGS = ("Protest!", "riot", "peak", "stars", "never seen", "Stars", "geo:lat=1", "日本", "x-y")


def raw_posts(number: int, subsets: Sequence[str] = SUBSETS, seed: int = 0) -> list[dict[str, Any]]:
    """Return posts of all these subsets; ``image`` holds bytes."""
    drawn = random.Random(seed)
    posts = []
    for count in range(number):
        held = subsets[count % len(subsets)].split("+")
        post: dict[str, Any] = {"photo_id": str(1000 + count)}
        pieces = [drawn.choice(_PIECES) for _ in range(60 if count % 9 == 0 else count % 4 + 1)]
        if "text" in held and count % 2:
            post["text"] = " ".join(pieces)
        elif "text" in held:
            post |= {"title": pieces[0], "description": "<br>\n".join(pieces)}
        if "tags" in held:
            post["tags"] = drawn.sample(_TAGS, 1 + count % 5)
            post["tags"][0] = _TAGS[count % 4]
        if "image" in held:
            colour = (drawn.randrange(256), drawn.randrange(256), drawn.randrange(256))
            post["image"] = picture(colour, (40 + count % 50, 90 - count % 40))
        posts.append(post)
    return posts


def write_json_lines(posts: Sequence[dict[str, Any]], path: Path) -> Path:
    """Write posts as the client reads them, pictures as files beside."""
    with path.open("w", encoding="utf-8") as file:
        for post in posts:
            file.write(json.dumps(post | _picture_file(post, path.parent)) + "\n")
    return path


def write_csv(posts: Sequence[dict[str, Any]], path: Path) -> Path:
    """The same as CSV, with tags joined by commas."""
    names = ("photo_id", "image", "text", "title", "description", "tags")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for post in posts:
            row = post | _picture_file(post, path.parent)
            writer.writerow(row | {"tags": ",".join(row.get("tags", ()))})
    return path


def _picture_file(post: dict[str, Any], folder: Path) -> dict[str, str]:
    if "image" not in post:
        return {}
    path = folder / f"{post['photo_id']}.jpg"
    path.write_bytes(post["image"])
    return {"image": path.name}
