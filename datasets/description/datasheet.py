"""The datasheet of a data set: what the card answers and Croissant's RAI properties say alike.

The questions are those of Gebru et al., Datasheets for Datasets (CACM 2021), shortened. An answer
holds only what the build knows. A question without one is open: whoever publishes the data set has
to answer it. Some answers are also a property of Croissant's RAI vocabulary, by whose name they go.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.printing import printable
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.description.labelling import CITE_AS, OWN, protocol_of
from flickr_emotion.datasets.description.post_counts import (
    Votes,
    posts_by_license,
    posts_by_preference,
)
from flickr_emotion.datasets.description.sentences import (
    biases,
    counted,
    missing_modalities,
    missing_posts,
    when,
)
from flickr_emotion.datasets.rules.verdicts import texts_in_words


@dataclass(frozen=True)
class Entry:
    """A question of the datasheet and its answer."""

    section: str
    question: str
    answers: tuple[str, ...] = ()
    """Sentences; none if the question is open."""
    property: str = ""
    """The answer's property in Croissant's RAI vocabulary."""


def datasheet(content: Mapping[str, Any], votes: Votes | None) -> tuple[Entry, ...]:
    """Return the datasheet of the data set that ``content`` (of ``dataset.json``) describes."""
    return (
        *_motivation(content),
        *_composition(content),
        *_collection(content),
        *_preprocessing(content, votes),
        *_uses(),
        *_distribution(content),
        *_maintenance(content),
    )


def _motivation(content: Mapping[str, Any]) -> Iterator[Entry]:
    section = "Motivation"
    yield Entry(
        section,
        "For what purpose was it made?",
        (
            "To train and compare classifiers of the emotion or sentiment of posts from picture, "
            "text and tags, any of which may be absent.",
        ),
        "dataUseCases",
    )
    yield Entry(section, "Who made it, and for whom?")
    yield Entry(section, "Who paid for it?")


def _composition(content: Mapping[str, Any]) -> Iterator[Entry]:
    section = "Composition"
    totals = {split: content["counts"][split]["total"] for split in SPLITS}
    yield Entry(
        section,
        "What is an instance, and how many are there?",
        (
            f"A post with a label and up to three modalities: {', '.join(MODALITIES)}. "
            + ", ".join(f"{count} for {split}" for split, count in totals.items())
            + ".",
        ),
    )
    yield Entry(
        section,
        "Is anything missing?",
        (missing_posts(content), missing_modalities(content)),
        "dataCollectionMissingData",
    )
    yield Entry(
        section,
        "Are absent values filled in?",
        ("Nothing is: an absent picture or text is null, absent tags are an empty list.",),
        "dataImputationProtocol",
    )
    yield Entry(
        section, "Which errors, noise and biases are known?", tuple(biases(content)), "dataBiases"
    )
    yield Entry(
        section,
        "Does it hold what is personal or sensitive?",
        (
            "Pictures and texts are kept as their owners published them: they may show and name "
            "persons, and nothing is blurred or removed.",
            "The column owner is a pseudonym, not a protection: with the photo ids, "
            "anyone can look the owners up where the posts are.",
        ),
        "personalSensitiveInformation",
    )
    yield Entry(section, "Could it offend, or identify groups of people?")


def _collection(content: Mapping[str, Any]) -> Iterator[Entry]:
    section = "Collection"
    service = content.get("service")
    if service == "own":
        yield Entry(section, "How was it collected?", (OWN,), "dataCollection")
        yield Entry(section, "When was it collected?")
        yield Entry(section, "Were the persons told, and did they consent?")
        return
    where = "Flickr" if service == "flickr" else "another server in Flickr's place"
    yield Entry(
        section,
        "How was it collected?",
        (
            f"A list of photos was followed to {where}: pictures from the image hosts, title, "
            "description, tags, owner and licence from the API (flickr.photos.getInfo and "
            "flickr.photos.search).",
        ),
        "dataCollection",
    )
    kind = content["kind"]
    digest = printable(str(content.get("lists_digest")))
    yield Entry(
        section,
        "What is the raw data?",
        (
            f"Posts that users of {where} have published, named by a list whose files have the "
            f"digest {digest}." + (f" {CITE_AS[kind]}" if kind in CITE_AS else ""),
        ),
        "dataCollectionRawData",
    )
    yield Entry(section, "When was it collected?", tuple(when(content)))
    yield Entry(
        section,
        "Were the persons told, and did they consent?",
        (
            "Nobody was told or asked. What owners and hosts state on the use of a post was "
            "recorded as far as it was seen.",
            *counted("preferences", posts_by_preference(content["counts"])),
        ),
    )
    yield Entry(section, "Was there an ethical review?")


def _preprocessing(content: Mapping[str, Any], votes: Votes | None) -> Iterator[Entry]:
    section = "Labels and preprocessing"
    chosen = _chosen(content["options"])
    yield Entry(
        section, "Who gave the labels, and how?", (protocol_of(content),), "dataAnnotationProtocol"
    )
    if votes:
        yield Entry(
            section,
            "How many votes does a post have?",
            (
                f"From {votes.fewest} to {votes.most} agreeing votes for its label, "
                f"{votes.mean:.2f} on average ({votes.posts} posts).",
            ),
            "annotationsPerItem",
        )
        yield Entry(
            section,
            "What became of disagreement?",
            (
                f"A label needs {chosen['min_votes']} agreeing votes and more of them than "
                f"disagreeing ones; validation and test posts need {chosen['eval_votes']}. The "
                "votes stand in the columns votes and, where there are several "
                "classes or votes against one, vote_distribution.",
            ),
            "dataAnnotationAnalysis",
        )
    yield Entry(section, "Who are the annotators?", property="annotatorDemographics")
    yield Entry(
        section,
        "What was done to the data?",
        (
            "Texts: markup, entities and control characters removed, title and description joined;"
            f" kept with {chosen['min_words']} to {chosen['max_words']} words in the language "
            f"{chosen['language']!r}. {texts_in_words(content['texts'])}.",
            "Tags: Flickr's normal form, without machine tags and duplicates, in alphabetical "
            "order.",
            f"Pictures: reduced to {chosen['short_side']} pixels on the short side, upright, in "
            "sRGB; smaller ordinary JPEGs keep their bytes.",
            "Splits: by a digest of seed and photo id, stratified by label.",
        ),
        "dataPreprocessingProtocol",
    )
    yield Entry(
        section,
        "Which software took part?",
        ("langdetect, for the language of texts.", "Pillow, for pictures."),
        "machineAnnotationTools",
    )


def _chosen(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that are named; a data set of others may lack some."""
    return {
        name: printable(str(options.get(name, "an unknown number of")))
        for name in ("min_votes", "eval_votes", "min_words", "max_words", "language", "short_side")
    }


def _uses() -> Iterator[Entry]:
    section = "Uses"
    yield Entry(
        section,
        "What should it not be used for?",
        (
            "A label says what voters saw in a post, or the words it was found by. It does not say "
            "what its owner felt: the data set is not fit for judging persons.",
            "Figures on its test posts say little about posts of other places and times.",
        ),
        "dataLimitations",
    )
    yield Entry(section, "What may be its effect on society?", property="dataSocialImpact")
    yield Entry(section, "For what has it been used?")


def _distribution(content: Mapping[str, Any]) -> Iterator[Entry]:
    section = "Distribution"
    yield Entry(
        section,
        "Under which terms?",
        (
            "Each post under its own licence, which the column license names.",
            *counted("licences", posts_by_license(content["counts"])),
        ),
    )
    yield Entry(section, "How and when is it distributed, and by whom?")


def _maintenance(content: Mapping[str, Any]) -> Iterator[Entry]:
    section = "Maintenance"
    if content.get("service") != "own":
        yield Entry(
            section,
            "What happens when an owner withdraws a post?",
            (
                "The command takedown removes it from harvests, data sets and runs, and its "
                "tombstone keeps it out of later ones; crawl with --refresh drops what Flickr no "
                "longer shows.",
            ),
            "dataReleaseMaintenancePlan",
        )
    yield Entry(section, "Who maintains it, and how is that person reached?")
