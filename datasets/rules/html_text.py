"""The text of an HTML fragment, as the parser Lexbor reads it.

This is the one module of the text rules that needs a package. `export` replaces it for programs
without this project by ``model/export/client/html_text.py``, and copies the others.
"""

from selectolax.lexbor import LexborHTMLParser

from flickr_emotion.datasets.rules.markup import url_shown, with_breaks


def text_of_html(fragment: str) -> str:
    """Return the text that a browser shows, with a space where it breaks the line.

    A link whose text is its URL, shortened or not, becomes the whole URL.
    """
    # The parser does not accept surrogates.
    whole = fragment.encode("utf-8", "ignore").decode("utf-8")
    parsed = LexborHTMLParser(with_breaks(whole))
    for hidden in parsed.css("script, style"):
        hidden.decompose()
    for link in parsed.css("a[href]"):
        if url := url_shown(link.attributes["href"] or "", link.text()):
            link.replace_with(url)
    return parsed.body.text(separator="") if parsed.body is not None else ""
