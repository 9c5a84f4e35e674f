"""A training in a real MLflow: a database on this machine, and a server that is not there."""

import json
from pathlib import Path

import pytest

from tests.model.tracking.trainings import TINY, train

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of libraries not ours
mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed (pip install mlflow)")


def test_each_run_has_parameters_curves_figures_and_card(
    dataset_folder: Path, tmp_path: Path
) -> None:
    done = train(dataset_folder, tmp_path, *TINY, "--log-to", "mlflow", "--repeats", "2")
    assert done.returncode == 0, done.stderr
    assert "run/seed-1 goes to MLflow, experiment flickr-emotion" in done.stderr
    assert "INFO" not in done.stderr
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'flickr-emotion'")
    runs = {it.info.run_name: it for it in client.search_runs([experiment.experiment_id])}
    assert {*runs} == {"run", "run/seed-0", "run/seed-1"}
    assert {it.info.status for it in runs.values()} == {"FINISHED"}
    for name, run in runs.items():
        folder = tmp_path / name
        metrics = json.loads((folder / "metrics.json").read_text())
        assert run.data.params["seed"] == ("0" if name == "run" else name[-1])
        assert run.data.params["learning_rate"] == "0.003"
        test = metrics["test"]["text"]["accuracy"]
        assert run.data.metrics["test_accuracy/text"] == (test["mean"] if name == "run" else test)
        artefacts = Path(run.info.artifact_uri.removeprefix("file://"))
        if not artefacts.is_absolute():
            artefacts = tmp_path / artefacts
        for file in ("README.md", "metrics.json"):
            assert (artefacts / file).read_text() == (folder / file).read_text()
        if name != "run":
            history = [json.loads(it) for it in (folder / "history.jsonl").read_text().splitlines()]
            for curve in ("train_loss", "validation_loss"):
                kept = client.get_metric_history(run.info.run_id, curve)
                assert [(it.step, it.value) for it in kept] == [
                    (it["epoch"], it[curve]) for it in history
                ]
            of_head = client.get_metric_history(
                run.info.run_id, "validation_accuracy/image-text-tags"
            )
            assert len(of_head) == 2


def test_a_server_that_is_not_there_is_said(dataset_folder: Path, tmp_path: Path) -> None:
    elsewhere = {
        "MLFLOW_TRACKING_URI": "http://me:secret@127.0.0.1:9",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
    }
    done = train(dataset_folder, tmp_path, *TINY, "--log-to", "mlflow", environment=elsewhere)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: --log-to mlflow does not work: ")
    assert "secret" not in done.stdout + done.stderr
    assert not (tmp_path / "run").exists()
