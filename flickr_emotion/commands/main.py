"""The entry point of the command line: registers the commands, and reports errors in one line.

Each command is a module that parses its options and calls one function. Commands import heavy
modules only when they run, so that ``--help`` does not wait for torch.
"""

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer

from flickr_emotion.command_line.help import NAMES, PlainHelp
from flickr_emotion.command_line.loading import loading_said
from flickr_emotion.command_line.output import say_json, show
from flickr_emotion.commands import (
    attribution,
    build_splits,
    check,
    crawl,
    demo,
    evaluate,
    export,
    inspect,
    manifest,
    predict,
    reduce,
    report,
    reproduce,
    sandbox,
    serve,
    status,
    takedown,
    train,
    verify,
)
from flickr_emotion.common.checkout import IS_CHECKOUT, PROGRAM
from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.common.interruption import end_like_ctrl_c
from flickr_emotion.common.printing import say
from flickr_emotion.model.errors import TrainingStopped

app = typer.Typer(
    no_args_is_help=True,
    # A shell completes the name of a program, and a checkout is run as `python cli.py`.
    add_completion=not IS_CHECKOUT,
    context_settings=NAMES,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Flickr posts with emotion labels: harvest them, build data sets, train on them.",
)
manifest_app = typer.Typer(
    no_args_is_help=True,
    help="Share which posts a data set holds, without their content.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from flickr_emotion.datasets.description.provenance import TOOL, VERSION

        show(f"{TOOL} {VERSION}")
        raise typer.Exit


@app.callback()
def _global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Declare the options that may come before or after any command (see ``main``)."""


# In the order of the work, which is also that of ``--help``.
_OF_POSTS = (
    *(crawl.crawl, status.status, build_splits.build_splits, inspect.inspect, reduce.reduce),
    *(attribution.attribution, serve.serve),
)
_OF_MANIFESTS = (manifest.export, manifest.verify, manifest.diff)
_OF_RUNS = (
    *(train.train, evaluate.evaluate, report.report, predict.predict, export.export),
    reproduce.reproduce,
)
_OTHERS = (verify.verify, takedown.takedown, check.check, sandbox.sandbox, demo.demo)
COMMANDS = {
    **{it.name: it for it in _OF_POSTS},
    **{f"manifest {it.name}": it for it in _OF_MANIFESTS},
    **{it.name: it for it in (*_OF_RUNS, *_OTHERS)},
}
"""All commands, by the name that a user types."""

app.add_typer(manifest_app, name="manifest")
for _name, _command in COMMANDS.items():
    _of = manifest_app if _name.startswith("manifest ") else app
    _of.command(_command.name, cls=PlainHelp)(_command.run)

# typer exports only one of its usage errors; this is the base class of all of them.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_STOPPED = "stopped; the same command starts again, and a crawl continues where it was"


@cache
def _program() -> Any:
    """Return all commands as click knows them: typer would make them again for each call."""
    return typer.main.get_command(app)


def main() -> None:
    """Run a command; report an error in one line, and its traceback only with ``--debug``.

    Exit codes: 0 done, 1 an error, 2 wrong usage, 3 done with losses or differences that the
    command reports, 130 stopped by Ctrl-C, SIGTERM or SIGHUP.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    tell: Callable[[str], None] = say_json if "--log-json" in arguments else say
    try:
        end_like_ctrl_c()
        with loading_said():
            code = _program()(takedown.spread(arguments), prog_name=PROGRAM, standalone_mode=False)
        if code == 130:  # typer's exit code after Ctrl-C
            tell(_STOPPED)
        sys.exit(code)
    except KeyboardInterrupt:  # outside of typer
        tell(_STOPPED)
        sys.exit(130)
    except TrainingStopped as stopped:
        tell(str(stopped))
        sys.exit(130)
    except ToolkitError as error:
        if debug:
            raise
        tell(f"error: {error}")
        sys.exit(1)
    except _UsageError as error:
        tell_usage(error, tell)
        sys.exit(2)
    except BrokenPipeError:
        # The reader has closed the pipe, as in `status H | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        tell(f"error: {type(error).__name__}: {error} (a fault of this program; see --debug)")
        sys.exit(1)


def tell_usage(error: Any, tell: Callable[[str], None]) -> None:
    """Report in one line what is wrong in a command line, and how to get help."""
    where = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
    named = getattr(error, "param", None) or getattr(error, "param_hint", None)
    # Without a parameter's name, typer would write "Invalid value: " before our sentence.
    message = error.format_message() if named or not hasattr(error, "param") else error.message
    if "\n" in message:  # the whole help, for a command line without a command
        print(message, file=sys.stderr)
    else:
        tell(f"error: {message.rstrip('.')}{where}")
