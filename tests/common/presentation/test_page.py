"""What all pages are made of: names for screen readers, and nothing that can act."""

from flickr_emotion.common.presentation.page import document, html_facts, html_picture, html_table
from flickr_emotion.common.presentation.stylesheet import STYLESHEET
from flickr_emotion.common.presentation.tables import Table

ATTACK = "<script>alert('x')</script>\u202e\""


def table(**changed: object) -> Table:
    fields = {"name": "t", "title": "Posts", "head": ["", "n"], "rows": [["a", "1"], ["all", "1"]]}
    return Table(**{**fields, **changed})  # type: ignore[arg-type]


def test_heads_of_rows_and_columns_have_their_scope() -> None:
    content = html_table(table(total=True))
    assert '<td></td><th scope="col" class="number">n</th>' in content
    assert '<tr><th scope="row">a</th><td class="number">1</td></tr>' in content
    assert '<tr class="total"><th scope="row">all</th>' in content
    assert '<div class="frame" role="region" aria-label="Posts" tabindex="0">' in content
    assert "<thead>" not in html_table(table(head=["", ""]))


def test_a_wide_table_has_a_row_of_its_own() -> None:
    seven = ["c"] * 7
    assert '<figure class="wide">' in html_table(table(head=seven, rows=[seven]))
    assert "<figure>" in html_table(table())


def test_every_text_is_escaped() -> None:
    content = "".join(
        [
            *document(ATTACK, "", [html_facts([(ATTACK, ATTACK)])], {"a": ATTACK}),
            html_table(table(title=ATTACK, head=[ATTACK, ATTACK], rows=[[ATTACK, ATTACK]])),
            html_picture(b"jpeg", ATTACK),
        ]
    )
    assert "<script" not in content
    assert "\u202e" not in content
    assert content.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;\ufffd&quot;") == 13


def test_the_policy_forbids_what_lies_elsewhere() -> None:
    content = "".join(document("t", "", []))
    for forbidden in ("default-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert forbidden in content
    assert "url(" not in STYLESHEET
    assert "@import" not in STYLESHEET
