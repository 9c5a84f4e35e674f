"""What `make mutants` takes for changed, and that its areas are the code as it lies there."""

import pytest

from flickr_emotion.common.checkout import PROJECT
from tests.mutation.areas import Areas, imported, read_areas
from tests.mutation.changes import changed_lines, functions

DIFF = """\
diff --git a/harvest/pace/pacing.py b/harvest/pace/pacing.py
--- a/harvest/pace/pacing.py
+++ b/harvest/pace/pacing.py
@@ -10,2 +10,3 @@ def before():
-old
+new
@@ -30 +31 @@
+one
@@ -50,4 +50,0 @@
-gone
diff --git a/notes/a.txt b/notes/a.txt
--- a/notes/a.txt
+++ b/notes/a.txt
@@ -1 +1 @@
+text
"""
PROGRAM = """\
X = 1


def first():
    def inner():
        return 1
    return inner


class Holder:
    y = 2

    @property
    def second(self):
        return 2
"""


def test_changed_lines() -> None:
    assert changed_lines(DIFF) == {"harvest/pace/pacing.py": {10, 11, 12, 31}}


def test_functions() -> None:
    """A function within another belongs to that one."""
    assert [*functions(PROGRAM)] == [("first", range(4, 8)), ("Holder.second", range(14, 16))]


def test_where_the_copy_holds_a_module() -> None:
    flat = Areas(package="", folders=["harvest"], areas={})
    assert flat.mutants_of("harvest/a/b.py", "f") == "harvest.a.b.x_f__mutmut_*"
    packed = Areas(package="top", folders=["harvest"], areas={})
    assert packed.place("harvest/a.py") == "top/harvest/a.py"
    assert packed.place("tests/a.py") == "tests/a.py"
    assert packed.mutants_of("harvest/a.py", "C.f") == "top.harvest.a.xǁCǁf__mutmut_*"


def test_imports() -> None:
    assert imported("import a.b\nfrom c import d") == {"a.b", "c", "c.d"}


@pytest.mark.parametrize("name", read_areas().names)
def test_an_area_names_files_that_are_there(name: str) -> None:
    area = read_areas().areas[name]
    for pattern in (*area["code"], *area["tests"]):
        assert [*PROJECT.glob(pattern.partition("::")[0])], pattern
