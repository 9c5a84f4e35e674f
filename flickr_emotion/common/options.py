"""An option of a command is a field of a dataclass: its name, default, bounds, choices and help.

The command line, the configuration file and ``docs/options.md`` are made from these fields
(``flickr_emotion.command_line``), and a dataclass checks itself by them. So a bound or a default is
said once, and holds for those who call the library as it does for those who type a command.
"""

import re
from collections.abc import Collection
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

_KEY = "option"


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a field says of itself beside its name, its type and its default."""

    help: str
    """A sentence, without the default, the bounds and the choices."""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    between: tuple[float, float] | None = None
    """Bounds that are themselves excluded."""
    pattern: str | None = None
    """A regular expression that the whole value matches; ``metavar`` says it in words."""
    metavar: str | None = None
    """What stands for the value in the help; without, its type."""
    argument: bool = False
    """Whether the command line takes it by its place, without ``--name``."""
    default_help: str | None = None
    """What holds where the default is None, in words."""
    negatable: bool = False
    """Of a switch: whether ``--no-name`` is offered too."""
    variable: str | None = None
    """The environment variable that is read where the option is not given."""
    secret: bool = False
    """Whether it is never shown and no configuration file may hold it."""


def option(default: Any = MISSING, **said: Any) -> Any:
    """Return a dataclass field for an option: its default and the fields of ``Option``."""
    described = Option(**said)
    return field(default=default, repr=not described.secret, metadata={_KEY: described})


def options_of(kind: type) -> dict[str, Option]:
    """Return the options of a dataclass by the names of their fields; other fields are left out."""
    return {it.name: it.metadata[_KEY] for it in fields(kind) if _KEY in it.metadata}


def flag(name: str) -> str:
    """Return how the command line spells a field's name."""
    return "--" + name.replace("_", "-")


def check_options(instance: Any, error: type[Exception]) -> None:
    """Raise ``error`` for the first option out of its bounds or choices; a default is right.

    Of a tuple, every value is checked.
    """
    defaults = {it.name: it.default for it in fields(instance)}
    for name, said in options_of(type(instance)).items():
        given = getattr(instance, name)
        if given == defaults[name]:
            continue
        for value in given if isinstance(given, tuple) else (given,):
            if wrong := _fault(value, said):
                raise error(f"{name if said.argument else flag(name)} {value}{wrong}")


def _fault(value: Any, said: Option) -> str | None:
    """Return the rest of the error of a wrong value, None for a right one."""
    if said.choices and value not in said.choices:
        return f" is not known: give {_either(said.choices)}"
    if said.pattern and not re.fullmatch(said.pattern, value):
        return f" is not known: give {said.metavar}"
    if said.between and not said.between[0] < value < said.between[1]:
        return f": give a number between {said.between[0]:g} and {said.between[1]:g}"
    # Written so that NaN is out of bounds.
    above = said.minimum is None or value >= said.minimum
    below = said.maximum is None or value <= said.maximum
    if above and below:
        return None
    if said.minimum is not None and said.maximum is not None:
        return f": give a number from {said.minimum:.12g} to {said.maximum:.12g}"
    bound = (
        f"at least {said.minimum:.12g}" if said.maximum is None else f"at most {said.maximum:.12g}"
    )
    return f"give {bound}"


def _either(choices: Collection[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last
