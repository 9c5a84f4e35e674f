"""Encoders of the hub as files: their features are those of the models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.export.client.readers import open_reader
from flickr_emotion.model.export.encoders import (
    LICENCES,
    PICTURES,
    check_readers,
    write_readers,
)
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.picture_graphs import make_picture_graph
from flickr_emotion.model.features.texts.hub import open_hub
from flickr_emotion.model.features.texts.universal import UniversalReader
from tests.model.hub_models import save_bert, save_clip, save_convnext, save_siglip

TEXTS = ("the storm", "calm light of the sea", "a sky a sea a fire", "rage " * 20)


@pytest.mark.slow
@pytest.mark.parametrize("save", [save_clip, save_siglip, save_bert])
def test_text_encoders(save: Callable[[Path], Path], tmp_path: Path) -> None:
    """Also towers that pad every text, and texts that are cut."""
    pytest.importorskip("transformers", reason="the extra `pretrained` is not installed")
    reader = open_hub(f"hub:{save(tmp_path / 'model')}", download=False)
    (tmp_path / LICENCES).mkdir()
    (described,) = write_readers([reader], tmp_path)
    found = open_reader(tmp_path, described)(TEXTS)
    np.testing.assert_allclose(found, reader.features(TEXTS), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("save", [save_clip, save_siglip, save_convnext])
def test_image_encoders(save: Callable[[Path], Path], tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra `pretrained` is not installed")
    backbone = load_backbone(f"hub:{save(tmp_path / 'model')}", "imagenet").eval()
    make_picture_graph(backbone, tmp_path / PICTURES)
    side = backbone.preprocessing.crop
    pictures = np.random.default_rng(0).integers(0, 256, (3, 3, side, side)).astype(np.uint8)
    session = onnxruntime.InferenceSession(tmp_path / PICTURES)
    (found,) = session.run(None, {"image": pictures})
    with torch.inference_mode():
        expected = backbone.all_at_once(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_encoder_that_is_no_graph_is_refused() -> None:
    reader = UniversalReader.__new__(UniversalReader)  # its weights are not needed here
    with pytest.raises(ModelError, match="R reads texts with an encoder that cannot be exported"):
        check_readers([reader], Path("R"))
