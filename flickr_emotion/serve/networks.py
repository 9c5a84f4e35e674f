"""The runs that readers try: each is loaded when it is first asked, because this takes seconds."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flickr_emotion.model.prediction.prediction import Predictor


class Networks:
    """Runs by name; can be used by several threads."""

    def __init__(self, runs: Sequence[Path]) -> None:
        """Name the runs by their folders, or by their paths where two are called the same."""
        short = [run.resolve().name for run in runs]
        self._runs = {
            name if short.count(name) == 1 else str(run): run
            for name, run in zip(short, runs, strict=True)
        }
        self._loaded: dict[str, Predictor] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The names, in the order given."""
        return list(self._runs)

    def predictor(self, name: str) -> "Predictor":
        """Return a run, the first one for an unknown name; raises ``ModelError``."""
        from flickr_emotion.model.prediction.prediction import Predictor

        name = name if name in self._runs else self.names[0]
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = Predictor(self._runs[name])
            return self._loaded[name]
