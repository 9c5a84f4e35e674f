"""The command line from a checkout, without installation: ``python cli.py --help``."""

from flickr_emotion.commands.main import main

if __name__ == "__main__":
    main()
