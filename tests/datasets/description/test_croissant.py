"""``croissant.json`` beside the folder that it describes, in its own terms and to mlcroissant."""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.description.datasheet import datasheet
from flickr_emotion.datasets.description.post_counts import Votes, votes_of
from flickr_emotion.datasets.description.provenance import TOOL, VERSION
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.file_digests import with_digests
from flickr_emotion.datasets.folder.layout import CROISSANT, NOT_DIGESTED
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import options, post, write_votes

LICENSES = (4, 15, 0, 9, 6, 7)
POSTS = [
    post(
        number,
        license=LICENSES[number % 6],
        candownload=1,
        headers=("Content-Usage: train-ai=n",) if number % 10 == 0 else (),
        status="deleted" if number % 20 == 1 else "ok",
    )
    for number in range(80)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("croissant")
    published = write_votes(folder / "list", POSTS, ("awe", "fear"))
    with SandboxServer(Corpus(POSTS)) as server:
        crawl(options(published, folder / "h", server), lambda line: None)
    build_splits(folder / "h", folder / "d", BuildOptions(), lambda line: None)
    return folder / "d"


@pytest.fixture(scope="module")
def described(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    return content


def test_every_file_has_its_size_and_checksum(folder: Path, described: dict[str, Any]) -> None:
    objects = {it["@id"]: it for it in described["distribution"] if it["@type"] == "cr:FileObject"}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    # It cannot hold its own digest; the others are written after it or are no part of the data set.
    assert objects.keys() == there - {CROISSANT, *NOT_DIGESTED}
    for name, it in objects.items():
        data = (folder / name).read_bytes()
        assert it["contentUrl"] == name
        assert it["contentSize"] == f"{len(data)} B"
        assert it["sha256"] == hashlib.sha256(data).hexdigest()


def test_the_derivation_leads_from_the_list_to_the_tool(
    folder: Path, described: dict[str, Any]
) -> None:
    content = open_dataset(folder).described
    build, harvest = described["prov:wasGeneratedBy"], described["prov:wasDerivedFrom"]
    assert build["prov:wasAssociatedWith"]["name"] == TOOL
    assert build["prov:wasAssociatedWith"]["softwareVersion"] == VERSION
    crawled = harvest["prov:wasGeneratedBy"]
    collected = content["collected"]
    assert crawled["prov:startedAtTime"] == {"@type": "xsd:dateTime", "@value": collected["first"]}
    assert crawled["prov:endedAtTime"]["@value"] == collected["last"] >= collected["first"]
    assert crawled["prov:used"] == {"@id": harvest["prov:wasDerivedFrom"]["@id"]}
    assert harvest["prov:wasDerivedFrom"]["identifier"] == f"sha256:{content['lists_digest']}"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["version"]) == (TOOL, VERSION)


def test_each_licence_is_an_offer_with_its_rules(described: dict[str, Any]) -> None:
    offers = {offer["name"]: offer for offer in described["usageInfo"]}
    assert set(offers) == {
        *("CC BY 2.0", "CC BY-NC-SA 4.0", "All Rights Reserved", "CC BY-ND 2.0"),
        *("Public Domain Dedication (CC0)", "no training of AI (Content-Usage)"),
    }

    def actions(name: str, kind: str) -> list[str]:
        return [rule["odrl:action"]["@id"] for rule in offers[name].get(f"odrl:{kind}", [])]

    works = ["cc:Reproduction", "cc:Distribution", "cc:DerivativeWorks"]
    assert actions("CC BY 2.0", "permission") == works
    assert actions("CC BY-ND 2.0", "permission") == works[:2]
    assert actions("Public Domain Dedication (CC0)", "permission") == works
    assert actions("All Rights Reserved", "prohibition") == works
    assert actions("All Rights Reserved", "permission") == []
    assert actions("CC BY-NC-SA 4.0", "prohibition") == ["cc:CommercialUse"]
    duties = offers["CC BY-NC-SA 4.0"]["odrl:permission"][0]["odrl:duty"]
    assert [duty["odrl:action"]["@id"] for duty in duties] == [
        *("cc:Attribution", "cc:Notice", "cc:ShareAlike"),
    ]
    where = offers["CC BY-NC-SA 4.0"]["odrl:target"]["odrl:refinement"]
    assert (where["odrl:leftOperand"]["@id"], where["odrl:rightOperand"]) == ("posts/license", "15")
    stated = offers["no training of AI (Content-Usage)"]["odrl:target"]["odrl:refinement"]
    assert stated["odrl:leftOperand"]["@id"] == "references/preference"
    # The Commons' "no known restrictions" is a statement and no licence: it has a page only.
    pages = {it["name"]: it["url"] for it in described["license"]}
    assert "https://www.flickr.com/commons/usage/" in pages.values()
    assert pages["CC BY-NC-SA 4.0"] == "https://creativecommons.org/licenses/by-nc-sa/4.0/"


def test_what_is_known_is_said_and_what_is_not_is_left_open(
    folder: Path, described: dict[str, Any]
) -> None:
    rai = {name[4:]: value for name, value in described.items() if name.startswith("rai:")}
    assert rai["dataCollectionMissingData"].startswith(
        "Listed posts and rows that are not in the data set: 4 (4 gone)."
    )
    assert rai["annotationsPerItem"] == (
        "From 5 to 5 agreeing votes for its label, 5.00 on average (76 posts)."
    )
    assert rai["dataCollectionTimeframe"] == rai["dataCollectionTimeFrame"]
    assert not rai.keys() & {"annotatorDemographics", "dataSocialImpact"}
    card = (folder / "README.md").read_text(encoding="utf-8")
    sheet = datasheet(open_dataset(folder).described, votes_of(folder))
    assert {entry.section for entry in sheet} == {
        *("Motivation", "Composition", "Collection", "Labels and preprocessing", "Uses"),
        *("Distribution", "Maintenance"),
    }
    for entry in sheet:
        assert entry.question in card
        if entry.property and entry.answers:
            assert rai[entry.property] in (list(entry.answers), " ".join(entry.answers))
    assert "- **Open:** Who are the annotators?" in card
    assert "Who made it, and for whom?" in card.partition("**Open:**")[2]


def test_votes_are_annotations_of_the_label(described: dict[str, Any]) -> None:
    (posts,) = [it for it in described["recordSet"] if it["@id"] == "posts"]
    label = {it["name"]: it for it in posts["field"]}["label"]
    assert [it["@id"] for it in label["annotation"]] == [
        *("posts/label/votes", "posts/label/vote_distribution"),
    ]
    assert label["annotation"][0]["source"]["extract"] == {"column": "votes"}
    assert "Amazon Mechanical Turk" in label["prov:wasGeneratedBy"]["description"]
    assert label["dataType"] == ["sc:Text", "cr:Label"]


def test_mlcroissant_reads_every_record_set(folder: Path, tmp_path: Path) -> None:
    program = """
import json, sys
import mlcroissant, rdflib
graph = rdflib.Graph().parse(sys.argv[1] + "/croissant.json", format="json-ld")
prov = rdflib.Namespace("http://www.w3.org/ns/prov#")
odrl = rdflib.Namespace("http://www.w3.org/ns/odrl/2/")
read = mlcroissant.Dataset(jsonld=sys.argv[1] + "/croissant.json")
plain = lambda value: value.decode() if isinstance(value, bytes) else value
print(json.dumps({
    "started": [it.datatype for it in graph.objects(None, prov.startedAtTime)],
    "agents": len(list(graph.subjects(rdflib.RDF.type, prov.SoftwareAgent))),
    "activities": len(list(graph.subjects(rdflib.RDF.type, prov.Activity))),
    "offers": len(list(graph.subjects(rdflib.RDF.type, odrl.Offer))),
    "errors": sorted(read.metadata.ctx.issues.errors),
    "excluded": [plain(it["excluded/reason"]) for it in read.records("excluded")],
    "stated": [plain(it["references/preference"]) for it in read.records("references")],
    "posts": sum(1 for _ in read.records("posts")),
    "splits": sum(1 for _ in read.records("splits")),
    "times": [str(it) for it in read.metadata.data_collection_timeframe],
    "licences": [it.name for it in read.metadata.license],
}))
"""
    # Elsewhere, so that `datasets` is Hugging Face's.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, folder],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["errors"] == []
    assert found["started"] == ["http://www.w3.org/2001/XMLSchema#dateTime"]
    assert (found["agents"], found["activities"], found["offers"]) == (1, 3, 6)
    assert found["excluded"] == ["gone"] * 4
    assert found["posts"] == len(found["stated"]) == 76
    assert found["splits"] == 3
    assert found["stated"] == (
        pq.read_table(folder / "references.parquet").column("preference").to_pylist()
    )
    assert found["stated"].count("content-usage") == 8
    assert found["times"]
    assert len(found["licences"]) == 6


def test_posts_of_ones_own(tmp_path: Path) -> None:
    rows = [f"{n},{'ab'[n % 2]},a quiet walk along the river {n},cc-by-4.0" for n in range(40)]
    text = "\n".join(["id,label,text,license", *rows])
    (tmp_path / "posts.csv").write_text(text + "\n", encoding="utf-8")
    build_splits(tmp_path / "posts.csv", tmp_path / "d", BuildOptions(), lambda line: None)
    described = json.loads((tmp_path / "d" / "croissant.json").read_text(encoding="utf-8"))
    assert described["license"] == [
        {
            "@type": "sc:CreativeWork",
            "name": "CC BY 4.0",
            "url": "https://creativecommons.org/licenses/by/4.0/",
        }
    ]
    assert "usageInfo" not in described
    assert described["prov:wasDerivedFrom"]["name"] == "Table or folder of posts"
    assert "rai:annotationsPerItem" not in described
    assert "Flickr" not in json.dumps(described["rai:dataCollection"])
    assert votes_of(tmp_path / "d") is None
    card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
    assert "When was it collected?" in card.partition("### Collection")[2].partition("Open:")[2]


def test_votes_are_summed_over_shards(folder: Path) -> None:
    assert votes_of(folder) == Votes(posts=76, fewest=5, most=5, mean=5.0)


@pytest.mark.parametrize(
    "collected",
    [[], {"first": "x", "last": "2026-01-01T00:00:00Z", "calls": 1}, {"calls": -1}, {"calls": 1}],
)
def test_times_that_no_build_writes_are_refused(
    folder: Path, tmp_path: Path, collected: object
) -> None:
    shutil.copytree(folder, tmp_path / "d")
    content = open_dataset(folder).described | {"collected": collected}
    described = with_digests(tmp_path / "d", content, content["files"])
    (tmp_path / "d" / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"is damaged .*'c(ollected|alls)'"):
        open_dataset(tmp_path / "d")
