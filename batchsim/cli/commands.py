"""The commands. Each imports what it needs when it runs, so that `--help` starts in a fraction of the time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.analysis.judging import Given
from batchsim.bad_input import BadInputError
from batchsim.cli import live, options
from batchsim.cli.again import command_line, how_again
from batchsim.cli.inputs import (
    by_their_names,
    expected_by,
    files_in,
    load,
    policies_of,
    policy_of,
    properties_of,
    runs_of_sweeps,
    verdict_names,
)
from batchsim.cli.judging import code_of, given_by_run, limits_of
from batchsim.cli.outputs import (
    check_otlp,
    check_outputs,
    check_report,
    deliver,
    print_list,
    report_texts,
    show,
    write_as,
    write_files,
    write_otlp,
    write_run_json,
)
from batchsim.cli.report import commands_of, page_text, pieces_of, write_page
from batchsim.cli.warnings import warn, warn_if_any_is_unjudged, warn_if_unjudged, warn_of_each

if TYPE_CHECKING:
    from batchsim.analysis.expectations import Field
    from batchsim.analysis.runs import ScenarioRun


NAMES = (
    "run",
    "explore",
    "replay",
    "check",
    "pin",
    "explain",
    "init",
    "completion",
    "ci",
    "sweep",
    "worth",
    "findings",
    "latencies",
    "hammer",
    "calibrate",
    "report",
    "policies",
    "scenarios",
    "schema",
    "window",
)
"""All commands. Those that are not below are in the modules of their names."""


@click.group(
    cls=options.Commands,
    names=NAMES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="batchsim")
def commands() -> None:
    """Simulate the fast-completion race of a streaming batch API, and see which policies survive it.

    Another protocol can take its place: a scenario names a model of your own with `system: FILE.py:NAME`, and the
    same commands take it.

    Exit codes: 0 every verdict was as expected, and none forbidden; 1 one was not, or was; 2 bad usage or bad
    input; 3 inconclusive; 70 an error of batchsim itself; 130 interrupted.
    """


@commands.command()
@click.argument("files", nargs=-1, required=True, type=options.ScenarioFile(), metavar="FILE...")
@options.policies
@options.verdicts
@options.fail_on
@click.option("--seed", type=int, metavar="N", help="Seed of all latencies, instead of the scenario's.")
@options.overrides
@click.option(
    "--run",
    "number",
    type=click.IntRange(0),
    metavar="N",
    help="The run of this number, from 0, of a sweep of the scenario: with its latencies.",
)
@click.option(
    "--at",
    "values",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --run: at the point of the sweep where a field that is varied has this value; may be repeated.",
)
@options.json_file
@click.option("--otlp", "otlp_file", metavar="FILE", help="Write the runs as spans of OpenTelemetry (OTLP/JSON).")
@options.report_directory
@options.html_file
@options.perfetto_file
@options.mermaid_file
@options.csv_file
@options.timeline
@options.quiet
def run(
    files: tuple[Path, ...],
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    forbidden: tuple[str, ...],
    seed: int | None,
    overrides: tuple[str, ...],
    number: int | None,
    values: tuple[str, ...],
    json_file: str | None,
    otlp_file: str | None,
    report_directory: Path | None,
    html_file: Path | None,
    perfetto_file: Path | None,
    mermaid_file: Path | None,
    csv_file: Path | None,
    timeline: bool,
    quiet: bool,
) -> int:
    """Run scenarios in simulated time: which policies fail, when, and why.

    FILE is a scenario, the name of one that batchsim ships (incident), a folder of some, or - for standard input.
    One: a table of the policies, and the story of each that fails. Several: scenario against policy.
    The exit code is 1 if a verdict differs from what the scenario expects, or if --fail-on forbids it.

    With --run it is one of the runs of `batchsim sweep`, which prints such commands. Like the sweep it is held
    against `expect_explore`, as `expect` is about the scenario's own seed.
    """
    from batchsim.analysis.headings import headings_of
    from batchsim.analysis.runs import ScenarioRun, run_policy
    from batchsim.analysis.witnesses import within
    from batchsim.report.progress import Progress
    from batchsim.report.shell import join
    from batchsim.scenario import check_for_timed_run

    files = files_in(files)
    _check_options(files, values, number, html_file)
    loaded = load(files, overrides, seed, check_for_timed_run if number is None else None, policies)
    policies = by_their_names(loaded, policies)
    plans = [(each, policies_of(each, policies), properties_of(each, verdicts)) for each in loaded]
    files_of = {"--html": html_file, "--perfetto": perfetto_file, "--mermaid": mermaid_file, "--csv": csv_file}
    check_outputs(json_file, report_directory, more=files_of)
    if otlp_file is not None:
        check_otlp(otlp_file, loaded)
    if report_directory is not None:
        check_report(report_directory, [(scenario, chosen) for scenario, chosen, _ in plans])
    field: Field = "expect" if number is None else "expect_explore"
    expectations = [expected_by(scenario, field, policies, chosen) for scenario, chosen, _ in plans]
    of_sweep = None
    if number is not None:
        of_sweep, found = runs_of_sweeps(loaded, number, values)
        plans = [(scenario, chosen, own) for scenario, (_, chosen, own) in zip(found, plans, strict=True)]
    limits = limits_of(forbidden, [name for plan in plans for name in verdict_names(*plan)])
    warnings = warn_of_each(plans, quiet=quiet)
    results: list[ScenarioRun] = []
    texts, judged = dict[str, str](), list[Given]()
    headings = headings_of(each for _, chosen, _ in plans for each in chosen)
    again = how_again(seed=seed, overrides=overrides, number=number, values=values)
    page: str | None = None
    steps = (
        sum(len(chosen) for _, chosen, _ in plans)
        + (report_directory is not None)
        + (html_file is not None) * pieces_of(plans[0][1])
    )
    with Progress(steps, quiet=quiet) as progress:
        for (scenario, chosen, properties), expected, warned in zip(plans, expectations, warnings, strict=True):
            runs = []
            for name, policy in chosen:
                progress.begin(f"{scenario.name} under {policy.name}")
                own = expected[name] if number is None else None
                run = run_policy(scenario, name, policy, properties, expected=own)
                runs.append(run)
                judged.append(given_by_run(scenario, run, headings[name], expected[name], field))
            results.append(
                ScenarioRun(scenario, tuple(runs), options=tuple(again), of_sweep=of_sweep, warnings=warned)
            )
        if report_directory is not None:
            progress.begin("drawing the report")
            texts = report_texts(report_directory, results)
        command = command_line("run", files, again, verdicts)
        if html_file is not None:
            told = commands_of("run", files[0], again, policies, verdicts)
            page = page_text(results[0], plans[0][1], plans[0][2], told, progress)
    shows = not quiet and json_file != "-" and not options.on_stdout()
    directory = Path() if policies else plans[0][0].directory
    deliver(
        lambda: warn_if_any_is_unjudged(plans, quiet=quiet),
        None
        if not shows
        else lambda: show(
            results,
            lambda run: join([*command, "--timeline", "--policy", within(directory, run.name)]),
            timeline=timeline,
        ),
        None if report_directory is None else lambda: write_files("--report", report_directory, texts),
        None if page is None else lambda: write_page(html_file, page),
        *(lambda option=option, file=file: write_as(option, file, results) for option, file in files_of.items()),
        None if json_file is None else lambda: write_run_json(json_file, results),
        None if otlp_file is None else lambda: write_otlp(otlp_file, results),
    )
    return code_of(judged, limits, shows_expectations=shows and number is None)


def _check_options(
    files: tuple[Path, ...], values: tuple[str, ...], number: int | None, html_file: Path | None
) -> None:
    if values and number is None:
        raise BadInputError("--at: found no --run; allowed: only with it")
    if html_file is not None and len(files) > 1:
        raise BadInputError(f"--html: found {len(files)} scenarios; allowed: one, or batchsim report")


@commands.command()
@click.argument("file", type=options.NamedPath(), metavar="WITNESS")
@options.fail_on
@options.json_file
@options.report_directory
@options.timeline
@live.stores
@options.quiet
def replay(
    file: Path,
    forbidden: tuple[str, ...],
    json_file: str | None,
    report_directory: Path | None,
    timeline: bool,
    stores: str | None,
    redis_url: str | None,
    postgres_url: str | None,
    quiet: bool,
) -> int:
    """Run the schedule of a WITNESS in simulated time: the same order, with times that fit it.

    A witness of timed exploration has times of its own, and is run with exactly these.
    The exit code is 1 if it does not come to the verdicts for which the witness was found, or if --fail-on
    forbids one of them.

    With --stores embedded, or --redis and --postgres, each step is taken on real servers as well, in the same
    order. Its answer there, and all that the stores hold after it, has to be as in the model; if not, the first
    difference is shown, and the exit code is 1.
    """
    from batchsim.analysis.headings import headings_of
    from batchsim.analysis.runs import ScenarioRun, run_policy
    from batchsim.analysis.witnesses import OtherTime, check_times, read_witness
    from batchsim.engines.recorded_draws import NoSuchDraw
    from batchsim.engines.timed import OrderNotPossible
    from batchsim.report.shell import join

    witness = read_witness(file)
    (scenario,) = load([witness.scenario], witness.overrides, None, policies=[witness.policy])
    name, policy = policy_of(scenario, file, witness.policy)
    properties = properties_of(scenario, witness.properties)
    check_outputs(json_file, report_directory)
    limits = limits_of(forbidden, verdict_names(scenario, [(name, policy)], properties))
    warnings = warn(scenario, [(name, policy)], quiet=quiet)
    if report_directory is not None:
        check_report(report_directory, [(scenario, [(name, policy)])])
    asked = live.asked(stores, redis_url, postgres_url)
    try:
        with live.following(asked, scenario, policy, quiet=quiet) as follower:
            result = run_policy(
                scenario, name, policy, properties, witness.steps, witness.verdicts, witness.draws, follower
            )
        check_times(witness, result.trace)
    except (OrderNotPossible, NoSuchDraw, OtherTime) as error:
        raise BadInputError(f"{file}: no schedule of {scenario.file} under {name}: {error}") from None
    warnings += warn_if_unjudged(scenario, [(name, policy)], properties, quiet=quiet)
    results = [
        ScenarioRun(
            scenario,
            (result,),
            witness=file.name,
            has_own_times=witness.draws is not None,
            warnings=warnings,
        )
    ]
    texts = {} if report_directory is None else report_texts(report_directory, results)
    shows = not quiet and json_file != "-"
    again = join([*command_line("replay", [file]), "--timeline"])
    deliver(
        None if not shows else lambda: show(results, lambda _: again, timeline=timeline),
        None if report_directory is None else lambda: write_files("--report", report_directory, texts),
        None if follower is None or not shows else lambda: live.show_compared(follower),
        None
        if json_file is None
        else lambda: write_run_json(json_file, results, None if follower is None else follower.document()),
    )
    headings = headings_of([(name, policy)])
    judged = [given_by_run(scenario, result, headings[name], frozenset(witness.verdicts))]
    code = code_of(judged, limits, shows_expectations=shows)
    return code if follower is None else live.code_of_compared(follower, code)


@commands.command()
@options.json_file
def policies(json_file: str | None) -> int:
    """List the policies: the lineage of the real system, and alternatives that nobody deployed."""
    from batchsim.batch.glosses import glossed
    from batchsim.batch.policies import POLICIES

    names = {glossed(name): name for name in POLICIES}
    rows = [(glossed(name), policy.summary) for name, policy in POLICIES.items()]
    return print_list(
        ("policy", "what it does"), rows, json_file, lambda row: {"name": names[row[0]], "summary": row[1]}
    )


@commands.command()
@options.json_file
def scenarios(json_file: str | None) -> int:
    """List the scenarios that batchsim ships, with what each shows."""
    from batchsim.scenario.shipped import shipped_files

    files = {file.stem: str(file) for file in shipped_files()}
    rows = [
        (name, scenario.summary) for name, scenario in zip(files, load(shipped_files(), (), None), strict=True)
    ]
    return print_list(
        ("scenario", "what it shows"), rows, json_file, lambda row: {"file": files[row[0]], "summary": row[1]}
    )


@commands.command()
@click.argument("model", required=False, metavar="[FILE.py:NAME]")
@click.option("--system", "is_of_any", is_flag=True, help="Of scenarios with `system`, whatever model it names.")
@click.option(
    "--of",
    "document",
    metavar="DOCUMENT",
    help="The schema of what a command writes as JSON: run, explore, sweep, window, worth, findings, witness, "
    "policies, scenarios, page.",
)
def schema(model: str | None, is_of_any: bool, document: str | None) -> int:
    """Print the JSON Schema of scenario files, for editors.

    With a model of your own: that of its scenarios, with its parameters and the names of its policies. With --of
    that of a document that a command writes; `replay` writes what `run` does.
    """
    from batchsim.scenario import json_schema

    if document is not None:
        printed = _schema_of(document, model)
    elif model is None and not is_of_any:
        printed = json_schema()
    else:
        from batchsim.scenario.own_systems import load_model
        from batchsim.scenario.schema.own_models import own_json_schema
        from batchsim.user_code import is_reference

        if model is not None and is_of_any:
            raise BadInputError(f"schema: found --system with {model}; allowed: one of them")
        if model is not None and not is_reference(model):
            raise BadInputError(f"schema: found {model!r}; allowed: path/to/file.py:NAME")
        printed = own_json_schema(None if model is None else load_model(model, Path()))
    click.echo(json.dumps(printed, indent=2))
    return 0


def _schema_of(document: str, model: str | None) -> dict[str, Any]:
    from batchsim.report.json_schemas import DOCUMENTS, schema_of
    from batchsim.scenario.spelling import did_you_mean

    if model is not None:
        raise BadInputError(f"--of: found a model beside it, {model!r}; allowed: one of them")
    if document not in DOCUMENTS:
        allowed = ", ".join(DOCUMENTS)
        parts = (f"--of: found {document!r}", f"allowed: {allowed}", did_you_mean(document, DOCUMENTS))
        raise BadInputError("; ".join(filter(None, parts)))
    return schema_of(document)
