"""Write lists in exactly the published formats, so that the readers are tested with them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

FILES_PER_EMOTION = 7
_EXPLANATION = (
    "This file lists the adjective noun pairs with the mean sentiment of each and the number of "
    "its images."
)


def write_votes_lists(folder: Path, rows: Iterable[Sequence[str | int]]) -> None:
    """Write You et al.'s `agg/<emotion>_<k>.csv` below `folder`, seven files for each emotion.

    A row is `emotion, url, disagree, agree`. It is written unchanged, so that a test can pass
    broken ones; its file is that of the first cell's emotion. Raises ``OSError`` if the folder
    cannot be written.
    """
    lines: dict[str, list[str]] = {}
    for row in rows:
        lines.setdefault(str(row[0]), []).append(",".join(map(str, row)) + "\n")
    target = folder / "agg"
    target.mkdir(parents=True, exist_ok=True)
    for emotion, written in lines.items():
        for k in range(FILES_PER_EMOTION):
            text = "".join(written[k::FILES_PER_EMOTION])
            (target / f"{emotion}_{k + 1}.csv").write_text(text, encoding="utf-8", newline="")


def write_vso_lists(
    folder: Path,
    pairs: Mapping[str, Iterable[tuple[str, str]]],
    ontology: Mapping[str, tuple[float, int]],
) -> None:
    """Write VSO's layout below `folder`: `URL1553/<adjective>_<noun>.txt` and `3244ANPs.txt`.

    `pairs` maps a pair (`happy_dog`) to its rows of URL and owner's name; `ontology` maps a pair to
    its sentiment (-2 to 2) and its number of images. A slash in a pair (`brave_9/11`) becomes a
    hyphen in its file's name, as in the original. Raises ``OSError`` if the folder cannot be
    written.
    """
    target = folder / "URL1553"
    target.mkdir(parents=True, exist_ok=True)
    for pair, rows in pairs.items():
        text = "".join(
            f'image_url: {url}    flickr_username: "{owner}" realname: ""\n' for url, owner in rows
        )
        name = f"{pair.replace('/', '-')}.txt"
        (target / name).write_text(text, encoding="utf-8", newline="")
    (folder / "3244ANPs.txt").write_text(_ontology(ontology), encoding="utf-8", newline="")


def _ontology(ontology: Mapping[str, tuple[float, int]]) -> str:
    """Return the ontology's text: adjectives by their number of images, with their pairs below."""
    adjectives: dict[str, list[tuple[str, float, int]]] = {}
    for pair, (sentiment, images) in ontology.items():
        adjectives.setdefault(pair.partition("_")[0], []).append((pair, sentiment, images))
    lines = [_EXPLANATION, "", ""]
    ranked = sorted(adjectives.items(), key=lambda item: -sum(images for _, _, images in item[1]))
    for number, (adjective, below) in enumerate(ranked, start=1):
        mean = sum(sentiment for _, sentiment, _ in below) / len(below)
        total = sum(images for _, _, images in below)
        lines.append(f"{number}. {adjective} [sentiment: {mean:.2f}] [#images: {total:,}]")
        lines += [
            f"\t{pair} [sentiment: {sentiment:.2f}] [#imgs: {images:,}]"
            for pair, sentiment, images in sorted(below, key=lambda item: -item[2])
        ]
    return "\r\n".join(lines)  # The original has no line ending at the end.
