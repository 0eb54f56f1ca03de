"""`batchsim calibrate`: latencies of a scenario from spans of a running system."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.inputs import load
from batchsim.cli.outputs import check_calibration, check_outputs, deliver, write_calibration, write_json

LINES_MAX = 20


@click.command()
@click.argument("spans_file", type=options.NamedPath(), metavar="SPANS")
@click.option(
    "--scenario",
    "scenario_file",
    type=options.NamedPath(),
    metavar="FILE",
    help="The scenario whose latencies are replaced by those that were measured; with --out.",
)
@click.option(
    "--out", type=options.NamedPath(), metavar="OUT.yaml", help="Where that is written, with its samples."
)
@click.option(
    "--mapping",
    "mapping_file",
    type=options.NamedPath(),
    metavar="FILE.yaml",
    help="Which spans are which operations, where not as in production.",
)
@options.json_file
@options.quiet
def calibrate(
    spans_file: Path,
    scenario_file: Path | None,
    out: Path | None,
    mapping_file: Path | None,
    json_file: str | None,
    quiet: bool,
) -> int:
    """Measure operations by the SPANS of a running system: OTLP/JSON, a document or one a line, plain or gzip.

    For each batch it says whether its keys were deleted before they were counted: yes, no, or undecidable. And it
    says what cannot be known from spans, and what is assumed instead.
    """
    from batchsim.analysis.spans import ASSUMED, PRODUCTION, read_mapping, understand
    from batchsim.report.progress import Progress
    from batchsim.scenario import InvalidScenario
    from batchsim.scenario.schema.otlp import read_spans

    if (scenario_file is None) != (out is None):
        given, missing = (
            ("--out", "--scenario FILE") if scenario_file is None else ("--scenario", "--out OUT.yaml")
        )
        raise BadInputError(f"{given}: found no {missing.split()[0]}; allowed: together with {missing}")
    scenario = None if scenario_file is None else load([scenario_file], (), None)[0]
    if scenario is not None and scenario.own is not None:
        raise BadInputError(
            f"--scenario: found {scenario.file}, a system of your own; allowed: a scenario of the batch, "
            "whose operations spans are mapped to"
        )
    mapping = PRODUCTION if mapping_file is None else read_mapping(mapping_file)
    with Progress(quiet=quiet) as progress:
        progress.begin(f"reading {spans_file}")
        try:
            found = understand(read_spans(spans_file), mapping)
        except InvalidScenario as error:
            raise BadInputError(str(error)) from None
    if not found.measured:
        raise BadInputError(
            f"{spans_file}: found no span that the mapping has; allowed: {', '.join(mapping.operations)}"
        )
    check_outputs(json_file, None)
    if out is not None:
        check_calibration("--out", out)
    answers = Counter(found.batches.values())

    def show() -> None:
        from batchsim.report.histogram import quantile
        from batchsim.report.phrases import counted
        from batchsim.rounding import rounded
        from batchsim.visible import visible

        spans = counted(found.spans, "span")
        batches = counted(len(found.batches), "batch", "batches")
        click.echo(visible(f"{spans_file}: {spans} of {batches}"))
        click.echo()
        for name, each in sorted(found.measured.items()):
            total = sorted(map(sum, zip(each.request_us, each.response_us, strict=False))) or sorted(
                each.request_us or each.response_us
            )
            figures = ", ".join(
                f"{what} {rounded(quantile(total, at))}" for what, at in (("p50", 0.5), ("p99", 0.99))
            )
            click.echo(f"{name:30} {len(total):>7}  {figures}")
        click.echo()
        told = ", ".join(f"{answers[each]} {each}" for each in ("yes", "no", "undecidable"))
        click.echo(f"cleanup before the count: {told}")
        for batch, answer in [each for each in found.batches.items() if each[1] == "yes"][:LINES_MAX]:
            click.echo(visible(f"  {batch}: {answer}"))
        click.echo()
        for line in ASSUMED:
            click.echo(f"assumed: {line}")
        if found.behind:
            click.echo(f"clocks: {found.behind} messages were handled before they were enqueued; taken as 0")
        for name, times in found.unknown.most_common(LINES_MAX):
            click.echo(visible(f"not in the mapping: {name} ({times})"))

    document = {
        "spans": found.spans,
        "batches": [{"batch": batch, "cleaned_before_count": answer} for batch, answer in found.batches.items()],
        "operations": {name: len(each.request_us or each.response_us) for name, each in found.measured.items()},
        "unknown": dict(found.unknown),
        "clocks_behind": found.behind,
        "assumed": list(ASSUMED),
    }
    deliver(
        None if quiet or json_file == "-" else show,
        None if json_file is None else lambda: write_json(json_file, document),
        None
        if scenario is None or out is None
        else lambda: write_calibration(
            "--out", scenario, found.measured, [f"Measured by spans: {spans_file}"], out
        ),
    )
    return 0
