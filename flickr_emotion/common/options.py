"""Options as dataclass fields: a field defines name, default, bounds, choices and help.

The command line, the configuration file and ``docs/options.md`` are generated from these fields
(``flickr_emotion.command_line``), and the dataclass checks its own values. So each bound and each
default is written once, and is the same in the library and on the command line.
"""

import re
from collections.abc import Collection
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

_KEY = "option"


@dataclass(frozen=True, kw_only=True)
class Option:
    """The metadata of an option besides its name, type and default."""

    help: str
    """A sentence; default, bounds and choices are added."""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    between: tuple[float, float] | None = None
    """Exclusive bounds."""
    pattern: str | None = None
    """A regular expression for the whole value; ``metavar`` describes it in words."""
    metavar: str | None = None
    """Placeholder of the value in the help; by default its type."""
    argument: bool = False
    """Whether it is a positional argument on the command line."""
    default_help: str | None = None
    """Description of the default if the default is None."""
    negatable: bool = False
    """For a switch: whether ``--no-name`` exists too."""
    variable: str | None = None
    """The environment variable that is read if the option is not given."""
    secret: bool = False
    """Whether the value is never shown and must not be in a configuration file."""


def option(default: Any = MISSING, **said: Any) -> Any:
    """Return a dataclass field for an option: its default and the fields of ``Option``."""
    described = Option(**said)
    return field(default=default, repr=not described.secret, metadata={_KEY: described})


def options_of(kind: type) -> dict[str, Option]:
    """Return the options of a dataclass by field name; other fields are omitted."""
    return {it.name: it.metadata[_KEY] for it in fields(kind) if _KEY in it.metadata}


def flag(name: str) -> str:
    """Return a field's name as the command line spells it."""
    return "--" + name.replace("_", "-")


def check_options(instance: Any, error: type[Exception]) -> None:
    """Raise ``error`` for the first option that is not within its bounds or choices.

    Defaults are not checked. Every value of a tuple is checked.
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
    # The comparisons are written so that NaN is out of bounds.
    above = said.minimum is None or value >= said.minimum
    below = said.maximum is None or value <= said.maximum
    if above and below:
        return None
    if said.minimum is not None and said.maximum is not None:
        return f": give a number from {said.minimum:.12g} to {said.maximum:.12g}"
    bound = (
        f"at least {said.minimum:.12g}" if said.maximum is None else f"at most {said.maximum:.12g}"
    )
    return f": give {bound}"


def _either(choices: Collection[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last
