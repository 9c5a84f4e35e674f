"""Image+text+tags emotion data sets from Flickr: harvest, build, train.

    from flickr_emotion import BuildOptions, Predictor, build_splits, train, TrainingConfig

The names of ``__all__`` are the public interface; what is below ``flickr_emotion.harvest``,
``.datasets`` and ``.model`` may change. Each name is imported when it is first used, so that
``import flickr_emotion`` takes no time. Errors that a user can mend are ``ToolkitError``.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

# In a checkout `harvest/`, `datasets/` and `model/` lie beside this folder; an installed package
# holds them in it. Either way their modules are `flickr_emotion.harvest.…`.
if not (Path(__file__).parent / "harvest").is_dir():
    from flickr_emotion.common.checkout import PROJECT, hide_folders

    __path__.append(str(PROJECT))
    hide_folders()

NO_WINDOWS = "flickr-emotion does not run on Windows: run it in WSL, as on Linux (docs/install.md)"

if TYPE_CHECKING:
    from flickr_emotion.common.errors import ToolkitError
    from flickr_emotion.datasets.build.build import build_splits
    from flickr_emotion.datasets.folder.reading import open_dataset
    from flickr_emotion.datasets.inspect.inspection import inspect_dataset
    from flickr_emotion.datasets.manifests.diff import diff_manifests
    from flickr_emotion.datasets.manifests.export import export_manifest
    from flickr_emotion.datasets.manifests.verify import verify_manifest
    from flickr_emotion.datasets.rules.options import BuildOptions
    from flickr_emotion.harvest.crawl.crawl import crawl
    from flickr_emotion.harvest.crawl.options import CrawlOptions
    from flickr_emotion.harvest.crawl.plan import plan
    from flickr_emotion.harvest.crawl.status import harvest_status
    from flickr_emotion.model.config import TrainingConfig
    from flickr_emotion.model.evaluation.evaluation import evaluate
    from flickr_emotion.model.export.export import export
    from flickr_emotion.model.prediction.answers import RawPost
    from flickr_emotion.model.prediction.prediction import Predictor
    from flickr_emotion.model.report.report import report
    from flickr_emotion.model.reproduction.reproduce import reproduce
    from flickr_emotion.model.training.training import resume, train
    from flickr_emotion.sandbox import Sandbox

_HOMES = {
    "BuildOptions": "datasets.rules.options",
    "CrawlOptions": "harvest.crawl.options",
    "Predictor": "model.prediction.prediction",
    "RawPost": "model.prediction.answers",
    "Sandbox": "sandbox",
    "ToolkitError": "common.errors",
    "TrainingConfig": "model.config",
    "build_splits": "datasets.build.build",
    "crawl": "harvest.crawl.crawl",
    "diff_manifests": "datasets.manifests.diff",
    "evaluate": "model.evaluation.evaluation",
    "export": "model.export.export",
    "export_manifest": "datasets.manifests.export",
    "harvest_status": "harvest.crawl.status",
    "inspect_dataset": "datasets.inspect.inspection",
    "open_dataset": "datasets.folder.reading",
    "plan": "harvest.crawl.plan",
    "report": "model.report.report",
    "reproduce": "model.reproduction.reproduce",
    "resume": "model.training.training",
    "train": "model.training.training",
    "verify_manifest": "datasets.manifests.verify",
}

__all__ = [
    "BuildOptions",
    "CrawlOptions",
    "Predictor",
    "RawPost",
    "Sandbox",
    "ToolkitError",
    "TrainingConfig",
    "build_splits",
    "crawl",
    "diff_manifests",
    "evaluate",
    "export",
    "export_manifest",
    "harvest_status",
    "inspect_dataset",
    "open_dataset",
    "plan",
    "report",
    "reproduce",
    "resume",
    "train",
    "verify_manifest",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if sys.platform == "win32":
        raise ImportError(NO_WINDOWS)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, for completion."""
    return __all__
