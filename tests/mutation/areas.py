"""Which code is mutated, and which tests are run for it: `areas.toml`, read."""

import ast
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from flickr_emotion.common.checkout import PROJECT


@dataclass(frozen=True, kw_only=True)
class Areas:
    """The areas, and where their modules lie when they are imported."""

    package: str
    """The folder that holds `folders` in the copy; empty where they lie at its top."""
    folders: Sequence[str]
    areas: dict[str, dict[str, list[str]]]

    @property
    def names(self) -> list[str]:
        """The areas' names."""
        return list(self.areas)

    @property
    def sources(self) -> list[str]:
        """The folders at the top of the copy that hold the code."""
        return [self.package] if self.package else list(self.folders)

    def place(self, file: str) -> str:
        """Return where a file of the project lies in the copy."""
        inside = self.package and file.partition("/")[0] in self.folders
        return f"{self.package}/{file}" if inside else file

    def mutants_of(self, file: str, function: str) -> str:
        """Return mutmut's pattern for the mutants of a function, or of a `Class.method`."""
        module = self.place(file).removesuffix(".py").replace("/", ".")
        holder, _, name = function.rpartition(".")
        mangled = f"xǁ{holder}ǁ{name}" if holder else f"x_{name}"
        return f"{module}.{mangled}__mutmut_*"

    def code_of(self, names: Iterable[str]) -> list[str]:
        """Return the modules of some areas."""
        patterns = [pattern for name in names for pattern in self.areas[name]["code"]]
        found = {p.relative_to(PROJECT) for pattern in patterns for p in PROJECT.glob(pattern)}
        return sorted(map(str, found))

    def names_of(self, code: Iterable[str]) -> list[str]:
        """Return the areas that some modules belong to."""
        return [name for name in self.names if any(self._holds(name, file) for file in code)]

    def tests_of(self, names: Iterable[str], code: Iterable[str]) -> list[str]:
        """Return the tests of some areas, and for modules of none the tests that import them."""
        found = {test for name in names for test in self.areas[name]["tests"]}
        alone = [file for file in code if not self.names_of([file])]
        modules = {self.place(file).removesuffix(".py").replace("/", ".") for file in alone}
        if modules:
            found |= {
                str(path.relative_to(PROJECT))
                for path in (PROJECT / "tests").rglob("test_*.py")
                if modules & imported(path.read_text(encoding="utf-8"))
            }
        return sorted(test for test in found if (PROJECT / test.partition("::")[0]).exists())

    def _holds(self, name: str, file: str) -> bool:
        return any(fnmatch(file, pattern) for pattern in self.areas[name]["code"])


def read_areas() -> Areas:
    """Read `areas.toml`."""
    content: dict[str, Any] = tomllib.loads(
        Path(__file__).with_name("areas.toml").read_text(encoding="utf-8")
    )
    return Areas(
        package=content["package"], folders=tuple(content["folders"]), areas=content["areas"]
    )


def imported(program: str) -> set[str]:
    """Return the modules that a program imports, and the names that it imports from them."""
    found = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return found
