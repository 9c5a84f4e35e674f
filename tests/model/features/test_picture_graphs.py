"""ONNX Runtime gives torch's features of real pictures, under the same key."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.config import AUTO, ONNXRUNTIME, TORCH
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.feature_extraction import extract
from flickr_emotion.model.features.image_features import features_folder, frozen_features
from flickr_emotion.model.features.picture_decoding import CpuDecoder
from flickr_emotion.model.features.picture_graphs import picture_graph
from flickr_emotion.model.posts.posts import Encoding, read_posts
from flickr_emotion.model.recipes import BEST_IMAGES
from tests.model.dataset_folder import StoredPost, write_dataset

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> list[bytes]:
    """Real photographs of several shapes."""
    column = pq.read_table(shared_data / "mvsa.parquet", columns=["image"])["image"]
    return [content for content in column[:40].to_pylist() if content][:9]


@pytest.fixture(scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def check_engines_agree(name: str, weights: str, pictures: list[bytes]) -> None:
    torch.manual_seed(0)
    backbone = load_backbone(name, weights)
    graph = picture_graph(backbone, ONNXRUNTIME, device="cpu", pictures=len(pictures))
    assert graph is not None
    assert graph.features == backbone.features
    named = [(f"photo {number}", content) for number, content in enumerate(pictures)]
    by = [
        torch.cat(list(extract(iter(named), backbone, CpuDecoder(backbone.preprocessing), CPU, it)))
        for it in (None, graph)
    ]
    assert by[0].std() > 0.01
    scale = max(1.0, float(by[0].abs().max()))
    torch.testing.assert_close(by[1], by[0], rtol=0, atol=1e-5 * scale)
    alone = graph.read([graph.sizes.pixels(pictures[-1], "x")])
    np.testing.assert_allclose(alone[0], by[0][-1].numpy(), rtol=0, atol=1e-5 * scale)


@pytest.mark.usefixtures("_cache")
def test_engines_agree(pictures: list[bytes]) -> None:
    check_engines_agree("squeezenet1_1", "none", pictures)


@pytest.mark.slow
@pytest.mark.usefixtures("_cache")
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("efficientnet_lite0", "imagenet"),
        ("efficientnet_lite2", "imagenet"),
        ("efficientnet_lite0_stages", "imagenet"),
        ("efficientnet_lite0+efficientnet_lite2", "imagenet"),
        (BEST_IMAGES, "imagenet"),
        ("densenet121", "none"),
        ("resnet50", "none"),
        ("vit_b_16", "none"),
    ],
)
def test_engines_agree_for_every_encoder(name: str, weights: str, pictures: list[bytes]) -> None:
    """Those that ship with weights, the paper's, and two of other families."""
    check_engines_agree(name, weights, pictures)


@pytest.mark.usefixtures("_cache")
def test_features_on_disk_have_one_key(
    pictures: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    backbone = load_backbone("squeezenet1_1", "none")
    posts = [
        StoredPost(photo_id=str(number), label="awe", image=content)
        for number, content in enumerate(pictures)
    ]
    rows = {}
    for engine in (TORCH, ONNXRUNTIME):
        folder = write_dataset(tmp_path / engine, {"train": posts, "validation": [], "test": []})
        dataset = open_dataset(folder)
        numbers = {"train": read_posts(dataset, "train", Encoding.of(dataset))}
        found = frozen_features(
            dataset, backbone, numbers, run_folder=tmp_path, device=CPU, engine=engine
        )
        rows[engine] = found["train"].rows(range(len(posts)))
        kept = features_folder(dataset, backbone, CpuDecoder(backbone.preprocessing))
        assert (folder / kept / "train.npy").is_file()
    torch.testing.assert_close(rows[TORCH], rows[ONNXRUNTIME], rtol=0, atol=1e-4)


@pytest.mark.usefixtures("_cache")
def test_a_damaged_picture_is_named(pictures: list[bytes]) -> None:
    torch.manual_seed(0)
    backbone = load_backbone("squeezenet1_1", "none")
    graph = picture_graph(backbone, AUTO, device="cpu", pictures=1)  # kept by the tests before
    graph = graph or picture_graph(backbone, ONNXRUNTIME, device="cpu", pictures=1)
    named = [("photo 1", pictures[0]), ("photo 2", pictures[1][:900])]
    with pytest.raises(ModelError, match="photo 2"):
        list(extract(iter(named), backbone, CpuDecoder(backbone.preprocessing), CPU, graph))
