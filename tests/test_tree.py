"""What holds of the tree as a whole: who imports whom, and that documents are there."""

import ast
import re
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from flickr_emotion.common import errors
from flickr_emotion.common.checkout import PROJECT

# From the bottom to the top: a folder's modules import from their own folder and those above it in
# this list, which are lower. `harvest` and `model` know nothing of each other.
LAYERS = [
    "common",
    "common.pages",
    "common.tables",
    "common.presentation",
    "common.takedown",
    *(
        f"harvest{room}"
        for room in ("", ".pace", ".preferences", ".flickr", ".pictures", ".manifests", ".lists")
    ),
    *(
        f"harvest.{room}"
        for room in ("yfcc100m", "ledger.rows", "ledger", "calls", "trust", "intake", "checks")
    ),
    *(f"harvest.{room}" for room in ("takedown", "image_hosts", "crawl")),
    *(f"harvest.sandbox{room}" for room in ("", ".simulation", ".vso")),
    *(f"datasets{room}" for room in ("", ".pictures", ".rules", ".folder", ".description")),
    *(f"datasets{room}" for room in (".sources.cells", ".sources", ".corrections")),
    *(f"datasets{room}" for room in (".judging", ".build")),
    *(f"datasets.{room}" for room in ("manifests", "inspect", "verification", "takedown")),
    *(f"model{room}" for room in ("", ".posts", ".engines", ".features", ".features.texts")),
    *(f"model.{room}" for room in ("inputs", "networks", "processes", "runs", "evaluation")),
    *("model.tracking", "model.training", "model.prediction"),
    *("model.export.client", "model.export", "model.suspects", "model.reproduction"),
    "model.report",
    "model.takedown",
    "serve",
    *("", "command_line", "commands"),
]
MOST_MODULES = 16
FOLDERS = {name: PROJECT / name for name in ("harvest", "datasets", "model")}
PACKAGE = PROJECT / "flickr_emotion"


def modules() -> dict[str, Path]:
    """All modules of the package by their names, without `flickr_emotion.`."""
    found = {}
    for root, before in [(PACKAGE, ""), *((path, f"{name}.") for name, path in FOLDERS.items())]:
        for path in root.rglob("*.py"):
            name = before + ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix("__init__").rstrip(".")] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    """The folder of a module; of a package, itself."""
    is_package = MODULES[module].name == "__init__.py"
    return module if is_package else module.rpartition(".")[0]


@cache
def imports(path: Path) -> list[ast.ImportFrom]:
    """What a module imports from others, late imports too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


@cache
def arrows() -> set[tuple[str, str]]:
    """Which module imports which."""
    found = set()
    for name, path in MODULES.items():
        for node in imports(path):
            if (node.module or "").startswith("flickr_emotion"):
                base = (node.module or "").removeprefix("flickr_emotion").lstrip(".")
                for alias in node.names:
                    whole = f"{base}.{alias.name}".lstrip(".")
                    found.add((name, whole if whole in MODULES else base))
    return found


class TestRooms:
    def test_every_folder_has_its_layer(self) -> None:
        assert {room(module) for module in MODULES} <= {*LAYERS}

    def test_no_arrow_climbs(self) -> None:
        """This also rules out circles of folders."""
        # The public interface names what is above it, for type checkers alone.
        climbing = {
            f"{module} imports {other}"
            for module, other in arrows()
            if module and LAYERS.index(room(module)) < LAYERS.index(room(other))
        }
        assert climbing - {"__main__ imports commands.main"} == set()

    def test_no_module_imports_itself_in_a_circle(self) -> None:
        graph = {
            module: [other for importer, other in arrows() if importer == module and other]
            for module in MODULES
        }
        TopologicalSorter(graph).prepare()

    def test_harvest_and_model_are_strangers(self) -> None:
        tops = {(module.partition(".")[0], other.partition(".")[0]) for module, other in arrows()}
        assert not tops & {("harvest", "model"), ("model", "harvest"), ("harvest", "datasets")}

    def test_no_folder_is_crowded(self) -> None:
        sizes = Counter(room(module) for module in MODULES)
        benchmarks = (PROJECT / "benchmarks").rglob("*.py")
        sizes += Counter(str(path.parent.relative_to(PROJECT)) for path in benchmarks)
        del sizes["commands"]  # a module a command
        assert {name: size for name, size in sizes.items() if size > MOST_MODULES + 1} == {}

    def test_tests_mirror_it(self) -> None:
        tests = PROJECT / "tests"
        parts = [tests / name for name in (*FOLDERS, "common", "command_line", "serve")]
        folders = {path.parent for part in parts for path in part.rglob("test_*.py")}
        mirrored = {".".join(folder.relative_to(tests).parts) for folder in folders}
        assert mirrored - {*LAYERS} == set()

    def test_no_module_is_called_by_the_folders_bare_names(self) -> None:
        for path in [*MODULES.values(), *(PROJECT / "tests").rglob("*.py")]:
            for node in imports(path):
                top = (node.module or "").partition(".")[0]
                assert top not in ("harvest", "model"), path


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    tree = {"ToolkitError"}
    while more := {name for name in bases if bases[name] & tree} - tree:
        tree |= more
    assert set(re.findall(r"\w+Error\b", errors.__doc__ or "")) == tree


def test_the_tour_writes_into_no_folder_of_the_project() -> None:
    tour = (PROJECT / "docs" / "tour.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ python cli\.py (.*)$", tour, re.MULTILINE)
    written = [path for line in commands for path in re.findall(r"--(?:out|lists) (\S+)", line)]
    assert written
    assert {path.partition("/")[0] for path in written} <= {"out", "demo"}


@cache
def texts() -> list[str]:
    """The code and the documents of this project; what is installed beside them is left out."""
    installed = {".venv", ".browser", ".mutants", ".docs_packages", ".site", ".git"}
    folders = [it for it in PROJECT.iterdir() if it.is_dir() and it.name not in installed]
    return [
        path.read_text(encoding="utf-8")
        for path in [*PROJECT.iterdir(), *(inner for it in folders for inner in it.rglob("*"))]
        if path.suffix in (".py", ".md") and path.is_file()
    ]


def named_anywhere(pattern: str) -> set[str]:
    """What the code and the documents name by a pattern."""
    return {name for text in texts() for name in re.findall(pattern, text)}


def test_every_document_that_is_named_is_there() -> None:
    named = named_anywhere(r"\bdocs/[a-z]+\.md\b")
    assert named
    assert {name for name in named if not (PROJECT / name).is_file()} == set()


def test_every_benchmark_that_is_named_is_there() -> None:
    commands = named_anywhere(r"python -m (benchmarks\.[.\w]+\w)")
    assert len(commands) > 15
    paths = {f"{name.replace('.', '/')}.py" for name in commands}
    paths |= named_anywhere(r"\bbenchmarks/[\w/]+\.py\b")
    assert {path for path in paths if not (PROJECT / path).is_file()} == set()
