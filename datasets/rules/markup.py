"""Prepares markup for any parser: what breaks a line, what a link shows, and how deep it may be.

Markup is kept shallow, so that parsing takes time in proportion to its length. An HTML parser asks
for each element what it lies in: 15,000 lists in one another take fifteen seconds. Browsers cut the
depth at 512 elements, and so does this: the tags of elements that lie deeper are dropped and their
text stays.
"""

import re

# Elements at which a browser breaks the line: a space replaces them, or "one<br>two" would become
# one word.
_BREAKS = re.compile(
    r"<(?=/?(?:br|hr|p|div|pre|li|dt|dd|tr|td|th|h[1-6]|blockquote|ul|ol)\b)", re.IGNORECASE
)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_MOST_ELEMENTS = 512
# A tag or a declaration; in the value of an attribute ">" is no end. Nothing is tried
# twice (possessive quantifiers), so that each character is read once.
_TAG = re.compile(
    r"<[!?][^>]*+>"
    r"|<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*+)"
    r"""(?:[^>=]|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])))*+>"""
)
_COMMENT, _END_OF_COMMENT = "<!--", "-->"
_START = re.compile(r"<(?=[A-Za-z!?]|/[A-Za-z])")
# Elements without content, and those whose content is not markup.
_NOT_COUNTED = frozenset(
    [
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
        *("track", "wbr", "script", "style", "textarea", "title", "iframe", "noembed"),
        *("noframes", "noscript", "xmp", "plaintext"),
    ]
)


def with_breaks(fragment: str) -> str:
    """Return an HTML fragment with a space before what breaks a line, at most 512 elements deep."""
    return shallow(_BREAKS.sub(" <", fragment))


def url_shown(url: str, shown: str) -> str | None:
    """Return a link's URL if ``shown``, the link's text, is that URL, else None.

    Flickr turns a URL in a description into a link and shortens its text: without a scheme and with
    dots at the end, it would count as a word.
    """
    shown = shown.strip().removesuffix("...").lower()
    scheme = _SCHEME.match(url)
    if not scheme or "." not in shown or len(url.split()) > 1:
        return None
    whole = url.lower()
    return url if whole.startswith(shown) or whole[scheme.end() :].startswith(shown) else None


def shallow(fragment: str) -> str:
    """Return an HTML fragment in which elements lie at most 512 deep."""
    if fragment.count("<") <= _MOST_ELEMENTS:
        return fragment
    parts: list[str] = []
    at = depth = dropped = 0
    while start := _START.search(fragment, at):
        if fragment.startswith(_COMMENT, start.start()):
            end = fragment.find(_END_OF_COMMENT, start.start())
            if end < 0:
                break
            end += len(_END_OF_COMMENT)
            parts.append(fragment[at:end])
            at = end
            continue
        tag = _TAG.match(fragment, start.start())
        if tag is None:  # not closed: a parser drops what follows
            break
        parts.append(fragment[at : tag.start()])
        at = tag.end()
        name = (tag["name"] or "").lower()
        if not name or name in _NOT_COUNTED:
            parts.append(tag[0])
        elif tag["end"]:
            if dropped:
                dropped -= 1
            else:
                depth = max(0, depth - 1)
                parts.append(tag[0])
        elif depth >= _MOST_ELEMENTS:
            dropped += 1
        else:
            depth += 1
            parts.append(tag[0])
    return "".join([*parts, fragment[at:]])
