"""What a harvest holds, for people and for programs; may be asked while a crawl is running."""

import time
from datetime import timedelta
from pathlib import Path
from typing import TypedDict

from harvest.ledger import IMAGE_OUTCOMES, Ledger
from harvest.ledger_file import FILE_NAME
from harvest.pacing import HOUR


class Calls(TypedDict):
    """API calls that were spent."""

    total: int
    last_hour: int


class Status(TypedDict):
    """The outcomes of a harvest's photos; zeros are included."""

    photos: int
    api: dict[str, int]
    image: dict[str, int]
    calls: Calls


def harvest_status(folder: Path) -> Status:
    """Return the state of a harvest folder.

    Raises ``HarvestError`` where the folder is none.
    """
    with Ledger(folder / FILE_NAME) as ledger:
        api = ledger.outcome_counts("api")
        return Status(
            photos=sum(api.values()),
            api=api,
            image=ledger.outcome_counts("image"),
            calls=Calls(
                total=ledger.query("SELECT count(*) AS n FROM calls")[0]["n"],
                last_hour=len(ledger.call_times(since=time.time() - HOUR)),
            ),
        )


def describe(folder: Path) -> str:
    """Return a harvest's outcomes as a table, with the quota used and the time that is left."""
    status = harvest_status(folder)
    lines = [f"{'outcome':<12}{'posts':>10}{'pictures':>10}"]
    for outcome in IMAGE_OUTCOMES:
        posts, pictures = status["api"].get(outcome), status["image"][outcome]
        if posts or pictures:
            lines.append(f"{outcome:<12}{'' if posts is None else posts:>10}{pictures:>10}")
    calls = status["calls"]
    with Ledger(folder / FILE_NAME) as ledger:
        quota, left = int(ledger.meta("quota") or 0), ledger.left("api")
    of_quota = f" of {quota}" if quota else ""
    lines.append(
        f"{status['photos']} photos, {calls['total']} API calls "
        f"({calls['last_hour']}{of_quota} in the last hour)"
    )
    if left:
        time_left = f", {timedelta(hours=left / quota)} at this quota" if quota else ""
        lines.append(f"{left} posts left to ask for{time_left}")
    return "\n".join(lines)


def failure_reasons(folder: Path, limit: int = 10) -> list[tuple[str, str, int]]:
    """Return the most frequent reasons of failures: ``api`` or ``image``, reason, photos."""
    with Ledger(folder / FILE_NAME) as ledger:
        rows = ledger.query(
            " UNION ALL ".join(
                f"SELECT '{what}' AS what, {what}_error AS reason, count(*) AS photos FROM photos "
                f"WHERE {what}_outcome IN ('failed', 'corrupt') GROUP BY 1, 2"
                for what in ("api", "image")
            )
            + " ORDER BY photos DESC, what, reason LIMIT ?",
            (limit,),
        )
    return [(row["what"], row["reason"], row["photos"]) for row in rows]
