"""Copies the client into an export: ``predict.py``, and the modules that it needs in ``reading/``.

How a post is cleaned and read is written once, in the modules that builds, training and `predict`
use. This module copies them unchanged, with the modules that they import; only the names in import
statements change. So client and project cannot say different things. The one exception is the
parser of HTML, a package (``datasets/rules/html_text.py``): the client has its own.
``predict.mjs`` is the client for browsers, in their language.
"""

import ast
import html.entities
import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

PROGRAM = "predict.py"
FOLDER = "reading"
BROWSERS, ENTITIES = "predict.mjs", "entities.json"

_PACKAGE = "flickr_emotion"
_CLIENT = f"{_PACKAGE}.model.export.client"
_ROOT = f"{_CLIENT}.predict"
_REPLACED = {f"{_PACKAGE}.datasets.rules.html_text": f"{_CLIENT}.html_text"}
_IMPORT = re.compile(rf"^(\s*from ){_PACKAGE}\.([\w.]+)( import )", re.MULTILINE)
_NOTE = "# Copied by `export`; its source is {}.\n"


def write_client(folder: Path) -> list[str]:
    """Write the client into an export; return the names of its files."""
    (folder / FOLDER).mkdir()
    # Without it, a package of the same name elsewhere would be found first.
    names = [f"{FOLDER}/__init__.py"]
    (folder / names[0]).write_text('"""What predict.py needs to read posts."""\n', encoding="utf-8")
    for module in client_modules():
        name = PROGRAM if module == _ROOT else f"{FOLDER}/{_file_of(module)}.py"
        source = _source(_REPLACED.get(module, module)).read_text(encoding="utf-8")
        renamed = _IMPORT.sub(
            lambda it: f"{it[1]}{FOLDER}.{it[2].replace('.', '_')}{it[3]}", source
        )
        note = _NOTE.format(_REPLACED.get(module, module))
        (folder / name).write_text(note + renamed, encoding="utf-8")
        names.append(name)
    shutil.copyfile(_source(_ROOT).with_name(BROWSERS), folder / BROWSERS)
    (folder / ENTITIES).write_text(json.dumps(html.entities.html5), encoding="utf-8")
    return [*names, BROWSERS, ENTITIES]


def client_modules() -> list[str]:
    """Return the modules that the client consists of, the program first."""
    found: list[str] = []
    waiting = [_ROOT]
    while waiting:
        module = waiting.pop(0)
        if module not in found:
            found.append(module)
            waiting += _imported(_source(_REPLACED.get(module, module)))
    return found


def _imported(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}.")
        if node.module
    ]


def _source(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def _file_of(module: str) -> str:
    return module.removeprefix(f"{_PACKAGE}.").replace(".", "_")
