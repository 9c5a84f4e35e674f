"""Prints results to standard output, and messages for programs to standard error, made safe.

Messages for people: ``common.printing.say``.
"""

from flickr_emotion.common.printing import printable, printable_lines


def show(text: str, end: str = "\n") -> None:
    """Print a result of one or more lines."""
    print(printable_lines(text), end=end, flush=True)


def say_json(line: str) -> None:
    """Print a message as a JSON object to standard error, for programs."""
    from flickr_emotion.harvest.crawl.json_log import say_json as log

    log(printable(line))
