"""``check``: what it says of this machine, and what it never says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flickr_emotion import machine
from flickr_emotion.sandbox import Sandbox
from tests.commands import Done, run

UNREACHED = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Sandbox() as sandbox:
        yield sandbox.url


@pytest.fixture(autouse=True)
def a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", Sandbox.api_key)
    monkeypatch.setenv("FLICKR_API_SECRET", Sandbox.api_secret)


def found(*arguments: object) -> dict[str, dict[str, object]]:
    """Each finding by its name."""
    return {it["name"]: it for it in json.loads(run("check", "--json", *arguments).out)}


def state(name: str, *arguments: object) -> tuple[object, str]:
    it = found(*arguments)[name]
    return it["state"], f"{it['found']}; {it['advice']}"


def test_a_machine_that_works(url: str, tmp_path: Path) -> None:
    done = run("check", "--flickr-url", url, "--out", tmp_path / "not" / "yet")
    assert done.code == 0, done
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:2] for line in lines if line.startswith("torch ")] == [["torch", "ok"]]
    assert lines[-1].startswith("what all commands need is there")
    assert Sandbox.api_key not in done.out + done.err
    assert Sandbox.api_secret not in done.out + done.err


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "missing"),
        ('"0123456789abcdef0123456789abcdef"', "wrong"),
        ("0123456789abcdef", "wrong"),
        ("0123456789abcdef0123456789abcdef", "ok"),
    ],
)
def test_the_form_of_the_key(
    monkeypatch: pytest.MonkeyPatch, url: str, value: str, expected: str
) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", value)
    said, text = state("FLICKR_API_KEY", "--flickr-url", url)
    assert said == expected
    assert not value or value not in text


def test_a_server_that_is_not_there() -> None:
    done = run("check", "--flickr-url", UNREACHED)
    assert done.code == 3
    assert "start the sandbox, or correct --flickr-url" in " ".join(done.out.split())
    assert done.out.splitlines()[-1] == "commands will fail: see server"


def test_no_server_at_all() -> None:
    said, text = state("server", "--flickr-url", "localhost:8123")
    assert said == "wrong"
    assert "is not the URL of a server" in text


def test_flickr_behind_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work without it, so the exit code is 0. Nothing leaves this machine."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, UNREACHED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    done: Done = run("check")
    assert done.code == 0, done
    said = " ".join(done.out.split())
    assert "is not reached through the proxy of the environment" in said
    assert "HTTPS_PROXY" in said


def test_a_library_and_an_encoder_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setitem(
        machine._OPTIONAL, "mpnet", (("no_such_module",), "--text-encoder mpnet", "install it")
    )
    assert machine._library("no_such_library").state == "missing"
    assert machine._library("no_such_library").needed
    assert state("mpnet", "--flickr-url", url) == (
        "missing",
        "for --text-encoder mpnet; not installed: no_such_module; install it",
    )


def test_a_library_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As torchvision beside a torch of another release."""
    (tmp_path / "unfit_library.py").write_text("raise RuntimeError('no operator nms\\nmore')")
    monkeypatch.syspath_prepend(tmp_path)
    it = machine._library("unfit_library")
    assert (it.state, it.found) == ("wrong", "no operator nms")


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(machine, "ENOUGH_BYTES", 10**18)
    said, text = state("disk", "--flickr-url", url)
    assert said == "wrong"
    assert "name another folder with --out" in text


def test_every_package_that_is_advised_is_in_an_extra() -> None:
    """What is advised is what `pyproject.toml` names."""
    from flickr_emotion.common.checkout import PROJECT

    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    packages = {
        word
        for _, _, advice in machine._OPTIONAL.values()
        if advice.startswith("pip install")
        for word in advice.split()[2:]
    }
    assert packages
    assert {name for name in packages if f'"{name}' not in text} == set()
