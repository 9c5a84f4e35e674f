"""Keeps markup shallow, so that parsing takes time in proportion to its length.

An HTML parser asks for each element what it lies in: 15,000 lists in one another take fifteen
seconds. Browsers cut the depth at 512 elements, and so does this: the tags of elements that lie
deeper are dropped and their text stays.
"""

import re

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
