"""How a command's help is laid out: at most 80 columns, and each value by what it is.

typer would write ``{R}`` and ``R <path>`` where a user reads "a run folder".
"""

import re
from typing import Any

from typer.core import TyperCommand

NAMES: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""The settings of all commands: both spellings ask for the help."""
_REQUIRED = re.compile(r"^\{(.*)\}")


class PlainHelp(TyperCommand):
    """A command whose arguments stand in its help by their metavars alone."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line, without braces around arguments."""
        return [_REQUIRED.sub(r"\1", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options."""
        rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                name = record[0]
                if parameter.param_type_name == "argument":
                    name = f"{parameter.metavar}{'...' if parameter.nargs != 1 else ''}"
                rows[parameter.param_type_name].append((name, record[1]))
        for title, found in (("Arguments", rows["argument"]), ("Options", rows["option"])):
            if found:
                with formatter.section(title):
                    formatter.write_dl(found)
