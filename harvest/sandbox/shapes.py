"""A post in the form of the API's answers, with the keys and types of recorded ones.

Flickr writes the same fact as a number in one place and as a string in another (`farm` and
`takengranularity` in getInfo, `datetakengranularity` in listings). The sandbox does the same, so
that parsers are tested with it.
"""

import time
from collections.abc import Callable
from typing import Any

from flickr_emotion.harvest.sandbox.images import Size, named_secret, sizes
from flickr_emotion.harvest.sandbox.posts import Post, derived
from flickr_emotion.harvest.sandbox.search import is_machine_tag, listed_tags, normalised

Json = dict[str, Any]
WEB = "https://www.flickr.com/photos"
IMAGES = "https://live.staticflickr.com"
_LISTED = {
    "sq": "s", "q": "q", "t": "t", "s": "m", "n": "n", "w": "w", "m": "", "z": "z",
    "c": "c", "l": "b", "h": "h", "k": "k", "o": "o",
}  # fmt: skip
"""The suffix of each size by the name of its extra: `url_l` is `_b`."""


def _taken(post: Post) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(post.date_upload - 86_400))


def _last_update(post: Post) -> str:
    return str(post.date_upload + 95_212)


def _views(post: Post) -> str:
    return str(derived("views", post.photo_id) % 500)


def may_download(post: Post) -> bool:
    """Whether the original may be downloaded: the owner's setting, or free licences and others."""
    if post.candownload >= 0:
        return bool(post.candownload)
    return post.license != 0 or derived("download", post.photo_id) % 2 == 0


def _tag(post: Post, raw: str) -> Json:
    norm = normalised(raw)
    author = post.owner.partition("@")[0]
    return {
        "id": f"{author}-{post.photo_id}-{derived(norm) % 10**6}",
        "author": post.owner,
        "authorname": post.owner_name,
        "raw": raw,
        "_content": norm,
        "machine_tag": int(is_machine_tag(raw)),
    }


def photo(post: Post) -> Json:
    """Return the `photo` of photos.getInfo."""
    return {
        "id": post.photo_id,
        "secret": post.secret,
        "server": post.server,
        "farm": post.farm,
        "dateuploaded": str(post.date_upload),
        "isfavorite": 0,
        "license": str(post.license),
        "safety_level": str(post.safety_level),
        "rotation": 0,
        **_original_format(post),
        "owner": {
            "nsid": post.owner,
            "username": post.owner_name,
            "realname": "",
            "location": "",
            "iconserver": "65535",
            "iconfarm": 66,
            "path_alias": None,
            "gift": {
                "gift_eligible": True,
                "eligible_durations": ["year", "month", "week"],
                "new_flow": True,
            },
        },
        "title": {"_content": post.title},
        "description": {"_content": post.description},
        "visibility": {"ispublic": int(post.status == "ok"), "isfriend": 0, "isfamily": 0},
        "dates": {
            "posted": str(post.date_upload),
            "taken": _taken(post),
            "takengranularity": 0,
            "takenunknown": "0",
            "lastupdate": _last_update(post),
        },
        "views": _views(post),
        "editability": {"cancomment": 0, "canaddmeta": 0},
        "publiceditability": {"cancomment": 1, "canaddmeta": 0},
        "usage": {
            "candownload": int(may_download(post)),
            "canblog": 0,
            "canprint": 0,
            "canshare": 1,
        },
        "comments": {"_content": "0"},
        "notes": {"note": []},
        "people": {"haspeople": 0},
        "tags": {"tag": [_tag(post, raw) for raw in post.tags]},
        "urls": {
            "url": [{"type": "photopage", "_content": f"{WEB}/{post.owner}/{post.photo_id}/"}]
        },
        "media": post.media,
        **_video(post),
    }


def listed(post: Post, extras: list[str]) -> Json:
    """Return a `photo` of a listing with the requested extras; unknown ones are ignored."""
    shown: Json = {
        "id": post.photo_id,
        "owner": post.owner,
        "secret": post.secret,
        "server": post.server,
        "farm": post.farm,
        "title": post.title,
        "ispublic": 1,
        "isfriend": 0,
        "isfamily": 0,
    }
    for extra in extras:
        if extra in _EXTRAS:
            shown.update(_EXTRAS[extra](post))
        elif extra.startswith("url_"):
            shown.update(_listed_size(post, extra[4:]))
    return shown


def _video(post: Post) -> Json:
    if post.media == "photo":
        return {}
    width, height = (str(pixels) for pixels in post.size)
    made = {"ready": 1, "failed": 0, "pending": 0, "duration": "10"}
    return {"video": made | {"width": width, "height": height}}


def _original_format(post: Post) -> Json:
    if not may_download(post):
        return {}
    return {"originalsecret": named_secret(post, "o"), "originalformat": "jpg"}


_EXTRAS: dict[str, Callable[[Post], Json]] = {
    "description": lambda post: {"description": {"_content": post.description}},
    "tags": lambda post: {"tags": " ".join(listed_tags(post.tags))},
    "machine_tags": lambda post: {
        "machine_tags": " ".join(listed_tags(filter(is_machine_tag, post.tags)))
    },
    "license": lambda post: {"license": str(post.license)},
    "safety_level": lambda post: {"safety_level": str(post.safety_level)},
    "date_upload": lambda post: {"dateupload": str(post.date_upload)},
    "date_taken": lambda post: {
        "datetaken": _taken(post),
        "datetakengranularity": "0",
        "datetakenunknown": "0",
    },
    "last_update": lambda post: {"lastupdate": _last_update(post)},
    "owner_name": lambda post: {"ownername": post.owner_name},
    "path_alias": lambda post: {"pathalias": None},
    "views": lambda post: {"views": _views(post)},
    "media": lambda post: {"media": post.media, "media_status": "ready"},
    "original_format": _original_format,
    "o_dims": lambda post: {"o_width": str(post.size[0]), "o_height": str(post.size[1])},
    # Posts of a corpus are never geotagged.
    "geo": lambda post: {"latitude": 0, "longitude": 0, "accuracy": 0, "context": 0},
}
"""What each extra adds to a listed photo, without `url_X`."""


def source(post: Post, size: Size) -> str:
    """Return the URL of a picture on Flickr's own host."""
    ending = f"_{size.suffix}" if size.suffix else ""
    return f"{IMAGES}/{post.server}/{post.photo_id}_{named_secret(post, size.suffix)}{ending}.jpg"


def _listed_size(post: Post, name: str) -> Json:
    for size in sizes(post):
        if size.suffix == _LISTED.get(name) and (size.suffix != "o" or may_download(post)):
            return {
                f"url_{name}": source(post, size),
                f"height_{name}": size.height,
                f"width_{name}": size.width,
            }
    return {}


def all_sizes(post: Post) -> Json:
    """Return the `sizes` of photos.getSizes."""
    paths = {suffix: name for name, suffix in _LISTED.items()}
    return {
        "canblog": 0,
        "canprint": 0,
        "candownload": int(may_download(post)),
        "size": [
            {
                "label": size.label,
                "width": size.width,
                "height": size.height,
                "source": source(post, size),
                "url": f"{WEB}/{post.owner}/{post.photo_id}/sizes/{paths[size.suffix]}/",
                "media": "photo",
            }
            for size in sizes(post)
            if size.suffix != "o" or may_download(post)
        ],
    }
