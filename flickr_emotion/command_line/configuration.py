"""The configuration of a command: reads the file of ``--config``, and prints ``--show-config``.

The file is TOML. It has a table for each command with the command's name, which holds the command's
options and arguments by name, spelled with ``-`` or ``_``:

    [build-splits]
    min-votes = 4

    [manifest.export]
    with-urls = true

The command line and environment variables override the file, and the file overrides the defaults. A
name that the command does not have is refused. The API's key and secret are refused too, because
such files are shared.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tomli_w
import typer

OWN = frozenset({"config", "show-config", "help"})
"""Parameters that cannot be set in a file."""


def read_into(context: typer.Context, path: Path, *, secret: Collection[str]) -> None:
    """Use a file's values as the defaults of the command line.

    ``secret`` names the parameters that a file must not hold. Raises ``typer.BadParameter`` if the
    file cannot be read or has an entry that the command does not know.
    """
    spelled = {_key(it): it for it in context.command.params if _key(it) not in OWN}
    values = {}
    for key, value in _table(context, path).items():
        where = f"{path}: {key} of [{_title(context)}]"
        parameter = spelled.get(key.replace("_", "-"))
        if parameter is None:
            known = ", ".join(
                it for it, parameter in spelled.items() if parameter.name not in secret
            )
            raise typer.BadParameter(
                f"{where} is not an option of the command: give one of {known}"
            )
        if parameter.name in secret:
            raise typer.BadParameter(
                f"{where}: configuration files are shared; set the environment variable instead"
            )
        if isinstance(value, bool) != bool(getattr(parameter, "is_flag", False)):
            wanted = "another value" if isinstance(value, bool) else "true or false"
            raise typer.BadParameter(f"{where} is {value!r}: give {wanted}")
        values[parameter.name] = value
    context.default_map = values


def _key(parameter: Any) -> str:
    """Return a parameter's name in a file: that of the command line without leading dashes."""
    return str(parameter.opts[0]).lstrip("-").replace("_", "-")


def _table(context: typer.Context, path: Path) -> dict[str, Any]:
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path} cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise typer.BadParameter(f"{path} is not TOML: {error}") from None
    for key in _title(context).split("."):
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise typer.BadParameter(f"{path}: {key} is not a table")
    return dict(found)


def _title(context: typer.Context) -> str:
    """Return the name of the command's table, such as ``train`` or ``manifest.export``."""
    names = []
    at: Any = context
    while at.parent is not None:
        names.append(at.info_name)
        at = at.parent
    return ".".join(reversed(names))


def as_toml(context: typer.Context, values: Mapping[str, Any], *, secret: Collection[str]) -> str:
    """Return the values as a file for ``--config``, with secrets and unset options as comments."""
    keys = {it.name: _key(it) for it in context.command.params if it.name in values}
    shown = {
        key: _plain(values[name])
        for name, key in keys.items()
        if name not in secret and values[name] is not None
    }
    lines = [tomli_w.dumps(_nested(_title(context).split("."), shown))]
    if unset := [key for name, key in keys.items() if values[name] is None]:
        lines.append(f"# not set: {', '.join(unset)}\n")
    lines += [
        f"# {key}: {'set' if values[name] else 'not set'}, never shown\n"
        for name, key in keys.items()
        if name in secret
    ]
    return "".join(lines)


def _nested(keys: list[str], values: dict[str, Any]) -> dict[str, Any]:
    for key in reversed(keys):
        values = {key: values}
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(it) for it in value]
    return value
