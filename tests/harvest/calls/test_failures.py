"""What failed calls say together that none of them says alone."""

import pytest

from flickr_emotion.harvest.calls.failures import CallFailures
from flickr_emotion.harvest.pace.retry import RefusedError, TransientError, UselessAnswerError


def useless(reason: str = "no such thing", code: int | None = None) -> UselessAnswerError:
    return UselessAnswerError(reason, code=code)


class TestTheSameTwice:
    def test_a_useless_answer_that_is_repeated_is_known(self) -> None:
        failures = CallFailures()
        assert [failures.is_repeated("1", useless()) for _ in range(3)] == [False, True, False]

    def test_another_answer_or_another_photo_is_another_case(self) -> None:
        failures = CallFailures()
        assert not failures.is_repeated("1", useless())
        assert not failures.is_repeated("2", useless())
        assert not failures.is_repeated("1", useless("something else"))
        assert not failures.is_repeated("1", useless())

    def test_what_another_try_may_mend_is_never_final(self) -> None:
        failures = CallFailures()
        assert not any(failures.is_repeated("1", TransientError("answered 500")) for _ in range(5))


class TestOurFault:
    def test_five_photos_in_a_row_are_enough(self) -> None:
        failures = CallFailures()
        for photo in "1234":
            failures.check_our_fault(photo, useless("Error: 112: unknown method", 112))
        with pytest.raises(
            RefusedError, match=r"about 5 photos in a row \(Error: 112.*--flickr-url"
        ):
            failures.check_our_fault("5", useless("Error: 112: unknown method", 112))

    def test_the_message_says_what_may_be_wrong(self) -> None:
        failures = CallFailures()
        for photo in "1234":
            failures.check_our_fault(photo, useless("Error: 112: unknown method", 112))
        with pytest.raises(RefusedError) as raised:
            failures.check_our_fault("5", useless("Error: 112: unknown method", 112))
        assert str(raised.value) == (
            "Flickr refused calls about 5 photos in a row (Error: 112: unknown method): "
            "this is a bug of this program, or --flickr-url is not a server of Flickr's API"
        )

    def test_one_photo_again_and_again_is_not(self) -> None:
        failures = CallFailures()
        for _ in range(20):
            failures.check_our_fault("1", useless(code=112))

    def test_a_usable_answer_or_another_code_begins_the_count_anew(self) -> None:
        failures = CallFailures()
        for round_of in range(6):
            for photo in range(4):
                failures.check_our_fault(f"{round_of} {photo}", useless(code=112))
            if round_of % 2:
                failures.succeeded(of_listing=False)
            else:
                failures.check_our_fault("another", useless(code=18))

    @pytest.mark.parametrize("error", [TransientError("answered 500"), useless(code=4711)])
    def test_other_failures_are_the_photos_own(self, error: TransientError) -> None:
        failures = CallFailures()
        for photo in range(20):
            failures.check_our_fault(str(photo), error)


class TestUnreadablePages:
    def test_every_fifth_asks_whether_the_api_answers_at_all(self) -> None:
        failures = CallFailures()
        asks = [failures.add_unreadable_page() for _ in range(10)]
        assert asks == [False] * 4 + [True] + [False] * 4 + [True]

    def test_once_it_is_known_nobody_asks_again_until_a_page_can_be_read(self) -> None:
        failures = CallFailures()
        failures.only_listings_fail = True
        assert not any(failures.add_unreadable_page() for _ in range(10))
        failures.succeeded(of_listing=False)
        assert failures.only_listings_fail
        failures.succeeded(of_listing=True)
        assert [failures.add_unreadable_page() for _ in range(5)] == [False] * 4 + [True]
