"""All of the paper's tables and figures on the built-in simulation, into docs/results.md.

    python -m benchmarks.sandbox.paper_results --posts 6000 --out /tmp/paper-results

`sandbox` serves 2,000 posts, whose data set has 85 test posts: too few to test the paper's claims.
Here any number of posts is simulated, served, crawled, built and trained on, each by the real
command: at the paper's settings, and again at a rate of 0.001, because trainings vary much at the
paper's 0.01. Finished work is kept in ``--out``, and the same command resumes. The part of the
document below its marker is rewritten; the pictures go beside it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.real_posts.chain import word_vectors
from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.simulation.simulation import simulation
from flickr_emotion.model.reproduction import markdown
from flickr_emotion.model.reproduction.paper import ALL, TARGETS

DOCUMENT = PROJECT / "docs" / "results.md"
MARKER = "<!-- From here on written by benchmarks/sandbox/paper_results.py. -->\n"
RATES = {"the paper's settings": 0.01, "a learning rate of 0.001": 0.001}
"""The document has all results at the first rate, and the claims and Figure 5 at the second."""
KEY, SECRET = "0123456789abcdef0123456789abcdef", "sandbox"


def main() -> None:
    """Make the data set and the results, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    dataset = options.out / "dataset"
    if not dataset.exists():
        build_dataset(options.posts, options.out, dataset)
    results = {name: options.out / f"results-{rate}" for name, rate in RATES.items()}
    for name, rate in RATES.items():
        command(
            *("reproduce", ALL, dataset, "--out", results[name]),
            *("--image-encoder", "efficientnet_lite0", "--word-vectors", word_vectors()),
            *("--learning-rate", rate),
        )
    write_document(results)


def build_dataset(posts: int, out: Path, dataset: Path) -> None:
    """Simulate ``posts`` posts, crawl them and build their data set."""
    simulated = simulation(posts=posts)
    simulated.write_lists(out / "lists")
    with SandboxServer(simulated.corpus, keys={KEY: SECRET}) as server:
        command(
            *("crawl", out / "lists", "--out", out / "harvest"),
            *("--flickr-url", server.url, "--quota", 0),
        )
    command("build-splits", out / "harvest", "--out", dataset)


def command(*words: object) -> None:
    """Run a command of the toolkit as a user does."""
    print("$ python cli.py", *words, flush=True)
    subprocess.run(
        [
            sys.executable,
            "cli.py",
            *(str(w.resolve() if isinstance(w, Path) else w) for w in words),
        ],
        cwd=PROJECT,
        env=os.environ | {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET},
        check=True,
    )


def write_document(results: dict[str, Path]) -> None:
    """Write the claims at all settings, tables and figures at the first, into the document."""
    lines = ["## The claims"]
    for name, folder in results.items():
        contents = [json.loads((folder / f"{t}.json").read_text(encoding="utf-8")) for t in TARGETS]
        claims = [claim for content in contents for claim in content["claims"]]
        table = markdown.claims(claims, "all")
        lines += ["", f"At {name}:", "", *table_lines(table.head, table.rows)]
    pictures = DOCUMENT.with_suffix("")
    pictures.mkdir(exist_ok=True)
    (first, at_first), (second, at_second) = results.items()
    shown = [(first, at_first, target) for target in TARGETS]
    for name, folder, target in (*shown, (second, at_second, "figure5")):
        title, _, text = (folder / f"{target}.md").read_text(encoding="utf-8").partition("\n")
        picture = f"{target}.svg" if name == first else f"{target}-{folder.name}.svg"
        text = text.replace(f"]({target}.svg)", f"]({pictures.name}/{picture})")
        lines += ["", f"#{title}, at {name}", text]
        shutil.copyfile(folder / f"{target}.svg", pictures / picture)
    kept = DOCUMENT.read_text(encoding="utf-8").partition(MARKER)[0]
    DOCUMENT.write_text("\n".join([kept + MARKER, *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
