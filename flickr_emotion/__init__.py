"""Image+text+tags emotion data sets from Flickr: harvest, build, train."""

from pathlib import Path

# In a checkout `harvest/`, `datasets/` and `model/` lie beside this folder; an installed package
# holds them in it. Either way their modules are `flickr_emotion.harvest.…`.
if not (Path(__file__).parent / "harvest").is_dir():
    from flickr_emotion.common.checkout import PROJECT, hide_folders

    __path__.append(str(PROJECT))
    hide_folders()
