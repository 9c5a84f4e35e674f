"""The cost of the sandbox's virtual VSO corpus: start-up, and processor time per answer.

    python -m benchmarks.sandbox.virtual_vso LIST

LIST is VSO's folder, or a tar archive of it. Answers are made as the server makes them, with their
envelope but without the socket: a client in the same process would be measured too.
"""

import argparse
import resource
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

from flickr_emotion.harvest.sandbox.images import ImageServer
from flickr_emotion.harvest.sandbox.methods import Fail, Methods
from flickr_emotion.harvest.sandbox.rest import envelope, fail
from flickr_emotion.harvest.sandbox.vso.corpus import VsoCorpus, vso_corpus

EXTRAS = "description,tags,machine_tags,license,date_upload,date_taken,owner_name,media"
FORM = {"format": "json", "nojsoncallback": "1"}


def main() -> None:
    """Print seconds, memory, and milliseconds for each kind of answer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("list", type=Path)
    published: Path = parser.parse_args().list
    before = _memory()
    with tempfile.TemporaryDirectory() as name:
        if published.is_file():
            with tarfile.open(published) as archive:
                archive.extractall(name, filter="data")
            published = Path(name)
        started = time.process_time()
        corpus = vso_corpus(published)
    photos = len(corpus.listed)
    print(f"{photos:,} listed photos: {time.process_time() - started:.1f} s to start")
    grown = _memory() - before
    each = grown * 1e3 / photos
    print(f"memory: {before:.0f} MB of libraries, {grown:.0f} MB or {each:.2f} kB a photo")
    _answers(corpus)


def _answers(corpus: VsoCorpus) -> None:
    methods, pictures = Methods(corpus), ImageServer(corpus)

    def call(method: str, **params: str) -> None:
        try:
            envelope(methods.call(f"flickr.{method}", FORM | params), FORM)
        except Fail as error:
            fail(error.code, error.message, FORM)

    largest = max(range(len(corpus.listed.pairs)), key=corpus.listed.counts.__getitem__)
    words = corpus.listed.pairs[largest].split("_")
    page = {"per_page": "500", "extras": EXTRAS}
    pages = [str(number) for number in range(1, 9)] * 5
    tags = {"tags": ",".join(words), "tag_mode": "all"}
    posts = [post for number in corpus.listed.numbers[::50] if (post := corpus.get(str(number)))]
    paths = [f"/{post.server}/{post.photo_id}_{post.secret}.jpg" for post in posts]
    what = f"{' '.join(words)}, {corpus.listed.counts[largest]:,} posts"
    _say(
        f"500 posts by text ({what})",
        lambda n: call("photos.search", page=n, text=" ".join(words), **page),
        pages,
    )
    _say("500 posts by tags", lambda n: call("photos.search", page=n, **tags, **page), pages)
    _say("getInfo", lambda n: call("photos.getInfo", photo_id=n), [post.photo_id for post in posts])
    _say("picture", pictures.answer, paths)


def _say(what: str, ask: Callable[[str], object], arguments: Iterable[str]) -> None:
    spent = []
    for argument in arguments:
        started = time.process_time()
        ask(argument)
        spent.append((time.process_time() - started) * 1e3)
    print(f"{what}: {median(spent):.3g} ms, at most {max(spent):.3g}")


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
