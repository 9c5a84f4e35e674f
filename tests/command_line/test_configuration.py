"""``--config`` and ``--show-config``: files that stand in for options, and what is refused."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commands import Done, run

BUILD = ("build-splits", "H", "--out", "D")


def written(folder: Path, text: str) -> Path:
    path = folder / "options.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(done: Done) -> str:
    """The one line of wrong usage."""
    assert done.code == 2, done
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    return done.err


def shown(*arguments: object) -> dict[str, object]:
    done = run(*arguments, "--show-config")
    assert done.code == 0, done
    return dict(tomllib.loads(done.out))


class TestWhatHolds:
    def test_the_file_goes_before_the_defaults(self, tmp_path: Path) -> None:
        path = written(tmp_path, '[build-splits]\nmin-votes = 4\ngroup_by = ["owner"]\n')
        found = shown(*BUILD, "--config", path)["build-splits"]
        assert isinstance(found, dict)
        assert (found["min-votes"], found["group-by"], found["eval-votes"]) == (4, ["owner"], 5)

    def test_the_command_line_goes_before_the_file(self, tmp_path: Path) -> None:
        path = written(tmp_path, "[build-splits]\nmin-votes = 4\n")
        found = shown(*BUILD, "--min-votes", 5, "--config", path)["build-splits"]
        assert isinstance(found, dict)
        assert found["min-votes"] == 5

    def test_the_environment_goes_before_the_defaults(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FLICKR_API_KEY", "of-the-environment")
        monkeypatch.setenv("FLICKR_API_SECRET", "its-secret")
        done = run("crawl", "list", "--out", "H", "--show-config")
        assert "# api-key: set, never shown" in done.out
        assert "of-the-environment" not in done.out + done.err
        assert "its-secret" not in done.out + done.err

    def test_arguments_and_flags_may_stand_in_it(self, tmp_path: Path) -> None:
        path = written(tmp_path, '[manifest.export]\ndataset = "D"\nout = "m"\nwith-urls = true\n')
        assert shown("manifest", "export", "--config", path) == {
            "manifest": {"export": {"dataset": "D", "out": "m", "with-urls": True}}
        }

    def test_other_commands_tables_are_left_alone(self, tmp_path: Path) -> None:
        path = written(tmp_path, "[crawl]\nquota = 100\n")
        assert shown(*BUILD, "--config", path) == shown(*BUILD)

    def test_recipes_are_resolved(self) -> None:
        found = shown("train", "D", "--out", "R", "--recipe", "best")["train"]
        assert isinstance(found, dict)
        assert (found["batch-size"], found["learning-rate"]) == (128, 0.001)

    @given(
        votes=st.integers(1, 9),
        language=st.sampled_from(["en", "fr"]),
        groups=st.lists(st.sampled_from(["owner", "near-duplicate"]), unique=True),
        out=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
            lambda it: not it.startswith("-")
        ),
    )
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_what_is_shown_is_what_a_file_may_say(
        self, tmp_path: Path, votes: int, language: str, groups: list[str], out: str
    ) -> None:
        options = [word for group in groups for word in ("--group-by", group)]
        first = run(
            *("build-splits", "H", "--out", out, "--min-votes", votes, "--language", language),
            *(*options, "--show-config"),
        )
        path = written(tmp_path, first.out)
        again = run("build-splits", "--config", path, "--show-config")
        assert first.code == again.code == 0
        assert tomllib.loads(again.out) == tomllib.loads(first.out)


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[build-splits]\nno-such = 1\n", "no-such of [build-splits] is not an option"),
            ("[build-splits]\nmin-votes = true\n", "give another value"),
            ("[build-splits]\nmin-votes = 0\n", "greater than or equal to 1"),
            ('[build-splits]\nincomplete = "perhaps"\n', "'keep', 'drop'"),
            ('[build-splits]\ngroup-by = ["colour"]\n', "give owner or near-duplicate"),
            ("[build-splits\n", "is not TOML"),
            ("build-splits = 1\n", "build-splits is not a table"),
        ],
    )
    def test_of_a_build(self, tmp_path: Path, text: str, said: str) -> None:
        assert said in refused(run(*BUILD, "--config", written(tmp_path, text)))

    @pytest.mark.parametrize("name", ["api-key", "api_secret"])
    def test_a_secret(self, tmp_path: Path, name: str) -> None:
        path = written(tmp_path, f'[crawl]\n{name} = "not-to-be-shown"\n')
        said = refused(run("crawl", "list", "--out", "H", "--config", path))
        assert "set the environment variable" in said
        assert "not-to-be-shown" not in said

    def test_a_flag_that_is_no_boolean(self, tmp_path: Path) -> None:
        path = written(tmp_path, "[manifest.export]\nwith-urls = 1\n")
        said = refused(run("manifest", "export", "D", "--out", "m", "--config", path))
        assert "give true or false" in said

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        assert "cannot be read" in refused(run(*BUILD, "--config", tmp_path / "absent"))

    def test_beside_resume(self, tmp_path: Path) -> None:
        path = written(tmp_path, "[train]\nepochs = 3\n")
        said = refused(run("train", "--resume", "R", "--config", path))
        assert "omit --epochs" in said


@pytest.mark.parametrize(
    "line",
    [
        "train D --out R --patience 0",
        "train D --out R --model nonsense",
        "train D --out R --recipe nonsense",
        "train D --out R --model fasttext --recipe best",
        "train D --out R --learning-rate 2",
        "train D --out R --seed -1",
        "train D",
        "build-splits H --out D --incomplete perhaps",
        "build-splits H --out D --fold 6/5",
        "build-splits H --out D --language xx",
        "build-splits H --out D --min-words 9 --max-words 8",
        "build-splits H --out D --engine spark",
        "crawl L --out H --quota -1 --api-key k --api-secret s",
        "crawl L --out H --image-size huge --api-key k --api-secret s",
        "crawl L --out H --flickr-url ftp://x --api-key k --api-secret s",
        "export R --out E --format tensorflow",
        "reproduce table9 D --out P",
        "reduce D --out E --fraction 2",
        "predict R --input F",
        "evaluate R --device abacus",
        "verify",
        "no-such-command",
    ],
)
def test_wrong_usage_ends_with_2_in_one_line(line: str) -> None:
    refused(run(*line.split()))
