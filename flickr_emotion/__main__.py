"""The command line of the installed package: ``python -m flickr_emotion``."""

from flickr_emotion.commands.main import main

if __name__ == "__main__":
    main()
