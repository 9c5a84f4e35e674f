"""Vision towers of the hub: pictures, weights, and runs that need the model's files no more."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from flickr_emotion.common.takedown.feature_folders import features_path
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.training.training import train
from tests.commands import refusal
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post
from tests.model.hub_models import (
    SIDE,
    save_clip,
    save_convnext,
    save_masked,
    save_siglip,
    save_vit,
)

pytest.importorskip("transformers", reason="the extra `pretrained` is not installed")

SAVED: dict[str, Callable[[Path], Path]] = {
    "clip": save_clip,
    "siglip": save_siglip,
    "vit": save_vit,
    "convnext": save_convnext,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hub")
    return {name: save(folder / name) for name, save in SAVED.items()}


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A picture of 90 x 60 pixels with smooth colours and an edge."""
    image = Image.linear_gradient("L").resize((90, 60))
    picture = Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image))
    picture.paste((200, 30, 30), (50, 20, 80, 40))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


class TestFeatures:
    @pytest.mark.parametrize("name", SAVED)
    def test_they_are_those_of_transformers(
        self, models: dict[str, Path], name: str, photo: bytes
    ) -> None:
        """With the model's own preprocessing, whose rounding is not quite Pillow's."""
        from transformers import AutoImageProcessor, AutoModel

        backbone = load_backbone(f"hub:{models[name]}", "imagenet")
        picture = backbone.preprocessing.picture(photo, "the photo")
        with torch.inference_mode():
            ours = backbone(torch.stack([picture] * 3))
        processor = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            models[name]
        )
        image = Image.open(io.BytesIO(photo))
        wanted = processor(image, return_tensors="pt")["pixel_values"]
        normalised = (picture / 255 - backbone.mean) / backbone.std
        assert normalised.shape == wanted[0].shape == (3, SIDE, SIDE)
        assert (normalised - wanted[0]).abs().max() < 0.1
        model = AutoModel.from_pretrained(models[name]).eval()
        tower = getattr(model, "vision_model", model)
        with torch.inference_mode():
            answer = tower(normalised[None])
        expected = answer.last_hidden_state[:, 0] if name == "vit" else answer.pooler_output
        assert ours.shape == (3, backbone.features)
        torch.testing.assert_close(ours, expected.expand(3, -1), atol=1e-5, rtol=1e-4)

    def test_they_do_not_change(self, models: dict[str, Path]) -> None:
        """Weights without a pooler get none, not a random one."""
        first, again = (load_backbone(f"hub:{models['vit']}", "imagenet") for _ in range(2))
        assert first.digest() == again.digest()

    def test_another_preprocessing_has_another_digest(
        self, models: dict[str, Path], tmp_path: Path
    ) -> None:
        folder = tmp_path / "model"
        digests = set()
        for mean in (0.5, 0.4):
            shutil.copytree(models["siglip"], folder, dirs_exist_ok=True)
            path = folder / "preprocessor_config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"image_mean": [mean] * 3}))
            digests.add(load_backbone(f"hub:{folder}", "imagenet").digest())
        assert len(digests) == 2

    def test_a_folder_for_features_has_a_plain_name(self) -> None:
        path = features_path("hub:/a folder/../of models", "digest")
        assert path.parent == Path("features")
        assert path.name.startswith("hub_a_folder_.._of_models-")
        assert features_path("efficientnet_lite0+efficientnet_lite2", "").name.startswith(
            "efficientnet_lite0+efficientnet_lite2-"
        )

    def test_towers_are_joined_if_their_pictures_are_the_same(
        self, models: dict[str, Path], tmp_path: Path
    ) -> None:
        siglip = f"hub:{models['siglip']}"
        joined = load_backbone(f"{siglip}+{siglip}", "imagenet")
        alone = load_backbone(siglip, "imagenet")
        pictures = torch.randint(0, 256, (2, 3, SIDE, SIDE), dtype=torch.uint8)
        with torch.inference_mode():
            assert torch.equal(joined(pictures), alone(pictures).repeat(1, 2))
        with pytest.raises(ModelError, match="normalises pictures differently"):
            load_backbone(f"{siglip}+hub:{models['clip']}", "imagenet")
        # The same mean and deviation, but another way to resize.
        with pytest.raises(ModelError, match="prepared in its own way"):
            load_backbone(f"{siglip}+hub:{models['vit']}", "imagenet")


class TestFiles:
    def test_a_name_that_is_not_here_is_one_line(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        command = ["train", dataset_folder, "--out", tmp_path / "R"]
        said = refusal(*command, "--image-encoder", "hub:nobody/no-model", "--device", "cpu")
        assert "--image-encoder hub:nobody/no-model is not on this machine" in said
        assert "--download" in said

    def test_pickled_weights_are_not_read(self, models: dict[str, Path], tmp_path: Path) -> None:
        folder = Path(shutil.copytree(models["clip"], tmp_path / "model"))
        (folder / "model.safetensors").unlink()
        (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")
        with pytest.raises(ModelError, match="pickled weights"):
            load_backbone(f"hub:{folder}", "imagenet")

    def test_code_that_comes_with_a_model_is_not_run(
        self, models: dict[str, Path], tmp_path: Path
    ) -> None:
        folder = Path(shutil.copytree(models["vit"], tmp_path / "model"))
        path = folder / "config.json"
        config = json.loads(path.read_text())
        own = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
        path.write_text(json.dumps(config | {"model_type": "own", "auto_map": own}))
        mark = tmp_path / "executed"
        (folder / "own.py").write_text(f"open({str(mark)!r}, 'w')")
        with pytest.raises(ModelError, match="cannot be used"):
            load_backbone(f"hub:{folder}", "imagenet")
        assert not mark.exists()

    def test_weights_that_lack_a_layer_are_refused(
        self, models: dict[str, Path], tmp_path: Path
    ) -> None:
        """Which would be random."""
        folder = Path(shutil.copytree(models["clip"], tmp_path / "model"))
        path = folder / "config.json"
        config = json.loads(path.read_text())
        config["vision_config"]["num_hidden_layers"] = 4
        path.write_text(json.dumps(config))
        with pytest.raises(ModelError, match="its weights lack"):
            load_backbone(f"hub:{folder}", "imagenet")

    def test_a_network_that_draws_lots_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="differently each time"):
            load_backbone(f"hub:{save_masked(tmp_path / 'model')}", "imagenet")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"size": {"height": 32, "width": 48}}, "not square"),
            ({"do_rescale": False}, "divide them by 255"),
            ({"resample": 1}, "resizes by lanczos"),
            ({"size": {"height": 10**6, "width": 10**6}}, "its pictures have 1000000 pixels"),
        ],
    )
    def test_a_preprocessing_that_is_not_ours_is_refused(
        self, models: dict[str, Path], tmp_path: Path, change: dict[str, object], message: str
    ) -> None:
        folder = Path(shutil.copytree(models["siglip"], tmp_path / "model"))
        path = folder / "preprocessor_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(ModelError, match=message):
            load_backbone(f"hub:{folder}", "imagenet")


@pytest.fixture(scope="module")
def run(
    models: dict[str, Path],
    dataset_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A run whose image encoder's files were deleted after training."""
    place = tmp_path_factory.mktemp("run")
    folder = Path(shutil.copytree(models["clip"], place / "clip"))
    config = dataclasses.replace(
        TINY,
        image_encoder=f"hub:{folder}",
        image_weights="imagenet",
        epochs=2,
    )
    train(config, dataset=dataset_folder, out=place / "run")
    shutil.rmtree(folder)
    return place / "run"


class TestRuns:
    def test_it_is_evaluated_and_predicts_without_the_models_files(self, run: Path) -> None:
        metrics = json.loads((run / "metrics.json").read_text())
        assert evaluate(run, device="cpu")["test"] == metrics["test"]
        post = separable_post(1, "anger")
        (answer,) = Predictor(run, device="cpu").predict([RawPost(name="p", image=post.image)])
        assert isinstance(answer, Prediction)
        assert answer.subset == "image"

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("num_hidden_layers",), 10**9),
            (("hidden_size",), 2**40),
            (("intermediate_size",), 2**30),
            (("model_type",), "none"),
            (("image_size",), 2**20),
        ],
    )
    def test_a_received_run_takes_no_more_than_its_weights(
        self, run: Path, tmp_path: Path, place: tuple[str, ...], value: object
    ) -> None:
        copy = Path(shutil.copytree(run, tmp_path / "run"))
        (copy / "digests.json").unlink()
        content = json.loads((copy / "config.json").read_text())
        (record,) = content["hub"].values()
        record["config"][place[0]] = value
        (copy / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError) as raised:
            Predictor(copy, device="cpu")
        assert str(copy) in str(raised.value)

    def test_a_record_is_needed(self, models: dict[str, Path]) -> None:
        with pytest.raises(ModelError, match="does not say how to build it"):
            build_backbone(f"hub:{models['clip']}", {})
