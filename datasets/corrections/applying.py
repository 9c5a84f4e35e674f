"""What a build makes of ``--corrections``: which were applied, which not and why.

A correction that changes nothing says that something else has changed: the list, a rule, the label.
So each is accounted for. A label that no other post has is refused, because it is more likely
misspelt than a new class.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.takedown.tombstones import WITHDRAWN, Tombstones
from flickr_emotion.datasets.corrections.table import KINDS, Correction, read_corrections
from flickr_emotion.datasets.errors import DatasetError

ACCOUNTED = ("photo_id", "reason", "label")
_LABELLED = "label"
_IN_WORDS = {
    _LABELLED: "with another label",
    "wrong-label": "left out for a wrong label",
    "unfit": "left out as unfit",
}


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """The corrections that a build applies; it can be pickled and sent to other processes."""

    path: Path
    by_id: Mapping[str, Correction] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Corrections":
        """Read a table; raises ``DatasetError``."""
        return cls(path=path, by_id=read_corrections(path))

    def apply(self, row: dict[str, Any]) -> None:
        """Change a post (``raw_posts.py``) that nothing else excludes.

        The new label has no votes: nobody has counted any for it.
        """
        one = self.by_id.get(row["photo_id"])
        if one is None or (one.was and one.was != row.get("label")):
            return
        if one.label:
            row |= {"label": one.label, "votes": None, "sentiment": None, "ballots": None}
        else:
            row["reason"] = one.what

    def described(self) -> dict[str, Any]:
        """Return what ``dataset.json`` says of them."""
        rows = sorted(repr(it) for it in self.by_id.values())
        kinds = Counter(it.what for it in self.by_id.values())
        return {
            "sha256": hashlib.sha256("\n".join(rows).encode()).hexdigest(),
            **{kind: kinds[kind] for kind in KINDS},
        }


def account_for(
    corrections: Corrections,
    judged: Iterable[pa.Table],
    withdrawn: Tombstones,
    say: Callable[[str], None],
) -> None:
    """Say what was applied; raises ``DatasetError`` for a label that no other post has.

    ``judged``: the columns ``ACCOUNTED`` of all posts. A post that was withdrawn is not named.
    """
    ids = pa.array(list(corrections.by_id), pa.string())
    labels: set[str] = set()
    there: dict[str, tuple[str | None, str | None]] = {}
    for table in judged:
        named = pc.is_in(table.column("photo_id"), value_set=ids)
        labels.update(pc.unique(table.filter(pc.invert(named)).column("label")).to_pylist())
        for row in table.filter(named).to_pylist():
            there[row["photo_id"]] = row["reason"], row["label"]
    applied: Counter[str] = Counter()
    idle: list[str] = []
    for photo_id, one in corrections.by_id.items():
        if one.label and one.label not in labels and not withdrawn.name(photo_id):
            raise DatasetError(
                f"{corrections.path}: photo {photo_id} gets the label {one.label!a}, which no "
                "other post has: give one of the labels of the posts"
            )
        reason, label = there.get(photo_id, (None, None))
        if reason == WITHDRAWN or withdrawn.name(photo_id):
            idle.append("a post that was withdrawn")
        elif photo_id not in there:
            idle.append(f"photo {photo_id} is not among the posts")
        elif one.label and label == one.label:
            applied[_LABELLED] += 1
        elif not one.label and reason == one.what:
            applied[one.what] += 1
        elif reason is not None:
            idle.append(f"photo {photo_id} is left out as {reason}")
        else:
            idle.append(f"photo {photo_id} is now labelled {label}, not {one.was}")
    done = ", ".join(f"{applied[name]} {said}" for name, said in _IN_WORDS.items() if applied[name])
    others = f"; {len(idle)} not applied, the first: {idle[0]}" if idle else ""
    say(f"corrections: {done or 'none applied'}{others}")
