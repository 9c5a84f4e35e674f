"""What a model card says of withdrawn posts that the run was trained on."""

import re
from collections.abc import Sequence

from flickr_emotion.common.printing import markdown_cell
from flickr_emotion.common.takedown.tombstones import Tombstone
from flickr_emotion.model.runs.withdrawn import in_words

_TITLE = "## Withdrawn posts"
_SECTION = re.compile(rf"\n{_TITLE}\n.*?(?=\n## |\Z)", re.DOTALL)


def card_with(card: str, withdrawn: Sequence[Tombstone]) -> str:
    """Return a model card with the section on withdrawn posts, in the place of an older one."""
    rows = "".join(
        f"| `{it.digest[:16]}` | {it.date} | {markdown_cell(it.reason)} |\n" for it in withdrawn
    )
    section = (
        f"\n{_TITLE}\n\nOf the data set that this run was trained on {in_words(withdrawn)}. "
        "Texts, tags and pictures are removed; the weights still hold what was learned of them. To "
        "leave them out, train again on the data set as it is now.\n\n"
        f"| tombstone | date | reason |\n|---|---|---|\n{rows}"
    )
    return _SECTION.sub("", card).rstrip("\n") + "\n" + section
