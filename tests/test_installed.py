"""The package as others install it: a wheel and ``-e`` in new environments, and a notebook.

The environments take the libraries that the package needs from the one that the tests run in.
"""

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT

pytestmark = pytest.mark.slow

CELLS = [
    """
from pathlib import Path
from flickr_emotion import BuildOptions, CrawlOptions, Sandbox, build_splits, crawl, open_dataset

with Sandbox() as flickr:
    options = CrawlOptions(
        published_lists=(flickr.write_lists(Path("lists")),),
        out=Path("harvest"),
        flickr_url=flickr.url,
        api_key=flickr.api_key,
        api_secret=flickr.api_secret,
        quota=0,
    )
    report = crawl(options, say=lambda line: None, show=lambda snapshot: None)
report.lost
""",
    """
build_splits(Path("harvest"), Path("dataset"), BuildOptions(), say=lambda line: None)
sorted(open_dataset(Path("dataset")).counts)
""",
    """
import datasets
datasets.load_dataset("dataset", split="test").num_rows > 50
""",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the project's repository holds: building writes into it."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("flickr_emotion", "harvest", "datasets", "model"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, folder / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", "cli.py"):
        shutil.copy(PROJECT / name, folder / name)
    return folder


def new_environment(folder: Path) -> Path:
    """Make an environment without this project; return its Python."""
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    ours = next(entry for entry in sys.path if entry.endswith("site-packages"))
    (packages / "libraries.pth").write_text(f"{ours}\n", encoding="utf-8")
    return folder / "bin" / "python"


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*command, *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", source, "--no-deps", "--no-index", "--no-build-isolation", "-w", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "flickr_emotion",
        "flickr_emotion_toolkit",
    }
    folders = [PROJECT / name for name in ("harvest", "datasets", "model")]
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    assert {f"flickr_emotion/{path.relative_to(PROJECT)}" for path in modules} <= set(names)
    assert "flickr_emotion/py.typed" in names


@pytest.fixture(scope="module", params=["wheel", "editable"])
def python(
    request: pytest.FixtureRequest,
    source: Path,
    wheel: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The Python of an environment with the package installed."""
    found = new_environment(tmp_path_factory.mktemp(request.param))
    what = [wheel] if request.param == "wheel" else ["--no-build-isolation", "-e", source]
    pip("--python", found, "install", "--no-deps", "--no-index", *what)
    return found


def test_the_command(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python.parent / "flickr-emotion", "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "build-splits" in done.stdout
    usage = subprocess.run(
        [python, "-m", "flickr_emotion", "status"], cwd=tmp_path, capture_output=True, text=True
    )
    assert usage.returncode == 2
    assert " status --help`)" in usage.stderr


def test_other_names_stay_free(python: Path, tmp_path: Path) -> None:
    program = (
        "import flickr_emotion, datasets, importlib.util as util; "
        "print(util.find_spec('harvest'), util.find_spec('model'), datasets.__version__ > '2')"
    )
    done = subprocess.run(
        [python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["None", "None", "True"]


def test_a_notebook(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    kernel = tmp_path / "jupyter" / "kernels" / "installed"
    kernel.mkdir(parents=True)
    launch = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": launch, "display_name": "installed", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    workplace = tmp_path / "work"
    workplace.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(
        notebook,
        kernel_name="installed",
        timeout=300,
        resources={"metadata": {"path": str(workplace)}},
    )
    client.execute()
    results = [
        output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    assert results == ["0", "['test', 'train', 'validation']", "True"]
