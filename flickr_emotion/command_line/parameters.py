"""Makes a command from a function, with parameters from an options dataclass, and ``--config``.

    @command("build-splits", options=BuildOptions)
    def build_splits(
        options: BuildOptions, *, out: Annotated[Path, typer.Option(help="Data set folder.")]
    ) -> None:
        '''Turn posts into a data set.'''

typer derives a command's parameters from a function's signature. Here each option of the dataclass
becomes a parameter, in addition to the function's keyword parameters. A value that the dataclass
refuses is wrong usage: the command ends with exit code 2.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from flickr_emotion.command_line.configuration import as_toml, read_into
from flickr_emotion.command_line.output import show
from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.common.options import Option, flag, options_of

METAVARS: dict[Any, str] = {int: "N", float: "X"}
"""Placeholder of a number in the help."""
_LONGEST_CHOICES = 40
"""Characters of choices that may be the placeholder; longer ones stand in the help."""
_KEYWORD = inspect.Parameter.KEYWORD_ONLY


@dataclass(frozen=True)
class Command:
    """A command to register with typer."""

    name: str
    run: Callable[..., None]
    options: Mapping[str, Option] = field(default_factory=dict)
    """Its options that are fields of a dataclass, by name."""


def command(
    name: str, *, options: type | None = None, only: Collection[str] = ()
) -> Callable[[Callable[..., None]], Command]:
    """Make a command from a function, and add ``--config`` and ``--show-config``.

    ``options`` is a dataclass, of which the function's first parameter is an instance, made from
    the command line. ``only`` names the fields that the command offers; by default all.
    """

    def decorate(function: Callable[..., None]) -> Command:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        taken = _fields(options, only)
        if options is not None:
            del parameters[0]
        secret = {it.name for it, said in taken if said.secret}
        hints = get_type_hints(options) if options is not None else {}
        made = [_parameter(it, said, hints[it.name]) for it, said in taken]
        wants_context = any(it.name == "context" for it in parameters)

        def run(**given: Any) -> None:
            context: typer.Context = given.pop("context")
            show_config = given.pop("show_config")
            del given["config"]
            shown = dict(given)
            first = []
            if options is not None:
                values = {it.name: _value(given.pop(it.name)) for it, _ in taken}
                first = [_made(options, values)]
                shown |= values | _resolved(first[0], values)
            if show_config:
                show(as_toml(context, shown, secret=secret), end="")
                return
            if wants_context:
                given["context"] = context
            function(*first, **given)

        run.__doc__ = function.__doc__
        run.__name__ = function.__name__
        ordered = [it for it in [*made, *parameters] if it.name != "context"]
        # Positional arguments: those of the function come first.
        ordered.sort(key=lambda it: not _is_argument(it))
        own = [_CONTEXT, *ordered, *_configuration(secret)]
        run.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        return Command(name, run, {it.name: said for it, said in taken})

    return decorate


def _fields(options: type | None, only: Collection[str]) -> list[tuple[Field[Any], Option]]:
    if options is None:
        return []
    said = options_of(options)
    return [
        (it, said[it.name])
        for it in fields(options)
        if it.name in said and (not only or it.name in only)
    ]


def _parameter(described: Field[Any], said: Option, hint: Any) -> inspect.Parameter:
    """Return the parameter for a field."""
    kind, several = _kind(hint)
    info: dict[str, Any] = {
        "help": _help(said),
        "metavar": said.metavar or METAVARS.get(kind) or _placeholder(said, several),
        "envvar": said.variable,
    }
    if kind in (int, float):
        info |= {"min": said.minimum, "max": said.maximum}
    if said.choices and not several:  # typer has no lists of choices: the dataclass checks them
        kind = Literal[said.choices]
    default = inspect.Parameter.empty if described.default is MISSING else described.default
    if default in ((), ""):
        default = None  # typer's default for an option that is not given
    if said.argument:
        made: Any = typer.Argument(**info)
    else:
        names = [flag(described.name)] if kind is bool and not said.negatable else []
        info["show_default"] = default is not None
        made = typer.Option(*names, **info)
    annotation: Any = list[kind] if several else kind  # type: ignore[valid-type]
    if default is None:
        annotation = annotation | None
    return inspect.Parameter(
        described.name, _KEYWORD, default=default, annotation=Annotated[annotation, made]
    )


def _kind(hint: Any) -> tuple[Any, bool]:
    """Return the type of an option's value, and whether the option can be given several times."""
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    plain = [it for it in get_args(hint) if it is not NoneType]
    return (plain[0] if plain else hint), False


def _placeholder(said: Option, several: bool) -> str | None:
    """Return the placeholder of an option with choices; None where typer writes them itself."""
    if _are_long(said):
        return "NAME"
    return "|".join(said.choices) if several and said.choices else None


def _are_long(said: Option) -> bool:
    return not said.metavar and len(" ".join(said.choices)) > _LONGEST_CHOICES


def _help(said: Option) -> str:
    text = said.help
    if _are_long(said):
        text += f" One of {', '.join(said.choices)}."
    return f"{text} [default: {said.default_help}]" if said.default_help else text


def _is_argument(parameter: inspect.Parameter) -> bool:
    return any(
        isinstance(it, typer.models.ArgumentInfo) for it in get_args(parameter.annotation)[1:]
    )


def _value(given: Any) -> Any:
    return tuple(dict.fromkeys(given)) if isinstance(given, list) else given


def _made(options: type, values: dict[str, Any]) -> Any:
    kept = {name: value for name, value in values.items() if value is not None}
    try:
        return options(**kept)
    except ToolkitError as error:
        raise typer.BadParameter(str(error)) from None


def _resolved(made: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a dataclass derives for options that were not given."""
    resolve = getattr(made, "options", None)
    return {name: value for name, value in resolve().items() if name in values} if resolve else {}


_CONTEXT = inspect.Parameter("context", _KEYWORD, annotation=typer.Context)


def _configuration(secret: Collection[str]) -> list[inspect.Parameter]:
    def read(context: typer.Context, path: Path | None) -> Path | None:
        if path is not None:
            read_into(context, path, secret=secret)
        return path

    config = typer.Option(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=read,
        help="Read options from a TOML file.",
    )
    shown = typer.Option("--show-config", help="Print all options with their values as TOML.")
    return [
        inspect.Parameter(
            "config", _KEYWORD, default=None, annotation=Annotated[Path | None, config]
        ),
        inspect.Parameter(
            "show_config", _KEYWORD, default=False, annotation=Annotated[bool, shown]
        ),
    ]
