"""The content of a training's ``metrics.json``: its figures, with a baseline for comparison.

Each accuracy and F1 has beside it that of always predicting the same class. With several seeds each
figure is given as mean, deviation and values, and confusion matrices are summed.
"""

from typing import Any

import numpy as np

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.split_names import JUDGED, TEST, TRAIN
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.evaluation.calibration import Calibration, calibration_over_repeats
from flickr_emotion.model.evaluation.evaluation import Score, judgement
from flickr_emotion.model.evaluation.metrics import majority, over_repeats, spread
from flickr_emotion.model.training.material import Material


def run_metrics(
    config: TrainingConfig,
    material: Material,
    scores: dict[str, Score],
    calibration: Calibration,
) -> dict[str, Any]:
    """Return the content of one network's ``metrics.json``."""
    classes = material.encoding.classes
    answer = int(np.bincount(material.splits[TRAIN].posts.labels).argmax())
    return {
        **judgement(scores, calibration),
        # The majority-class baseline shows what an accuracy or an F1 is worth.
        "majority": {
            "label": classes[answer],
            **{
                name: {s: majority(judged.confusions[s], answer) for s in SUBSETS}
                for name, judged in scores.items()
            },
        },
        "seed": config.seed,
    }


def test_figures(metrics: dict[str, Any]) -> dict[str, float]:
    """Return a run's figures on the test posts by the names that they have in TensorBoard.

    Of several seeds, the means.
    """
    figures = {
        f"test_{name}/{subset}": judged[name]
        for subset, judged in metrics[TEST].items()
        if judged["count"]
        for name in ("accuracy", "weighted_f1")
    }
    means = {name: it["mean"] if isinstance(it, dict) else it for name, it in figures.items()}
    return {name: value for name, value in means.items() if value is not None}


def over_seeds(metrics: list[dict[str, Any]], best: int) -> dict[str, Any]:
    """Return the metrics of a training with several seeds; the network of seed ``best`` is kept."""
    return {
        **{
            split: {s: over_repeats([m[split][s] for m in metrics]) for s in SUBSETS}
            for split in JUDGED
        },
        "confusions": {
            split: {
                s: np.sum([m["confusions"][split][s] for m in metrics], axis=0).tolist()
                for s in SUBSETS
            }
            for split in JUDGED
        },
        "calibration": calibration_over_repeats([m["calibration"] for m in metrics]),
        "majority": metrics[0]["majority"],
        "seeds": [m["seed"] for m in metrics],
        "best_seed": metrics[best]["seed"],
        "best_epoch": spread([m["best_epoch"] for m in metrics]),
        "validation_loss": spread([m["validation_loss"] for m in metrics]),
    }
