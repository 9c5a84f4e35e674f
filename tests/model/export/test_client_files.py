"""What the client consists of: the project's own modules, and few packages."""

import ast
import sys
from pathlib import Path

from flickr_emotion.model.export.client_files import client_modules, write_client

PACKAGES = {"numpy", "onnxruntime", "tokenizers", "PIL"}
# Pictures in HEIC are read where it is installed.
OPTIONAL = {"pillow_heif"}


def test_it_imports_few_packages_and_nothing_of_the_project(tmp_path: Path) -> None:
    names = write_client(tmp_path)
    assert set(names) == {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    imported = set()
    for name in (name for name in names if name.endswith(".py")):
        for node in ast.walk(ast.parse((tmp_path / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
    assert imported - sys.stdlib_module_names == PACKAGES | OPTIONAL | {"reading"}


def test_the_rules_for_texts_and_tags_are_the_projects_own() -> None:
    assert {
        "flickr_emotion.datasets.rules.text",
        "flickr_emotion.datasets.rules.tags",
        "flickr_emotion.datasets.pictures.rgb",
        "flickr_emotion.model.features.picture_sizes",
        "flickr_emotion.model.posts.ids",
    } <= {*client_modules()}
