"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

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


class ScenarioFile(NamedPath):
    """A scenario: its file, `-` for standard input, or the name of one that batchsim ships."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; raises `BadInputError`."""
        path: Path = super().convert(value, param, ctx)
        from batchsim.scenario.shipped import file_meant

        return file_meant(path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names of shipped scenarios, and files."""
        from batchsim.scenario.shipped import shipped_files

        names = [each.stem for each in shipped_files() if each.stem.startswith(incomplete)]
        return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


def _complete_policies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from batchsim.batch.policies import POLICIES

    names = [
        CompletionItem(name, help=policy.summary)
        for name, policy in POLICIES.items()
        if name.startswith(incomplete)
    ]
    return [*names, CompletionItem(incomplete, type="file")]


def _complete_verdicts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from batchsim.batch.verdicts import VERDICTS

    before, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in ("any", *VERDICTS) if name.startswith(last)]


def _complete_fields(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Fields of a scenario, operations among them."""
    from batchsim.scenario.names import nameable_operations
    from batchsim.scenario.schema.models import Batch, ItemFields, Latencies, ScenarioFile

    names = [f"{name}=" for name in ScenarioFile.model_fields if name not in ("batch", "items", "latency")]
    for group, model in (("batch", Batch), ("items", ItemFields), ("latency", Latencies)):
        names += [f"{group}.{name}=" for name in model.model_fields if name != "operations"]
    names += [f"latency.operations.{name}=" for name in nameable_operations()]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Debugging:
    """Whether the traceback of an error of batchsim itself is to be shown, and whether a pager is wanted.

    And whose standard output is: of the option that writes there, or of what is printed for people.
    """

    is_on = False
    has_pager = True
    on_stdout = ""


def _debug(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        context.ensure_object(Debugging).is_on = True


def _no_pager(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        context.ensure_object(Debugging).has_pager = False


def is_paging_wanted() -> bool:
    """Whether what is longer than the screen is to be shown by a pager."""
    context = click.get_current_context(silent=True)
    debugging = None if context is None else context.find_object(Debugging)
    return debugging is None or debugging.has_pager


def on_stdout() -> str:
    """The option whose file is standard output, if one's is: nothing else is printed there."""
    context = click.get_current_context(silent=True)
    debugging = None if context is None else context.find_object(Debugging)
    return "" if debugging is None else debugging.on_stdout


def take_stdout(option: str) -> None:
    """Standard output is the file of an option."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.ensure_object(Debugging).on_stdout = option


class Commands(click.Group):
    """A group whose commands all take `--no-pager` and `--debug`, as it does itself.

    `names`: those of all commands. What is not added by the module of the group is imported as it is asked for,
    of a module of its name.
    """

    def __init__(self, *arguments: Any, names: Sequence[str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.params += _shared()
        self._names = tuple(names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, sorted."""
        return sorted(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; `None`: there is none."""
        if cmd_name not in self._names:
            self.every()  # of which similar ones are proposed
            return None
        if cmd_name not in self.commands:
            self.add_command(getattr(import_module(f"batchsim.cli.{cmd_name}"), cmd_name))
        return self.commands[cmd_name]

    def every(self) -> dict[str, click.Command]:
        """All commands by their names."""
        context = click.Context(self)
        found = {name: self.get_command(context, name) for name in self._names}
        return {name: command for name, command in found.items() if command is not None}

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command."""
        cmd.params += _shared()
        super().add_command(cmd, name)


def _shared() -> list[click.Option]:
    no_pager = click.Option(
        ["--no-pager"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_no_pager,
        help="Print what is longer than the screen without less, $PAGER or $BATCHSIM_PAGER.",
    )
    return [no_pager, _debug_option()]


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
    shell_complete=_complete_policies,
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
    shell_complete=_complete_verdicts,
    help="Exit code 1 if any of these verdicts is given; any: all but ok. May be repeated.",
)
overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=_complete_fields,
    help="Override a field of the scenario, such as batch.items=2; may be repeated.",
)
scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="The Dask cluster that does the work, tcp://host:port; its workers see the same files.",
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
    metavar="FILE|-",
    help="Write a page to be opened in a browser: one file, which loads nothing.",
)
perfetto_file = click.option(
    "--perfetto", "perfetto_file", type=NamedPath(), metavar="FILE", help="Write a trace for ui.perfetto.dev."
)
mermaid_file = click.option(
    "--mermaid", "mermaid_file", type=NamedPath(), metavar="FILE|-", help="Write sequence diagrams for Mermaid."
)
csv_file = click.option(
    "--csv", "csv_file", type=NamedPath(), metavar="FILE|-", help="Write a table of all steps as CSV."
)
csv_results = click.option(
    "--csv",
    "csv_file",
    type=NamedPath(),
    metavar="FILE|-",
    help="Write the results as a table: CSV, a row for each.",
)
timeline = click.option("--timeline", is_flag=True, help="Print every step; the decisive ones stand out.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors, and what an exit code means.")
