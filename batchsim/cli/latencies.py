"""`batchsim latencies`: what is understood of a file with measured latencies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.outputs import check_outputs, deliver, printing, write_json


@click.command()
@click.argument("file", type=options.NamedPath())
@click.option("--column", metavar="NAME", help="The column that has the latencies.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="NAME=TEXT",
    help="Only lines whose column NAME holds this; may be repeated.",
)
@click.option("--unit", metavar="UNIT", help="us, ms, s or ns, where the file does not say.")
@options.json_file
@options.quiet
def latencies(
    file: Path,
    column: str | None,
    conditions: tuple[str, ...],
    unit: str | None,
    json_file: str | None,
    quiet: bool,
) -> int:
    """Show what is understood of a FILE with measured latencies, and how a scenario takes them.

    Known by their content: k6 CSV, pgbench logs, redis-benchmark --csv, HdrHistogram percentiles; any CSV with a
    line of names.
    """
    from batchsim.report.histogram import QUANTILES, quantile
    from batchsim.report.progress import Progress
    from batchsim.scenario import InvalidScenario
    from batchsim.scenario.measurements import Wanted, read_measurements, recognised
    from batchsim.scenario.samples import read_samples_us

    wanted = Wanted(column, tuple(_condition(each) for each in conditions), unit)
    check_outputs(json_file, None)
    try:
        with Progress(quiet=quiet) as progress:
            progress.begin(f"reading {file}")
            if wanted == Wanted() and recognised(file) is None:
                samples = tuple(sorted(read_samples_us(file)))
                found: dict[str, Any] = {
                    "format": "a duration a line",
                    "column": "the first",
                    "unit": "as written",
                }
                found |= {"count": len(samples), "passed_over": 0, "failed": 0, "is_summary": False}
            else:
                read = read_measurements(file, wanted)
                samples = read.samples_us
                found = {"format": read.format, "column": read.column, "unit": read.unit, "count": read.count}
                found |= {"passed_over": read.passed_over, "failed": read.failed}
                found |= {"is_summary": read.is_summary}
    except InvalidScenario as error:
        # In a scenario they are fields.
        told = re.sub(r"\b(column|unit): one of", r"--\1: one of", str(error))
        raise BadInputError(told) from None
    quantiles = {name: quantile(samples, probability) for name, probability in QUANTILES}

    def show() -> None:
        from batchsim.report.histogram import histogram
        from batchsim.report.phrases import counted
        from batchsim.report.screen import Text, print_line
        from batchsim.rounding import rounded

        about = "a summary: values between its quantiles are made up" if found["is_summary"] else ""
        values = "" if found["is_summary"] else f", {counted(found['count'], 'value')}"
        failed = f", {found['failed']} of them as they failed" if found["failed"] else ""
        passed = f", {counted(found['passed_over'], 'line')} passed over{failed}" if found["passed_over"] else ""
        line = f"{file}: {found['format']}, column {found['column']}, unit {found['unit']}{values}{passed}"
        told = [line, about, "  ".join(f"{name} {rounded(us)}" for name, us in quantiles.items())]
        with printing() as console:
            for each in filter(None, told):
                print_line(console, Text(each))
            console.print()
            for each in histogram(samples, console.width if console.is_terminal else None):
                console.print(Text(each), soft_wrap=True)
            # What is copied stays one line.
            console.print(Text(f"\nin a scenario: {_written(file, wanted)}"), soft_wrap=True)

    deliver(
        None if quiet or json_file == "-" else show,
        None
        if json_file is None
        else lambda: write_json(json_file, {"file": str(file), **found, "quantiles_us": quantiles}),
    )
    return 0


def _condition(text: str) -> tuple[str, str]:
    name, is_one, value = text.partition("=")
    if not is_one or not name:
        raise BadInputError(f"--where: found {text!r}; allowed: NAME=TEXT")
    return name, value


def _written(file: Path, wanted: Any) -> str:
    """The latency as a scenario writes it."""
    if wanted == (None, (), None):
        return f"{{empirical: {_in_yaml(file)}}}"
    parts = [f"file: {_in_yaml(file)}"]
    if wanted.column is not None:
        parts.append(f"column: {_in_yaml(wanted.column)}")
    if wanted.where:
        where = (f"{_in_yaml(name)}: {_in_yaml(text)}" for name, text in wanted.where)
        parts.append(f"where: {{{', '.join(where)}}}")
    if wanted.unit is not None:
        parts.append(f"unit: {wanted.unit}")
    return f"{{empirical: {{{', '.join(parts)}}}}}"


def _in_yaml(text: object) -> str:
    """A text as it can stand in a mapping in braces: in quotes where it would be read as something else."""
    import json

    from batchsim.scenario.scalars import resolve

    plain = str(text)
    if re.fullmatch(r"[\w./][\w./@+:-]*(?<!:)", plain) and isinstance(resolve(plain), str):
        return plain
    return json.dumps(plain, ensure_ascii=False)
