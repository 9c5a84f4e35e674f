"""Keeps a run's figures in MLflow: ``train --log-to mlflow``.

They go where ``MLFLOW_TRACKING_URI`` says. Without it MLflow takes a database and a folder where
the program was started, and nothing leaves this machine: its reports of use are turned off.
"""

import logging
import os
import time
from collections.abc import Mapping

from flickr_emotion.common.printing import say
from flickr_emotion.model.tracking.tracker import PROJECT_NAME, TrackedRun


class MlflowRun:
    """One run of an MLflow experiment."""

    def __init__(self, run: TrackedRun) -> None:
        """Begin the run."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        # It would tell at length how it sets up a new database. Its import resets this level.
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT_NAME
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        tags = {"dataset_digest": run.dataset}
        self._id = self._client.create_run(experiment, tags=tags, run_name=run.name).info.run_id
        parameters = [Param(key, str(value)) for key, value in run.parameters.items()]
        self._client.log_batch(self._id, params=parameters)
        self._finished = False
        say(f"{run.name} goes to MLflow, experiment {name}, run {self._id}")

    def add(self, scalars: Mapping[str, float], epoch: int) -> None:
        """Log the figures of an epoch."""
        self._log(scalars, epoch)

    def finish(self, figures: Mapping[str, float], files: Mapping[str, str]) -> None:
        """Log the test figures, and the files as artefacts."""
        self._log(figures, 0)
        for name, text in files.items():
            self._client.log_text(self._id, text, name)
        self._finished = True

    def close(self) -> None:
        """Set the run's state."""
        self._client.set_terminated(self._id, "FINISHED" if self._finished else "KILLED")

    def _log(self, scalars: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        # MLflow allows no plus sign in a name.
        named = {name.replace("+", "-"): value for name, value in scalars.items()}
        metrics = [Metric(name, value, now, step) for name, value in named.items()]
        self._client.log_batch(self._id, metrics=metrics)
