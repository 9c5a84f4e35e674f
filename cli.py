"""The command line from a checkout, without installation: ``python cli.py --help``."""

if __name__ == "__main__":
    # Imported here, because each process that a command starts runs this file first.
    from flickr_emotion.__main__ import main

    main()
