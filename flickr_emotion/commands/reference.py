"""Writes ``docs/options.md``: every command with its arguments, options and defaults.

    make docs

It is made from what the command line itself is made from, so that it cannot differ from it.
"""

import inspect
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import typer

from flickr_emotion.command_line.parameters import METAVARS, Command
from flickr_emotion.common.options import flag

_HEAD = """# Commands and their options

Made by `make docs`; do not edit it. `python cli.py COMMAND --help` says the same.

Any option can stand in a TOML file, in the table of its command, and be read with `--config FILE`:

```toml
[build-splits]
min-votes = 4
group-by = ["owner"]

[manifest.export]
with-urls = true
```

The command line and environment variables go before the file, and the file before the defaults.
`--show-config` prints the options that hold, in the same form, and ends. A name that a command does
not have is refused, and so are the API's key and secret: such files are shared.
"""
_COMMON = ("context", "config", "show_config")


def reference(commands: Mapping[str, Command]) -> str:
    """Return the page; ``commands`` are keyed by what a user types, ``manifest export`` too."""
    return "\n".join([_HEAD, *(line for it in commands.items() for line in _section(*it))])


def _section(name: str, command: Command) -> Iterator[str]:
    yield f"## `{name}`\n\n{inspect.getdoc(command.run)}\n"
    yield "| option | value | default | meaning |\n|---|---|---|---|"
    for parameter in inspect.signature(command.run).parameters.values():
        if parameter.name not in _COMMON:
            yield _row(parameter)
    yield ""


def _row(parameter: inspect.Parameter) -> str:
    kind, info = get_args(parameter.annotation)
    meaning, _, default = (info.help or "").partition(" [default: ")
    if not default and parameter.default is inspect.Parameter.empty:
        default = "required"
    elif not default and parameter.default is not None and parameter.default is not False:
        default = "on" if parameter.default is True else f"{parameter.default}"
    if info.envvar:
        default = f"`{info.envvar}`"
    if isinstance(info, typer.models.ArgumentInfo):
        cells = [f"`{info.metavar}`", ""]
    else:
        cells = [f"`{_spelling(parameter, info)}`", _values(kind, info)]
    cells += [default.removesuffix("]"), meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _spelling(parameter: inspect.Parameter, info: typer.models.OptionInfo) -> str:
    if isinstance(info.default, str):  # where typer keeps the first spelling of an annotation
        return info.default
    name = flag(parameter.name)
    negatable = get_args(parameter.annotation)[0] is bool
    return f"{name}, --no-{name.removeprefix('--')}" if negatable else name


def _values(kind: Any, info: typer.models.OptionInfo) -> str:
    """Return which values there are: choices, bounds, or what stands for them in the help."""
    optional = get_origin(kind) is UnionType or NoneType in get_args(kind)
    plain = get_args(kind)[0] if optional else kind
    if get_origin(plain) is Literal:
        return ", ".join(f"`{it}`" for it in get_args(plain))
    if kind is bool:
        return ""
    bounds = [f"at least {info.min:.12g}"] if info.min is not None else []
    bounds += [f"at most {info.max:.12g}"] if info.max is not None else []
    return " ".join([f"`{info.metavar or METAVARS.get(plain, 'TEXT')}`", ", ".join(bounds)]).strip()


if __name__ == "__main__":
    from flickr_emotion.commands.main import COMMANDS
    from flickr_emotion.common.checkout import PROJECT

    (PROJECT / "docs" / "options.md").write_text(reference(COMMANDS), encoding="utf-8")
