"""The outcomes of posts and pictures, and which of them are requested again."""

ASKED_AGAIN = ("pending", "failed")
"""Not requested yet, and no usable answer; all others are final unless the user says otherwise."""
VIDEO = "video"
"""A video is not a photo: nothing of it is kept, and ``--refresh`` does not ask for it again."""
NO_VIDEO = f"api_outcome <> '{VIDEO}'"
"""SQL condition: results for a photo that has turned out to be a video are ignored."""
API_OUTCOMES = ("pending", "ok", "gone", "private", VIDEO, "failed")
IMAGE_OUTCOMES = (*API_OUTCOMES, "placeholder", "corrupt")
DEAD_PICTURES = ("gone", "private", "placeholder")
"""The outcomes of pictures that are no longer public."""


def quoted(outcomes: tuple[str, ...]) -> str:
    """Return outcomes as SQL writes them in ``IN (...)``."""
    return ", ".join(f"'{outcome}'" for outcome in outcomes)
