"""``photos.getInfo`` and listings give the same post, but for the owner's settings."""

import json
from dataclasses import replace
from typing import Any

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.answers import LISTING_EXTRAS, parse_get_info, parse_listing
from flickr_emotion.harvest.flickr.tags import plain_tags
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.search import normalised
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.shapes import listed, photo
from tests.harvest.corpora import jpeg
from tests.harvest.sandbox.conftest import flickr

PICTURE = jpeg(1)
OWNER = "11111111@N01"

anything = st.text(st.characters(exclude_categories=()), max_size=30)  # Includes lone surrogates.
machine_tags = st.from_regex(r"[A-Za-z]\w{0,4}:[a-z]\w{0,4}=.{0,8}", fullmatch=True)
raw_tags = st.one_of(
    anything,
    machine_tags,
    st.sampled_from(
        ["", "!!", "West Yorkshire", "westyorkshire", "a : b = c", "10:30", "x:y=\ud800"]
    ),
)
descriptions = st.one_of(
    anything,
    st.just('See <a href="https://example.org/a" rel="noreferrer nofollow">example.org/a...</a>\n'),
)
posts = st.builds(
    Post,
    photo_id=st.integers(1, 10**11).map(str),
    title=anything,
    description=descriptions,
    tags=st.lists(raw_tags, max_size=8).map(tuple),
    image=st.just(PICTURE),
    owner=st.just(OWNER),
    license=st.integers(0, 16),
    safety_level=st.integers(0, 2),
    candownload=st.integers(0, 1),
)


def over_the_wire(content: Any) -> Any:
    return json.loads(json.dumps(content))


class TestSameAnswer:
    @given(posts)
    @settings(max_examples=300, deadline=None)
    def test_in_the_shapes_of_both_methods(self, post: Post) -> None:
        post = replace(post, tags=(*post.tags, "Geo:Lat=51.5 N"))
        info = parse_get_info(over_the_wire({"photo": photo(post)}), post.photo_id)
        entry = listed(post, LISTING_EXTRAS.split(","))
        page = parse_listing(over_the_wire({"photos": {"photo": [entry]}}))
        assert page.answers == (replace(info, usage=None),)
        assert info.title == post.title.encode(errors="replace").decode()
        assert info.description == post.description.encode(errors="replace").decode()
        assert info.tags == plain_tags(map(normalised, post.tags))
        assert "geolat515n" not in info.tags
        assert info.owner == post.owner
        assert info.license == str(post.license)
        assert info.date_upload == post.date_upload
        assert info.date_taken is not None
        assert info.safety_level == str(post.safety_level)
        assert info.usage is not None
        assert info.usage["candownload"] == post.candownload

    @given(st.lists(posts, min_size=1, max_size=20, unique_by=lambda post: post.photo_id))
    @settings(max_examples=15, deadline=None)
    def test_fetched_from_a_server(self, drawn: list[Post]) -> None:
        with SandboxServer(Corpus(drawn)) as server, requests.Session() as session:
            session.trust_env = False
            api = flickr(server.url, session)
            infos = {
                post.photo_id: parse_get_info(
                    api.photos.getInfo(photo_id=post.photo_id), post.photo_id
                )
                for post in drawn
            }
            asked = {"user_id": OWNER, "extras": LISTING_EXTRAS, "per_page": 500}
            for method in (api.photos.search, api.people.getPublicPhotos):
                page = parse_listing(method(**asked))
                assert (page.refused, page.total, page.pages) == (0, len(drawn), 1)
                said = {answer.reference.photo_id: answer for answer in page.answers}
                assert said == {it: replace(info, usage=None) for it, info in infos.items()}
