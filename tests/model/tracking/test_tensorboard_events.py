"""What TensorBoard reads of a run."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.tracking.tracking import Tracking
from tests.model.tracking.runs import epoch, tracked


def events(folder: Path) -> EventAccumulator:
    (file,) = folder.glob("events.out.tfevents.*")
    return EventAccumulator(str(file)).Reload()


def test_events_hold_the_figures_of_what_posts_hold(tmp_path: Path) -> None:
    with Tracking(tracked(tmp_path)) as tracking:
        tracking.add(epoch(1))
        tracking.add(epoch(2))
    found = events(tmp_path)
    assert set(found.Tags()["scalars"]) == {
        *("train_loss", "validation_loss"),
        *(
            f"validation_{figure}/{subset}"
            for figure in ("accuracy", "weighted_f1")
            for subset in SUBSETS
            if subset != "tags"
        ),
    }
    layout = Layout.FromString(
        found.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    )
    assert [*layout.category[0].chart[0].multiline.tag] == ["train_loss", "validation_loss"]
    assert [it.step for it in found.Scalars("train_loss")] == [1, 2]
    assert found.Scalars("validation_weighted_f1/text")[0].value == pytest.approx(0.72)


def test_the_outcome_has_options_and_test_figures(tmp_path: Path) -> None:
    with Tracking(tracked(tmp_path)) as tracking:
        tracking.finish({"test_accuracy/text": 0.5}, {})
    found = events(tmp_path)
    assert found.Scalars("test_accuracy/text")[0].value == 0.5
    told = HParamsPluginData.FromString(
        found.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    ).session_start_info.hparams
    assert (told["seed"].number_value, told["word_vectors"].string_value) == (3, "vectors.bin")
    assert told["batch_size"].number_value == 64
    assert "subset" not in told


def test_a_run_without_figures_has_no_file(tmp_path: Path) -> None:
    with Tracking(tracked(tmp_path / "absent")):
        pass
    assert list(tmp_path.iterdir()) == []
