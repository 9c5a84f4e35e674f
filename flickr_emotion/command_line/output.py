"""Where commands write: results to standard output, messages for machines to standard error.

Messages for people: ``common.printing.say``.
"""

from flickr_emotion.common.printing import printable, printable_lines


def show(text: str, end: str = "\n") -> None:
    """Print a result, which may have several lines."""
    print(printable_lines(text), end=end, flush=True)


def say_json(line: str) -> None:
    """Print a message as a JSON object to standard error, for machines."""
    from flickr_emotion.harvest.crawl.json_log import say_json as log

    log(printable(line))
