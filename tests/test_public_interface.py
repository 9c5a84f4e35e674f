"""The public interface: its names, its cost, and the examples of its docstrings."""

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import flickr_emotion
from flickr_emotion.common.checkout import PROJECT

NAMES = [
    *("BuildOptions", "CrawlOptions", "Predictor", "RawPost", "Sandbox", "ToolkitError"),
    *("TrainingConfig", "build_splits", "crawl", "diff_manifests", "evaluate", "export"),
    *("export_manifest", "harvest_status", "inspect_dataset", "open_dataset", "plan"),
    *("report", "reproduce", "resume", "train", "verify_manifest"),
]
# Each works on what those before it have made.
EXAMPLES = [
    *("crawl", "plan", "harvest_status", "build_splits", "open_dataset", "inspect_dataset"),
    *("export_manifest", "verify_manifest", "diff_manifests", "train", "resume", "evaluate"),
    *("report", "Predictor", "export", "reproduce", "Sandbox"),
]


def test_the_names_are_these() -> None:
    assert flickr_emotion.__all__ == NAMES == dir(flickr_emotion)
    for name in NAMES:
        assert getattr(flickr_emotion, name).__doc__


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(flickr_emotion.__file__ or "").read_text(encoding="utf-8"))
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    ]
    seen = {
        alias.name: (node.module or "").removeprefix("flickr_emotion.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == flickr_emotion._HOMES


def test_importing_it_loads_nothing_heavy() -> None:
    program = (
        "import sys, flickr_emotion\n"
        "heavy = {'torch', 'pandas', 'pyarrow', 'numpy', 'requests', 'typer', 'rich'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'crawler'"):
        _ = flickr_emotion.crawler


@pytest.mark.slow
def test_the_examples_of_the_docstrings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for name in EXAMPLES:
        text = inspect.getdoc(getattr(flickr_emotion, name)) or ""
        example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
        assert example.examples, name
        if runner.run(example).failed:
            failed.append(name)
    assert failed == []


def test_every_function_has_an_example() -> None:
    without = [
        name for name in NAMES if ">>>" not in (inspect.getdoc(getattr(flickr_emotion, name)) or "")
    ]
    # These are data: the examples of what takes them show how they are made.
    assert without == ["BuildOptions", "CrawlOptions", "RawPost", "ToolkitError", "TrainingConfig"]


# Windows has none of these: a module that uses one when it is imported would end in a traceback.
AS_ON_WINDOWS = """
import os, pathlib, runpy, signal, sys
sys.platform = "win32"
del signal.SIGHUP, os.O_CLOEXEC, os.O_NONBLOCK, os.sync
"""


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("runpy.run_path('cli.py', run_name='__main__')", "error: flickr-emotion does not run on"),
        ("from flickr_emotion.__main__ import main; main()", "error: flickr-emotion does not run"),
        ("from flickr_emotion import crawl", "ImportError: flickr-emotion does not run on Windows"),
    ],
)
def test_windows_is_refused_in_one_line(program: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{AS_ON_WINDOWS}{program}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(line)
    assert ("Traceback" in done.stderr) is line.startswith("ImportError")
