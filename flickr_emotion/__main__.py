"""The command line: ``flickr-emotion``, ``python -m flickr_emotion`` and ``python cli.py``."""

import sys

from flickr_emotion import NO_WINDOWS


def main() -> None:
    """Run a command (``flickr_emotion.commands.main``)."""
    if sys.platform == "win32":
        sys.exit(f"error: {NO_WINDOWS}")
    # Imported here, because its modules need what Windows does not have.
    from flickr_emotion.commands.main import main as run

    run()


if __name__ == "__main__":
    main()
