"""What a build makes of ``--corrections``: which were applied, which not and why.

A correction that changes nothing says that something else has changed: the list, a rule, the label.
So each is accounted for. A label that no other post has is refused, because it is more likely
misspelt than a new class.
"""

from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.corrections import Corrections

_LABELLED = "label"
_IN_WORDS = {
    _LABELLED: "with another label",
    "wrong-label": "left out for a wrong label",
    "unfit": "left out as unfit",
}


def account_for(corrections: Corrections, spool: Spool, say: Callable[[str], None]) -> None:
    """Say what was applied; raises ``DatasetError`` for a label that no other post has."""
    ids = pa.array(list(corrections.by_id), pa.string())
    labels: set[str] = set()
    there: dict[str, tuple[str | None, str | None]] = {}
    for table in spool.tables(("photo_id", "reason", "label")):
        named = pc.is_in(table.column("photo_id"), value_set=ids)
        labels.update(pc.unique(table.filter(pc.invert(named)).column("label")).to_pylist())
        for row in table.filter(named).to_pylist():
            there[row["photo_id"]] = row["reason"], row["label"]
    applied: Counter[str] = Counter()
    idle: list[str] = []
    for photo_id, one in corrections.by_id.items():
        if one.label and one.label not in labels:
            raise DatasetError(
                f"{corrections.path}: photo {photo_id} gets the label {one.label!a}, which no "
                "other post has: give one of the labels of the posts"
            )
        reason, label = there.get(photo_id, (None, None))
        if photo_id not in there:
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
