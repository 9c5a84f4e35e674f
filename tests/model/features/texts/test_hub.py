"""Text encoders of the hub: any encoder, and the text towers of image-text encoders."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.features.texts.hub import open_hub
from flickr_emotion.model.recipes import BEST
from flickr_emotion.model.training.training import resume, train
from tests.commands import refusal
from tests.model.conftest import TINY
from tests.model.hub_models import LONGEST, SMALL, save_bert, save_clip, save_siglip

pytest.importorskip("transformers", reason="the extra `pretrained` is not installed")

SAVED: dict[str, Callable[[Path], Path]] = {
    "clip": save_clip,
    "siglip": save_siglip,
    "bert": save_bert,
}
TEXTS = ("the storm", "calm light of the sea", "a sky a sea a fire", "rage " * 20)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hub")
    return {name: save(folder / name) for name, save in SAVED.items()}


class TestReading:
    @pytest.mark.parametrize("name", SAVED)
    def test_a_text_has_the_same_features_alone_and_in_a_batch(
        self, models: dict[str, Path], name: str
    ) -> None:
        reader = open_hub(f"hub:{models[name]}", download=False)
        together = reader.features(TEXTS)
        alone = np.concatenate([reader.features([text]) for text in TEXTS])
        assert together.shape == (len(TEXTS), reader.dimension)
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert reader.longest == LONGEST
        assert reader.cut == 2  # the last text, twice

    @pytest.mark.parametrize("name", ["clip", "siglip"])
    def test_a_tower_answers_as_in_the_whole_model(
        self, models: dict[str, Path], name: str
    ) -> None:
        from transformers import AutoModel, AutoTokenizer

        tokens = AutoTokenizer.from_pretrained(models[name])(
            list(TEXTS), padding="max_length", truncation=True, return_tensors="pt"
        )
        assert ("attention_mask" in tokens) == (name == "clip")  # SigLIP reads padding too
        with torch.inference_mode():
            whole = AutoModel.from_pretrained(models[name]).eval()
            expected = whole.text_model(**tokens).pooler_output
        reader = open_hub(f"hub:{models[name]}", download=False)
        np.testing.assert_allclose(
            reader.features(TEXTS), normalize(expected, dim=1).numpy(), atol=1e-5
        )

    def test_of_other_encoders_three_layers_are_read(self, models: dict[str, Path]) -> None:
        reader = open_hub(f"hub:{models['bert']}", download=False)
        assert reader.dimension == 3 * SMALL["hidden_size"]
        vectors = reader.features(TEXTS).reshape(len(TEXTS), 3, -1)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)

    def test_a_published_limit_is_kept(self, models: dict[str, Path], tmp_path: Path) -> None:
        folder = Path(shutil.copytree(models["bert"], tmp_path / "model"))
        (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
        assert open_hub(f"hub:{folder}", download=False).longest == 5

    def test_the_digest_follows_the_weights(self, models: dict[str, Path], tmp_path: Path) -> None:
        folder = Path(shutil.copytree(models["bert"], tmp_path / "model"))
        first = open_hub(f"hub:{models['bert']}", download=False).digest()
        assert open_hub(f"hub:{folder}", download=False).digest() == first
        weights = bytearray((folder / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (folder / "model.safetensors").write_bytes(weights)
        assert open_hub(f"hub:{folder}", download=False).digest() != first

    def test_a_model_without_a_tokenizer_is_refused(
        self, models: dict[str, Path], tmp_path: Path
    ) -> None:
        folder = Path(shutil.copytree(models["bert"], tmp_path / "model"))
        (folder / "tokenizer.json").unlink()
        with pytest.raises(ModelError, match=r"has no tokenizer.json or vocab\* or \*.model"):
            open_hub(f"hub:{folder}", download=False)


class TestRuns:
    def test_it_is_trained_evaluated_and_resumed(
        self,
        models: dict[str, Path],
        dataset_folder: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A folder is found from everywhere, and refused once its weights are others."""
        folder = Path(shutil.copytree(models["siglip"], tmp_path / "siglip"))
        monkeypatch.chdir(tmp_path)
        config = dataclasses.replace(
            TINY, recipe=BEST, without=("lexicon",), text_encoder="hub:siglip", epochs=2
        )
        metrics = train(config, dataset=dataset_folder, out=Path("run"))
        monkeypatch.chdir("/")
        run = tmp_path / "run"
        assert json.loads((run / "config.json").read_text())["text_encoder"] == f"hub:{folder}"
        assert evaluate(run, device="cpu")["test"] == metrics["test"]
        assert resume(run)["test"] == metrics["test"]
        (folder / "tokenizer_config.json").write_text(
            (folder / "tokenizer_config.json").read_text() + "\n"
        )
        from flickr_emotion.model.features.texts import readers

        readers._open.cache_clear()
        with pytest.raises(ModelError, match="trained with other weights of the reader"):
            evaluate(run, device="cpu")

    def test_a_name_that_is_not_here_is_one_line(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        command = ["train", dataset_folder, "--out", tmp_path / "R", "--recipe", "best"]
        said = refusal(
            *(*command, "--image-encoder", "squeezenet1_1", "--image-weights", "none"),
            *("--text-encoder", "hub:nobody/no-model", "--device", "cpu"),
        )
        assert "--text-encoder hub:nobody/no-model is not on this machine" in said
        assert "--download" in said
