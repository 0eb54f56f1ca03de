"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from batchsim.bad_input import BadInputError


class NamedPath(click.Path):
    """A path that has a name: of nothing `Path` makes the current directory, which nobody asked for."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; raises `BadInputError`."""
        if value == "":
            # An option by its name, an argument as the help calls it.
            named = "path" if param is None else param.human_readable_name.rstrip(".")
            what = param.opts[0] if isinstance(param, click.Option) else named
            raise BadInputError(f"{what}: found ''; allowed: the name of a file or a directory")
        return super().convert(value, param, ctx)


class Debugging:
    """Whether the traceback of an error of batchsim itself is to be shown."""

    is_on = False


def _debug(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        context.ensure_object(Debugging).is_on = True


class Commands(click.Group):
    """A group whose commands all take `--debug`, as it does itself."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.params.append(_debug_option())

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command."""
        cmd.params.append(_debug_option())
        super().add_command(cmd, name)


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_debug,
        help="Show the traceback of an error of batchsim itself.",
    )


policies = click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|FILE.py:NAME",
    help="Take this policy instead of those of the scenario; may be repeated.",
)
verdicts = click.option(
    "--verdict",
    "verdicts",
    multiple=True,
    metavar="FILE.py:NAME",
    help="Judge by this property of your own too; may be repeated.",
)
fail_on = click.option(
    "--fail-on",
    "forbidden",
    multiple=True,
    metavar="VERDICT[,...]",
    help="Exit code 1 if any of these verdicts is given; any: all but ok. May be repeated.",
)
overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field of the scenario, such as batch.items=2; may be repeated.",
)
json_file = click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the results as JSON; - for standard output."
)
report_directory = click.option(
    "--report",
    "report_directory",
    type=NamedPath(),
    metavar="DIR",
    help="Write a Markdown report with pictures for each scenario.",
)
html_file = click.option(
    "--html",
    "html_file",
    type=NamedPath(),
    metavar="FILE",
    help="Write a page to be opened in a browser: one file, which loads nothing.",
)
perfetto_file = click.option(
    "--perfetto", "perfetto_file", type=NamedPath(), metavar="FILE", help="Write a trace for ui.perfetto.dev."
)
mermaid_file = click.option(
    "--mermaid", "mermaid_file", type=NamedPath(), metavar="FILE", help="Write sequence diagrams for Mermaid."
)
csv_file = click.option(
    "--csv", "csv_file", type=NamedPath(), metavar="FILE", help="Write a table of all steps as CSV."
)
timeline = click.option("--timeline", is_flag=True, help="Print every step; the decisive ones stand out.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
