"""The states of one image host."""

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.trust.host_answers import HostAnswers
from flickr_emotion.harvest.trust.watched_host import WatchedHost


def reference(photo_id: str) -> PhotoReference:
    return PhotoReference(photo_id=photo_id, server="1", farm="1", secret="a")


def test_a_host_that_is_believed_is_not_tried_with_refused_pictures() -> None:
    breaker = Breaker("a host", retry=RetryPolicy(), say=lambda line: None)
    host = WatchedHost("a host", breaker, HostAnswers(0, 0))
    for number in range(12):
        host.add(str(number), refused=True)
    asked = [*host.suspect()]
    host.add_verdict(reference(asked[0]), "lives")
    for photo_id in asked[1:]:
        host.add_verdict(reference(photo_id), "dead")
    assert not host.refuses_existing
    host.confirm()
    assert host.state == "well"
    assert host.vouched == []
