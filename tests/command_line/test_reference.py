"""``docs/options.md`` is what the command line is made from."""

from flickr_emotion.commands.main import COMMANDS
from flickr_emotion.commands.reference import reference
from flickr_emotion.common.checkout import PROJECT


def test_the_page_is_what_make_docs_writes() -> None:
    page = (PROJECT / "docs" / "options.md").read_text(encoding="utf-8")
    assert page == reference(COMMANDS), "run `make docs`"
