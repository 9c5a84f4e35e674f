"""A subset with padded lists gives its system's answers, in torch and in onnxruntime."""

import copy
import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.config import ENSEMBLES, MODELS
from flickr_emotion.model.engines.graphs import pictures_of, write_graph
from flickr_emotion.model.export.inputs import IDS, graph_inputs
from flickr_emotion.model.features.image_backbones import Backbone, build_backbone
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks.catalogue import build_ensemble, build_system
from flickr_emotion.model.networks.ensembles import WeightedVote
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.padded import PaddedSubset
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.posts import PADDING, WINDOWS
from tests.model.small_networks import ENCODING, pack_lists

SIDE = 64  # pixels of an exported file's pictures: SqueezeNet takes any size
SYSTEMS = (*MODELS, "single-task image+tags")
ANSWERED = {
    "fasttext": [s for s in SUBSETS if "text" in s],
    "inception": [s for s in SUBSETS if "image" in s],
    "single-task image+tags": ["image+tags"],
}
# Writing a file takes seconds: the quick tests write one for a system of each kind.
QUICK = {"multitask": "text+tags"}
FILES = [
    pytest.param(name, subset, marks=[] if QUICK.get(name) == subset else pytest.mark.slow)
    for name in SYSTEMS
    for subset in ANSWERED.get(name, SUBSETS)
]


def build(name: str) -> System:
    """Build a system whose answers are far from uniform, with a padding vector that is not zero."""
    torch.manual_seed(0)
    model, _, subset = name.partition(" ")
    system: System
    if name in ENSEMBLES:
        system = build_ensemble(model, {s: single_task(s) for s in ENSEMBLES[model]})
        if isinstance(system, WeightedVote):
            system.weigh({"image": 0.5, "text": 0.6, "tags": 0.7})
    else:
        system = build_system(model, subset or None, ENCODING, backbone(), frozen_image=True)
    for module in system.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=3)
        if isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight, gain=2)
            nn.init.zeros_(module.bias)
    return system.eval()


def single_task(subset: str) -> MultitaskNetwork:
    network = build_system("single-task", subset, ENCODING, backbone(), frozen_image=True)
    assert isinstance(network, MultitaskNetwork)
    return network


def backbone() -> Backbone:
    return build_backbone("squeezenet1_1")


@dataclasses.dataclass(frozen=True)
class Posts:
    """Complete posts."""

    images: Tensor
    words: list[list[int]]
    tags: list[list[int]]

    def packed(self) -> Batch:
        rows = torch.arange(len(self.words))
        return Batch(
            labels_B=torch.zeros_like(rows),
            inputs={
                "image": self.images,
                "text": pack_lists(self.words, least=max(WINDOWS)),
                "tags": pack_lists(self.tags),
            },
            rows=dict.fromkeys(SUBSETS, rows),
        )

    def padded(self) -> dict[str, Tensor]:
        return {"image": self.images, "words": padded(self.words), "tags": padded(self.tags)}


def padded(lists: list[list[int]]) -> Tensor:
    longest = max(map(len, lists))
    return torch.tensor([entries + [PADDING] * (longest - len(entries)) for entries in lists])


def posts_of(word_counts: list[int], *, pictures: bool) -> Posts:
    """Return posts with these numbers of words, with their pictures or picture features."""
    number = len(word_counts)
    random = np.random.default_rng(number)
    brightness = np.linspace(255, 40, number)[:, None, None, None]
    images = (random.random((number, 3, SIDE, SIDE)) * brightness).astype(np.uint8)
    features = random.normal(size=(number, 512)).astype(np.float32)
    return Posts(
        images=torch.from_numpy(images if pictures else features),
        words=[random.integers(1, 42, count).tolist() for count in word_counts],
        tags=[random.integers(1, 32, 1 + count % 10).tolist() for count in word_counts],
    )


def padded_subset(system: System, subset: str, temperature: float = 1.0) -> PaddedSubset:
    inputs = [IDS.get(m, m) for m in subset.split("+") if m in system.modalities]
    return PaddedSubset(copy.deepcopy(system), subset, inputs, temperature).eval()


@pytest.mark.parametrize("name", SYSTEMS)
@torch.inference_mode()
def test_padding_changes_no_answer(name: str) -> None:
    system = build(name)
    assert system.subsets == list(ANSWERED.get(name, SUBSETS))
    networks = {subset: padded_subset(system, subset) for subset in system.subsets}

    @settings(max_examples=15)
    @given(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    def same(word_counts: list[int]) -> None:
        posts = posts_of(word_counts, pictures=False)
        answers, fed = system(posts.packed()), posts.padded()
        for subset, network in networks.items():
            found = network(*(fed[name] for name in network.inputs))
            expected = answers[subset].softmax(1)
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)

    same()


@torch.inference_mode()
def test_late_fusion_without_a_network() -> None:
    """A subset is answered from those of its modalities that have a network, and fed no others."""
    system = build_ensemble("late-fusion", {s: single_task(s) for s in ("image", "text")}).eval()
    assert system.subsets == [s for s in SUBSETS if s != "tags"]
    posts = posts_of([1, 7], pictures=False)
    answers, fed = system(posts.packed()), posts.padded()
    assert list(answers) == system.subsets
    network = padded_subset(system, "text+tags")
    assert network.inputs == ["words"]
    torch.testing.assert_close(network(fed["words"]), answers["text+tags"].softmax(1))


@pytest.mark.parametrize(("name", "subset"), FILES)
def test_onnxruntime_answers_as_we_do(name: str, subset: str, tmp_path: Path) -> None:
    """Texts of 1 to 150 words, one post and several."""
    system = build(name)
    lengths = ([1], [150], [2, 1], [150] * 9, [4, 9, 150])
    several = [posts_of(word_counts, pictures=True) for word_counts in lengths]
    with torch.inference_mode():
        logits = [system(posts.packed())[subset] for posts in several]
    # Chosen so that answers are not all near certainty, where equality would prove little.
    temperature = float(logits[-1].std())
    network = padded_subset(system, subset, temperature)
    known = graph_inputs(system, ()) | {"image": pictures_of(SIDE)}
    inputs = {name: known[name] for name in network.inputs}
    assert write_graph(network, inputs, "answer", tmp_path / "file.onnx") == network.inputs
    assert str(PROJECT).encode() not in (tmp_path / "file.onnx").read_bytes()
    session = onnxruntime.InferenceSession(tmp_path / "file.onnx")
    names = [entry.name for entry in session.get_inputs()]
    assert names == network.inputs
    for posts, answered in zip(several, logits, strict=True):
        fed = posts.padded()
        feeds = {name: fed[name].numpy() for name in names}
        (found,) = session.run(None, feeds)
        ours = torch.softmax(answered / temperature, dim=1).numpy()
        np.testing.assert_allclose(found, ours, atol=1e-4)
    assert np.ptp(ours, axis=0).max() > 0.01  # the answers differ between posts
    if name != "mmtrans-mt":  # no posts are no sequences for its attention
        (found,) = session.run(None, {name: values[:0] for name, values in feeds.items()})
        assert found.shape == (0, ours.shape[1])
