"""What a power failure does to pictures, and how the next crawl finds it."""

from collections import Counter
from pathlib import Path

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.processes import ended, killed, start, until

POSTS = [post(number) for number in range(200)]


def picture(harvest: Path, listed: Post) -> Path:
    return image_path(harvest / "images", listed.photo_id)


def recorded(harvest: Path) -> int:
    """Pictures that are ok in the ledger."""
    if not (harvest / "ledger.sqlite").exists():
        return 0
    return harvest_status(harvest)["image"]["ok"]


class TestAfterAKill:
    def test_missing_empty_or_short_pictures_are_fetched_again_and_no_others(
        self, tmp_path: Path
    ) -> None:
        published_list, harvest = write_votes(tmp_path / "list", POSTS), tmp_path / "h"
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            # The last picture never comes, so the crawl still runs when all others are recorded.
            server.set_faults("hang=1,hang-seconds=600")
            process = start(published_list, harvest, server)
            until(lambda: server.stats.api.total() > 0, process)
            assert killed(process)
            server.set_faults("hang=0")
            process = start(published_list, harvest, server)
            until(lambda: server.stats.api.total() > 20, process)
            assert killed(process)
            here = [listed for listed in POSTS if picture(harvest, listed).exists()]
            short, empty, missing = here[:3]
            picture(harvest, short).write_bytes(short.jpeg()[:-700])
            picture(harvest, empty).write_bytes(b"")
            picture(harvest, missing).unlink()
            before = Counter(server.stats.image_ok)
            code, _, err = ended(start(published_list, harvest, server))
            assert code == 0, err
            again = Counter(server.stats.image_ok) - before
            assert all(again[it.photo_id] == 1 for it in (short, empty, missing))
            assert not any(again[it.photo_id] for it in here[3:])
        assert all(picture(harvest, it).read_bytes() == it.jpeg() for it in POSTS)
        assert recorded(harvest) == len(POSTS)


class TestAfterACleanEnd:
    def test_no_file_is_checked(self, tmp_path: Path) -> None:
        published_list, harvest = write_votes(tmp_path / "list", POSTS[:5]), tmp_path / "h"
        said: list[str] = []
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            made = options(published_list, harvest, server)
            crawl(made, said.append)
            picture(harvest, POSTS[0]).unlink()
            crawl(made, said.append)
            assert server.stats.images == 5
        assert not [line for line in said if "missing or incomplete" in line]
