"""The Dockerfile fits the checkout: what it copies, installs and starts is there.

No engine of containers is needed. docs/install.md says how an image was built and tried.
"""

import json
import re
import tomllib

import pytest

from flickr_emotion.commands.main import COMMANDS
from flickr_emotion.common.checkout import PROJECT

Instructions = list[tuple[str, str]]


@pytest.fixture(scope="module")
def instructions() -> Instructions:
    """Name and arguments of each instruction of the Dockerfile."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def arguments(instructions: Instructions, wanted: str) -> list[str]:
    return [rest for name, rest in instructions if name == wanted]


def test_all_that_is_copied_is_there_and_nothing_else_is_sent(instructions: Instructions) -> None:
    copied = {source for line in arguments(instructions, "COPY") for source in line.split()[:-1]}
    assert [source for source in sorted(copied) if not (PROJECT / source).exists()] == []
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = set(settings["tool"]["setuptools"]["package-dir"].values())
    assert copied >= {"flickr_emotion", "pyproject.toml", settings["project"]["readme"], *parts}
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert ignored.index("*") < min(map(ignored.index, (f"!{source}" for source in copied)))
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_it_installs_what_the_lock_names(instructions: Instructions) -> None:
    locked = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    names = {line.split("==")[0] for line in locked.splitlines()}
    installed: set[str] = set()
    for line in arguments(instructions, "RUN"):
        if install := re.search(r"pip install (.*?)(?:&&|$)", line):
            assert "--constraint /src/requirements.lock" in install[1]
            words = re.sub(r"\$\{.*?\}|--\S+ /src/\S+|/src", "", install[1]).split()
            installed.update(words)
    assert {"torch", "efficientnet-lite-pytorch"} <= installed
    assert installed - names == set()


def test_it_starts_a_command_as_a_user_without_rights(instructions: Instructions) -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    (program,) = json.loads(arguments(instructions, "ENTRYPOINT")[-1])
    assert program in settings["project"]["scripts"]
    (first, *_) = json.loads(arguments(instructions, "CMD")[-1])
    assert first in COMMANDS
    user = arguments(instructions, "USER")[-1]
    assert user not in ("root", "0")
    made = [line for line in arguments(instructions, "RUN") if "useradd" in line]
    assert [user in line.split() for line in made] == [True]
    # A number that the base has already, as Ubuntu has 1000, would end the making of the image.
    assert not any(re.search(r"\s(--uid|-u)\b", line) for line in made)
