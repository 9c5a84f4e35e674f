"""The commands as a user meets them: help, errors in one line, exit codes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from flickr_emotion.commands.main import app
from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.model.runs.digests import digests_of
from tests import commands
from tests.commands import refusal
from tests.documents import document
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.image_hosts.test_picture_crawls import changed

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
TOUR = document("docs/tour.md")


def run(*arguments: object, key: bool = False) -> subprocess.CompletedProcess[str]:
    keys = {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET} if key else {}
    return subprocess.run(
        [sys.executable, "cli.py", *map(str, arguments)],
        cwd=PROJECT,
        env=os.environ | {"COLUMNS": "200"} | keys,
        capture_output=True,
        text=True,
        check=False,
    )


def error_of(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line that an error is."""
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus([post(1), post(2)]), keys={KEY: SECRET}) as running:
        yield running


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_help_and_stands_in_the_tour(self, command: str) -> None:
        found = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
        assert found.help
        assert re.search(rf"^\$ python cli\.py {command}\b", TOUR, re.MULTILINE)

    def test_the_commands_are_the_designs(self) -> None:
        assert (
            sorted(
                [
                    "crawl",
                    "status",
                    "check",
                    "build-splits",
                    "inspect",
                    "reduce",
                    "attribution",
                    "serve",
                    "verify",
                    "takedown",
                    "manifest",
                    "train",
                    "evaluate",
                    "predict",
                    "export",
                    "report",
                    "reproduce",
                    "sandbox",
                    "demo",
                ]
            )
            == COMMANDS
        )

    @pytest.mark.parametrize(
        ("module", "heavy"),
        [
            ("cli", {"torch", "pandas", "pyarrow", "numpy", "requests", "PIL", "rich"}),
            # Only lists in Parquet and manifests need Arrow, which loads pandas.
            ("flickr_emotion.harvest.crawl.crawl", {"torch", "pandas", "pyarrow"}),
        ],
        ids=["--help", "crawl"],
    )
    def test_a_command_does_not_load_libraries_that_it_does_not_use(
        self, module: str, heavy: set[str]
    ) -> None:
        program = (
            f"import sys, {module}\n"
            f"loaded = {heavy} & set(sys.modules)\n"
            "sys.exit(str(sorted(loaded)) if loaded else 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def test_wrong_usage_ends_with_2(self) -> None:
        assert run("crawl").returncode == 2
        assert run("no-such-command").returncode == 2
        assert run("build-splits", "h", "--out", "d", "--min-votes", "none").returncode == 2


class TestErrors:
    def test_no_key(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", [post(1)])
        line = error_of(run("crawl", published_list, "--out", tmp_path / "h"), 2)
        assert "FLICKR_API_KEY" in line
        assert not (tmp_path / "h").exists()

    def test_no_list(self, tmp_path: Path) -> None:
        line = error_of(run("crawl", tmp_path / "x", "--out", tmp_path / "h", key=True))
        assert "is not there" in line

    @pytest.mark.parametrize(
        "command",
        [
            *("inspect X", "train X --out Y", "evaluate X", "predict X --text aa", "status X"),
            *("verify X", "reduce X --fraction 0.5 --out Y", "build-splits X --out Y"),
            *("manifest export X --out Y", "manifest verify X X", "export X --out Y"),
            "report X --html Y.html",
            *("reproduce table1 X --out Y", "sandbox --corpus X", "sandbox --vso X"),
            *("attribution X X --out Y.csv", "serve X"),
        ],
    )
    def test_a_path_that_is_not_there(self, tmp_path: Path, command: str) -> None:
        absent, out = str(tmp_path / "absent"), str(tmp_path / "out")
        line = refusal(*command.replace("X", absent).replace("Y", out).split())
        assert "is not there" in line
        assert absent in line

    def test_a_refused_key(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", [post(1)])
        server.expire_key(KEY)
        done = run(
            *("crawl", published_list, "--out", tmp_path / "h", "--flickr-url", server.url),
            key=True,
        )
        assert "Key has expired" in error_of(done)
        assert KEY not in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr

    def test_a_refused_secret(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", [post(1)])
        arguments = ("crawl", published_list, "--out", tmp_path / "h", "--flickr-url", server.url)
        done = run(*arguments, "--api-secret", "another", key=True)
        assert "refused the API key or its secret" in error_of(done)
        assert KEY not in done.stdout + done.stderr

    def test_unknown_faults_are_named(self) -> None:
        assert "nonsense" in refusal("sandbox", "--faults", "nonsense=1")

    def test_a_traceback_only_with_debug(self, tmp_path: Path) -> None:
        assert "Traceback" in run("status", tmp_path, "--debug").stderr
        assert "Traceback" in run("--debug", "status", tmp_path).stderr


class TestExitCodes:
    def test_too_much_lost_ends_with_3(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", [post(1), post(2)])
        crawl(options(published_list, tmp_path / "h", server), lambda line: None)
        # Corrupt pictures are final, so the command finds them at once.
        changed(
            tmp_path / "h",
            "UPDATE photos SET image_outcome = 'corrupt', image_error = 'JPEG ends early'",
        )
        arguments = ("crawl", published_list, "--out", tmp_path / "h", "--flickr-url", server.url)
        done = run(*arguments, key=True)
        assert done.returncode == 3
        assert "2 of 2 photos ended failed or corrupt" in done.stderr
        assert run(*arguments, "--max-loss", 1, key=True).returncode == 0
        assert "2 x image: JPEG ends" in commands.run("status", tmp_path / "h").out

    def test_status_as_json(self, tmp_path: Path, server: SandboxServer) -> None:
        published_list = write_votes(tmp_path / "list", [post(1), post(3)])
        crawl(options(published_list, tmp_path / "h", server), lambda line: None)
        done = commands.run("status", tmp_path / "h", "--json")
        assert done.code == 0
        assert '"photos": 2' in done.out
        assert '"gone": 1' in done.out


class TestVerify:
    def test_of_a_manifest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(PROJECT)
        done = commands.run("verify", "manifests/simulation.parquet")
        assert done.code == 0, done.err
        assert done.out.startswith("the manifest manifests/simulation.parquet is whole: 1677 rows")
        content = bytearray((PROJECT / "manifests" / "simulation.parquet").read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "m.parquet").write_bytes(content)
        done = commands.run("verify", tmp_path / "m.parquet", "--json")
        assert done.code == 3
        found = json.loads(done.out)
        assert (found["kind"], found["whole"], len(found["damaged"])) == ("manifest", False, 1)
        assert "manifest export" in found["mend"]

    def test_of_a_run(self, tmp_path: Path) -> None:
        """Without torch: it is told by its digests."""
        (tmp_path / "config.json").write_text('{"format": "flickr-emotion-run", "version": 1}')
        (tmp_path / "model.safetensors").write_bytes(b"weights")
        assert "digests.json" in refusal("verify", tmp_path)
        digests = digests_of(tmp_path, {})
        (tmp_path / "digests.json").write_text(json.dumps(digests))
        assert commands.run("verify", tmp_path).code == 0
        (tmp_path / "model.safetensors").write_bytes(b"weighty")
        done = commands.run("verify", tmp_path)
        assert done.code == 3
        assert "model.safetensors is damaged" in done.out
        assert "train again" in done.out
        assert commands.run("verify", tmp_path, "--mend").code == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("inspect",), "is a file: give the folder that `build-splits --out` wrote"),
        (("evaluate",), "is not a run folder: give a folder written by `train --out`"),
    ],
)
def test_a_table_in_the_place_of_a_folder(
    tmp_path: Path, command: tuple[str, ...], said: str
) -> None:
    """`train posts.csv` said "Errno 20: build the splits again"."""
    path = tmp_path / "posts.csv"
    path.write_text("id,label,text\n1,awe,a b c\n")
    assert said in refusal(*command, path)
