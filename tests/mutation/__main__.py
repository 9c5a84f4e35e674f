"""Runs mutmut over an area of the code, or over the functions that were changed: `make mutants`.

mutmut changes a line of a function (`<` to `<=`, a number to the next, an argument to None) and
runs the tests that call the function; a change that no test notices survives. What is mutated and
tested stands in `areas.toml`. mutmut reads its settings from a `pyproject.toml` and needs modules
to lie where they are imported from, so it works in a copy of the project, `.mutants/`, which keeps
what it has found for the next time.

    python -m tests.mutation --since main     # functions with lines changed since a commit
    python -m tests.mutation pace rules       # areas, whole
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

from flickr_emotion.common.checkout import PROJECT
from tests.mutation.areas import Areas, read_areas
from tests.mutation.changes import changed_functions

PLACE = PROJECT / ".mutants"
LEAST_SHARE = 0.9
# As mutmut counts them: what a test, a time limit or the types noticed is killed.
_KILLED = ("killed", "timeout", "suspicious", "caught by type check", "segfault")
_SHOWN = 60


def main() -> int:
    """Run it; 1 where less than `LEAST_SHARE` is killed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition("\n")[0])
    areas = read_areas()
    parser.add_argument("area", nargs="*", help=f"{', '.join(areas.names)}, or all")
    parser.add_argument("--since", default="main", help="commit that changes are counted from")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    if unknown := set(given.area) - {*areas.names, "all"}:
        parser.error(f"no such area: {', '.join(sorted(unknown))}")
    if given.area:
        names = areas.names if "all" in given.area else given.area
        code, functions = areas.code_of(names), []
    else:
        functions = changed_functions(areas, given.since)
        code = sorted({file for file, _ in functions})
        names = areas.names_of(code)
        if not functions:
            print(f"no function has changed since {given.since}")
            return 0
    _copy(areas)
    _settings(areas, code, areas.tests_of(names, code))
    _drop_plain_copies(areas, code)
    wanted = [areas.mutants_of(file, function) for file, function in functions]
    subprocess.run(
        [sys.executable, "-m", "mutmut", "run", "--max-children", str(given.processes), *wanted],
        cwd=PLACE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
    )
    return _report(areas, code, functions)


def _copy(areas: Areas) -> None:
    """Bring the copy up to date: the files that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    PLACE.mkdir(exist_ok=True)
    wanted = {areas.place(name): PROJECT / name for name in listed if (PROJECT / name).is_file()}
    for path in [*PLACE.rglob("*.py")]:
        place = path.relative_to(PLACE)
        if place.parts[0] != "mutants" and str(place) not in wanted:
            path.unlink()
    for name, source in wanted.items():
        target = PLACE / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue  # what did not change is not mutated anew
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _settings(areas: Areas, code: Iterable[str], tests: Iterable[str]) -> None:
    also = sorted({p.name for p in PLACE.iterdir()} - {"mutants", "tests", *areas.sources})
    settings = {
        "source_paths": areas.sources,
        "only_mutate": [areas.place(file) for file in code],
        "also_copy": also,
        "pytest_add_cli_args": [
            *("-m", "not slow", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.mutation.first_failure"),
        ],
        "pytest_add_cli_args_test_selection": list(tests),
        # Torch's threads do not live on in a process that was forked after they were used.
        "process_isolation": "forkserver",
        "timeout_multiplier": 10.0,
        "timeout_constant": 5.0,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    ours = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join([ours, "[tool.mutmut]", *lines, ""])
    place = PLACE / "pyproject.toml"
    if not place.exists() or place.read_text(encoding="utf-8") != text:
        place.write_text(text, encoding="utf-8")
        # Which tests call which function is only known of what was mutated before.
        (PLACE / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)


def _drop_plain_copies(areas: Areas, code: Iterable[str]) -> None:
    """Have mutmut mutate the modules of which it holds a plain copy.

    It copies what it is not told to mutate, and takes every copy that is newer than its source for
    mutated: after a run over one area the modules of all others.
    """
    for file in code:
        copied = PLACE / "mutants" / areas.place(file)
        if copied.exists() and copied.read_bytes() == (PROJECT / file).read_bytes():
            copied.unlink()


def _report(areas: Areas, code: Iterable[str], functions: list[tuple[str, str]]) -> int:
    from mutmut.stats import status_by_exit_code

    wanted = tuple(areas.mutants_of(file, name).removesuffix("*") for file, name in functions)
    counts: dict[str, Counter[str]] = {}
    left: list[str] = []
    for file in code:
        path = PLACE / "mutants" / f"{areas.place(file)}.meta"
        if not path.exists():  # nothing in it can be changed
            continue
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        for mutant, exit_code in codes.items():
            if wanted and not mutant.startswith(wanted):
                continue
            status = status_by_exit_code[exit_code]
            counts.setdefault(file, Counter())["killed" if status in _KILLED else status] += 1
            if status not in _KILLED:
                left.append(f"{mutant}: {status}")
    everything = sum(counts.values(), Counter())
    if not everything:
        print("nothing there can be changed")
        return 0
    for file, found in [*counts.items(), ("in all", everything)]:
        total = found.total()
        print(f"{file}: {found['killed']} of {total} killed, {found['killed'] / total:.1%}")
    print(*left[:_SHOWN], sep="\n")
    if len(left) > _SHOWN:
        print(f"and {len(left) - _SHOWN} more")
    if left:
        print(f"To see a change: cd {PLACE.name} && mutmut show NAME")
    return int(everything["killed"] < LEAST_SHARE * everything.total())


if __name__ == "__main__":
    sys.exit(main())
