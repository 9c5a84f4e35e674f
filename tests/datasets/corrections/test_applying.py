"""What a build says of corrections names no post that was withdrawn."""

from pathlib import Path

import pyarrow as pa

from flickr_emotion.common.takedown.tombstones import POST, WITHDRAWN, Tombstones, tombstone
from flickr_emotion.datasets.corrections.applying import ACCOUNTED, Corrections, account_for
from flickr_emotion.datasets.corrections.table import Correction


def test_a_withdrawn_post_is_not_named() -> None:
    by_id = {
        photo_id: Correction(
            photo_id=photo_id, what="unfit", was="awe", when="2026-11-30T12:00:00Z"
        )
        for photo_id in ("711", "712", "713")
    }
    judged = pa.table(
        [["711", "713"], [WITHDRAWN, "unfit"], pa.nulls(2, pa.string())], names=list(ACCOUNTED)
    )
    gone = Tombstones.of([tombstone(POST, "712", "asked for by the owner")])
    said: list[str] = []
    account_for(Corrections(path=Path("c.csv"), by_id=by_id), [judged], gone, said.append)
    assert said == [
        "corrections: 1 left out as unfit; 2 not applied, the first: a post that was withdrawn"
    ]
