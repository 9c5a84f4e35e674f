"""The text of an HTML fragment, by Python alone.

It stands in for ``datasets/rules/html_text.py``, whose parser is a package of its own. Tags,
comments, character references and the elements whose content is no markup are read as the HTML
standard says; a test compares both on real and on made-up descriptions. Only what moves text
around in a page differs: text that stands in a table but in no cell keeps its place here.
"""

import html
import re

from flickr_emotion.datasets.rules.markup import url_shown, with_breaks

# What may begin at a "<"; one that begins nothing is text. Possessive: nothing is read twice.
_TOKEN = re.compile(
    r"<!--(?P<comment>-?>|.*?(?:--!?>|\Z))"
    r"|<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*+)"
    r"|<(?:[!?]|/(?=[^>]))[^>]*+(?:>|\Z)|</>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>=?[^\s/>=]*+)"""
    r"""(?:\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>(?!["'])[^\s>]*+)))?""",
)
_OPEN_QUOTE = re.compile(r"""\s*=\s*["']""")
_REFERENCE = re.compile(r"&(?:#([0-9]+);?|#[xX]([0-9a-fA-F]+);?|([^\t\n\f <&#;]{1,32};?))")
_RAW = frozenset(["script", "style", "xmp", "iframe", "noembed", "noframes"])
_WITH_REFERENCES = frozenset(["textarea", "title"])
_UNSEEN = frozenset(["script", "style", "template"])
# These leave a page's head open; any other element, and any text, begins its body.
_OF_HEAD = frozenset(
    [
        *("html", "head", "base", "basefont", "bgsound", "link", "meta", "noframes", "script"),
        *("style", "template", "title"),
    ]
)


def text_of_html(fragment: str) -> str:
    """Return the text that a browser shows, with a space where it breaks the line.

    A link whose text is its URL, shortened or not, becomes the whole URL.
    """
    whole = fragment.encode("utf-8", "ignore").decode("utf-8")
    return _Reader(with_breaks(whole)).text()


class _Reader:
    """Reads a document from its beginning to its end."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._at = 0
        self._has_body = False
        self._parts: list[str] = []
        self._link: tuple[str, int] | None = None
        """The URL of the open link, and where among the parts its text begins."""

    def text(self) -> str:
        """Return the text of the body."""
        while self._at < len(self._document):
            start = self._document.find("<", self._at)
            self._add(self._document[self._at : start if start >= 0 else None])
            if start < 0:
                break
            self._at = start
            self._read_token()
        self._end_link()
        return "".join(self._parts)

    def _add(self, characters: str) -> None:
        characters = characters.replace("\0", "")
        if "&" in characters:
            characters = _REFERENCE.sub(_character, characters)
        self._has_body = self._has_body or bool(characters.strip("\t\n\f\r "))
        self._parts.append(characters)

    def _read_token(self) -> None:
        token = _TOKEN.match(self._document, self._at)
        if token is None:
            self._add("<")
            self._at += 1
            return
        self._at = token.end()
        name = (token["name"] or "").lower()
        if not name:
            return
        href = self._read_attributes()
        if href is _UNCLOSED:
            return
        if token["end"]:
            if name == "a":
                self._end_link()
            self._has_body = self._has_body or name in ("body", "html", "br", "p")
        else:
            self._start(name, href)

    def _read_attributes(self) -> "str | None":
        """Read to the end of a tag; return its address, None without one."""
        href: str | None = None
        while True:
            found = _ATTRIBUTE.match(self._document, self._at)
            assert found is not None  # it also matches nothing
            end = found.end()
            if self._document.startswith(">", end):
                pass
            elif end in (self._at, len(self._document)) or _OPEN_QUOTE.match(self._document, end):
                # Not closed: what follows is dropped, as a parser does.
                self._at = len(self._document)
                return _UNCLOSED
            if found["name"].lower() == "href" and href is None:
                value = next((v for v in found.group("double", "single", "bare") if v), "")
                href = _REFERENCE.sub(_character_of_value, value)
            self._at = end
            if self._document.startswith(">", end):
                self._at += 1
                return href

    def _start(self, name: str, href: str | None) -> None:
        if name == "frameset" and not self._has_body:
            self._at, self._parts = len(self._document), []
            return
        self._has_body = self._has_body or name not in _OF_HEAD
        if name == "a":
            self._end_link()
            if href is not None:
                self._link = href, len(self._parts)
        elif name == "plaintext":
            self._parts.append(self._document[self._at :].replace("\0", _REPLACEMENT))
            self._at = len(self._document)
        elif name in _RAW or name in _WITH_REFERENCES or name == "template":
            content = self._content(name)
            if name in _UNSEEN or not self._has_body:
                return
            content = content.replace("\0", _REPLACEMENT)
            if name in _WITH_REFERENCES:
                content = _REFERENCE.sub(_character, content)
            self._parts.append(content.removeprefix("\n") if name == "textarea" else content)

    def _content(self, name: str) -> str:
        """Read to behind the end tag of an element whose content is no markup."""
        end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(self._document, self._at)
        content = self._document[self._at : end.start() if end else None]
        self._at = end.end() if end else len(self._document)
        if end:
            self._read_attributes()
        return content

    def _end_link(self) -> None:
        if self._link is None:
            return
        url, start = self._link
        self._link = None
        if shown := url_shown(url, "".join(self._parts[start:])):
            self._parts[start:] = [shown]


_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNCLOSED = "\0 the tag has no end"


def _character(found: re.Match[str]) -> str:
    if found[3]:
        return html.unescape(found[0])
    number = int(found[1][:9]) if found[1] else int(found[2][:9], 16)
    if number == 0 or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return _REPLACEMENT
    if 0x80 <= number <= 0x9F:  # those of Windows were meant, where it has one
        return bytes([number]).decode("cp1252", "ignore") or chr(number)
    return chr(number)


def _character_of_value(found: re.Match[str]) -> str:
    """In the value of an attribute, `&copy=` and `&copyright` are left as they are."""
    name = found[3]
    if name and not name.endswith(";"):
        plain = html.unescape(found[0])
        rest = found.string[found.end() : found.end() + 1]
        if plain[1:] or rest == "=" or "=" in name:
            return found[0]
    return _character(found)
