"""Keeps a run's figures for Weights & Biases: ``train --log-to wandb``.

Nothing leaves this machine unless ``WANDB_MODE=online`` is set: a run is written to the folder
``wandb`` where the program was started (``WANDB_DIR``: elsewhere), and ``wandb sync`` sends it when
the user asks for it. What wandb collects of the machine, of its packages, of the code, of its
repository and of what the program prints is turned off.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from flickr_emotion.common.printing import say
from flickr_emotion.model.tracking.tracker import PROJECT_NAME, TrackedRun

_OFFLINE = "offline"
_SENDING = ("online", "shared")


class WandbRun:
    """One run of a W&B project."""

    def __init__(self, run: TrackedRun) -> None:
        """Begin the run."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        mode = os.environ.get("WANDB_MODE") or _OFFLINE
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT_NAME,
            name=run.name,
            config={**run.parameters, "dataset_digest": run.dataset},
            mode=mode,
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_code=True,
                disable_git=True,
                disable_job_creation=True,
                host="localhost",
                save_code=False,
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
            ),
        )
        self._name = run.name.replace("/", "-")
        self._finished = False
        folder = Path(self._run.dir).parent
        if mode == _OFFLINE:
            say(f"{run.name} goes to {folder}; `wandb sync` would send it to Weights & Biases")
        elif mode in _SENDING:
            say(f"{run.name} goes to Weights & Biases (WANDB_MODE={mode})")

    def add(self, scalars: Mapping[str, float], epoch: int) -> None:
        """Log the figures of an epoch."""
        self._run.log(dict(scalars), step=epoch)

    def finish(self, figures: Mapping[str, float], files: Mapping[str, str]) -> None:
        """Put the test figures into the summary, and the files into an artefact."""
        import wandb

        self._run.summary.update(dict(figures))
        artefact = wandb.Artifact(f"{self._name}-card", type="model-card")
        for name, text in files.items():
            with artefact.new_file(name, encoding="utf-8") as file:
                file.write(text)
        self._run.log_artifact(artefact)
        self._finished = True

    def close(self) -> None:
        """End the run, with exit code 1 if it is not finished."""
        self._run.finish(exit_code=0 if self._finished else 1)
