"""What can become of a photo's post and of its picture, and which of it is ever asked again."""

ASKED_AGAIN = ("pending", "failed")
"""Not asked yet, and no usable answer: all others are final until the user says otherwise."""
VIDEO = "video"
"""A video is no photo: neither its text nor its poster frame is kept, and no ``--refresh`` asks."""
NO_VIDEO = f"api_outcome <> '{VIDEO}'"
"""In SQL: what comes of a photo that has turned out to be one meanwhile does not count."""
API_OUTCOMES = ("pending", "ok", "gone", "private", VIDEO, "failed")
IMAGE_OUTCOMES = (*API_OUTCOMES, "placeholder", "corrupt")
DEAD_PICTURES = ("gone", "private", "placeholder")
"""Pictures that the public does not see any more."""


def quoted(outcomes: tuple[str, ...]) -> str:
    """Return outcomes as SQL writes them in ``IN (...)``."""
    return ", ".join(f"'{outcome}'" for outcome in outcomes)
