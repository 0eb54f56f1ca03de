"""`batchsim findings`: what can occur under which faults, and what a fix closes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.cluster import cluster
from batchsim.cli.inputs import by_their_names, load, policy_named, properties_of, verdict_names
from batchsim.cli.judging import code_of, limits_of
from batchsim.cli.outputs import (
    check_folder,
    check_outputs,
    check_witnesses,
    deliver,
    printing,
    witness_texts,
    write_csv,
    write_files,
    write_json,
)
from batchsim.cli.paging import linked
from batchsim.cli.report import write_page
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn_if_unjudged
from batchsim.report.file_names import FINDINGS as PAGE

if TYPE_CHECKING:
    from batchsim.analysis.findings import FindingPlace, Findings, SizedBatch, Source
    from batchsim.analysis.judging import Given
    from batchsim.batch.policy import Policy
    from batchsim.model.properties import Property
    from batchsim.scenario import Scenario

USUAL_SCENARIO = "small-payloads.yaml"
"""Of the shipped scenarios: its items succeed, and have small payloads."""


@click.command()
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|FILE.py:NAME",
    help="Judge this policy instead of those of the scenario, or of all that are shipped; may be repeated.",
)
@click.option(
    "--against",
    metavar="NAME|FILE.py:NAME",
    help="The policy that each is held against; default: the latest design.",
)
@click.option(
    "--scenario",
    "files",
    multiple=True,
    type=options.ScenarioFile(),
    metavar="FILE",
    help="Take the batch of this scenario: its items, their kinds, call and consumers; may be repeated.",
)
@options.overrides
@click.option(
    "--items",
    type=click.IntRange(1),
    multiple=True,
    help="Items of the batch; may be repeated. Default: as in the scenario, or 1 and 2.",
)
@click.option(
    "--consumers",
    type=click.IntRange(1),
    multiple=True,
    help="Consumers of the queue; may be repeated. Default: as in the scenario, or 1 and 2.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT[,...]",
    help="These faults, and the pairs of them, instead of all; may be repeated.",
)
@options.verdicts
@options.fail_on
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Explore a case up to so many states.")
@click.option("--walks", type=click.IntRange(1), metavar="N", help="Schedules to draw where that is not enough.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes; default: one for each core.")
@options.scheduler
@options.json_file
@click.option(
    "--witness",
    "witness_directory",
    type=options.NamedPath(),
    metavar="DIR",
    help="Write a witness of each verdict of the policies judged, to be run by `batchsim replay`.",
)
@click.option(
    "--out",
    "directory",
    type=options.NamedPath(),
    metavar="DIR",
    help=f"Write {PAGE} and a folder of schedules there.",
)
@options.html_file
@options.csv_results
@options.quiet
def findings(
    policies: tuple[str, ...],
    against: str | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    items: tuple[int, ...],
    consumers: tuple[int, ...],
    faults: tuple[str, ...],
    verdicts: tuple[str, ...],
    forbidden: tuple[str, ...],
    max_states: int | None,
    walks: int | None,
    workers: int | None,
    scheduler: str | None,
    json_file: str | None,
    witness_directory: Path | None,
    directory: Path | None,
    html_file: Path | None,
    csv_file: Path | None,
    quiet: bool,
) -> int:
    """Say which verdicts policies can come to under faults: with none, each fault once, each pair of faults once.

    Each policy is held against the latest design, or against another one: what it closes, what is still open,
    what came back. Small batches are explored to the end: what does not occur there is proved. Of the others
    schedules are drawn at random, which proves nothing. The faults of a scenario of the batch are left out.

    Policies of a system of your own are held against the first of them, under the faults of the scenario, too.

    The exit code is 1 if a policy that is judged gives a verdict that --fail-on forbids, and 3 if it was not found
    to, but not everything was explored.
    """
    from batchsim.analysis.findings import ONCE, Effort, Findings, Scope, budgets_of, cases_of, own_faults, survey
    from batchsim.analysis.headings import headings_of
    from batchsim.report.findings import FOLDER, schedule_files
    from batchsim.report.findings_contract import findings_document
    from batchsim.report.findings_terminal import show_findings
    from batchsim.report.page import html_page
    from batchsim.report.page.findings import findings_page
    from batchsim.report.progress import Progress

    check_outputs(json_file, None, witness_directory, more={"--html": html_file, "--csv": csv_file})
    scenarios = load(files or [_usual_file()], overrides, None, policies=policies)
    policies = by_their_names(scenarios, policies)
    against = None if against is None else by_their_names(scenarios, [against])[0]
    is_own = _is_own(scenarios, items, consumers)
    known = own_faults(scenarios[0]) if is_own else ONCE
    budgets = budgets_of(_faults(faults, known), known)
    asked, chosen, held_against = _policies(policies, against, scenarios, has_files=bool(files))
    properties = _properties(scenarios, verdicts)
    limits = limits_of(forbidden, verdict_names(scenarios[0], list(chosen.items()), properties.values()))
    if directory is not None:
        schedules = schedule_files(headings_of(chosen.items()).values())
        check_folder("--out", directory, (PAGE, *(f"{FOLDER}/{name}" for name in schedules)))
    if witness_directory is not None:
        check_witnesses(witness_directory, asked)
    batches = _batches(scenarios, overrides, items, consumers, has_sizes=bool(files))
    warnings = [] if is_own else _left_out(scenarios, quiet=quiet)
    effort = Effort().limited_to(max_states, walks)
    switches = _switches(chosen) if directory is not None and not is_own else ()
    scope = Scope(
        policies=tuple(chosen),
        batches={batch: scenario for batch, (scenario, _) in batches.items()},
        budgets=budgets,
        faults=known,
        without=switches,
        verdicts=tuple(properties),
    )
    with (
        cluster(scheduler, workers) as executor,
        Progress(len(list(cases_of(scope))), quiet=quiet) as progress,
    ):
        progress.begin("no fault", counts=False)
        found = survey(
            scope,
            effort,
            workers=workers,
            executor=executor,
            on_case=lambda each: progress.begin(str(each.case.budget)),
        )
        progress.begin("drawing the results", counts=False)
        sources = {batch: source for batch, (_, source) in batches.items()}
        result = Findings(scope, effort, found, sources, asked, held_against, headings_of(chosen.items()))
        witnesses, replays = ({}, {}) if witness_directory is None else _witnesses(witness_directory, result)
        pages = {} if directory is None else _pages(result, [switch for _, switch in switches])
        page = None
        if html_file is not None:
            again = _again(
                {
                    "--policy": policies,
                    "--against": [against] if against else [],
                    "--scenario": files,
                    "--set": overrides,
                    "--items": items,
                    "--consumers": consumers,
                    "--fault": faults,
                    "--verdict": verdicts,
                    "--max-states": [max_states] if max_states else [],
                    "--walks": [walks] if walks else [],
                }
            )
            page = html_page(findings_page(result, chosen, properties.values(), again, warnings))

    warnings += _unjudged(scenarios, chosen, properties, quiet=quiet)

    def show() -> None:
        with printing(chosen.values()) as console:
            show_findings(console, result, replays)
        if directory is not None:
            click.echo(f"written: {linked(directory / PAGE)}")

    deliver(
        None if quiet or json_file == "-" else show,
        None if directory is None else lambda: write_files("--out", directory, pages),
        None if witness_directory is None else lambda: write_files("--witness", witness_directory, witnesses),
        None if page is None else lambda: write_page(html_file, page),
        None if json_file is None else lambda: write_json(json_file, findings_document(result, replays, warnings)),
        None if csv_file is None else lambda: write_csv("findings", csv_file, findings_document(result, replays)),
    )
    return code_of([each for policy in asked for each in _given(result, policy)], limits)


# -- what is asked for -----------------------------------------------------------------------------


def _usual_file() -> Path:
    """The scenario whose batch is taken where none is named; below the current directory seen from there."""
    from batchsim.scenario.shipped import shipped_directory

    file = shipped_directory() / USUAL_SCENARIO
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _again(given: Mapping[str, Sequence[object]]) -> list[str]:
    """The words of the command that finds the same again; `given`: the values of each option."""
    words = ([name, str(value)] for name, values in given.items() for value in values)
    return ["batchsim", "findings", *chain.from_iterable(words)]


def _is_own(scenarios: Sequence[Scenario], items: Sequence[int], consumers: Sequence[int]) -> bool:
    """Whether it is about a system of the user's own; raises `BadInputError` where that makes no sense."""
    own = {None if each.own is None else each.own.reference for each in scenarios}
    if len(own) > 1:
        raise BadInputError("--scenario: found scenarios of different systems; allowed: those of one")
    if own == {None}:
        return False
    for option, given in (("--items", items), ("--consumers", consumers)):
        if given:
            raise BadInputError(f"{option}: found with a system of your own; allowed: --set parameters.NAME=VALUE")
    return True


def _faults(chosen: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The faults of options of `--fault`; raises `BadInputError`."""
    from batchsim.scenario.spelling import did_you_mean

    names = [name.strip() for option in chosen for name in option.split(",")]
    for name in names:
        if name not in known:
            found = repr(name) if name else "no fault"
            parts = (f"--fault: found {found}", f"allowed: {', '.join(known)}", did_you_mean(name, known))
            raise BadInputError("; ".join(filter(None, parts)))
    return tuple(names) or tuple(known)


def _policies(
    names: Sequence[str], against: str | None, scenarios: Sequence[Scenario], *, has_files: bool
) -> tuple[tuple[str, ...], dict[str, Any], str]:
    """The policies to be judged, all by name (relative to the current directory), and which they are held against.

    `has_files`: whether the user named the scenarios. Raises `BadInputError`.
    """
    from batchsim.analysis.witnesses import within
    from batchsim.batch.policies import LINEAGE

    scenario = scenarios[0]
    if names:
        asked = tuple(dict.fromkeys(names))
    else:
        own = (within(each.directory, name) for each in scenarios for name in each.policies)
        asked = tuple(dict.fromkeys(own)) if has_files else scenario.known_policies
    # Of the batch the latest design; of a system of the user's own the first policy that there is.
    latest = LINEAGE[-1].name if scenario.own is None else scenario.known_policies[0]
    held_against = latest if against is None else against
    found = {name: policy_named(scenario, "--policy", name) for name in asked}
    if held_against in found:
        return asked, found, held_against
    return asked, {held_against: policy_named(scenario, "--against", held_against), **found}, held_against


def _switches(policies: dict[str, Policy]) -> tuple[tuple[str, str], ...]:
    """The proposal, if it is among the policies, with each of its switches."""
    from batchsim.analysis.findings import switches_over
    from batchsim.batch.policies.pr4397 import PR4397
    from batchsim.batch.policies.proposed import PROPOSED

    if PROPOSED.name not in policies:
        return ()
    return tuple((PROPOSED.name, switch) for switch in switches_over(PROPOSED, PR4397))


def _properties(scenarios: Sequence[Scenario], verdicts: Sequence[str]) -> dict[str, Property]:
    """The user's own verdicts, by reference (relative to the current directory); raises `BadInputError`."""
    from batchsim.analysis.witnesses import within
    from batchsim.batch.verdicts import VERDICTS
    from batchsim.scenario import find_verdict

    for scenario in scenarios:
        properties_of(scenario, verdicts)
    references = [within(each.directory, name) for each in scenarios for name in each.verdicts]
    own = {name: find_verdict(name, Path()) for name in (*references, *verdicts) if name not in VERDICTS}
    names = [each.name for each in own.values()]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"--verdict: found two properties of the name {name!r}; allowed: one of each name")
    return own


def _batches(
    scenarios: Sequence[Scenario],
    overrides: Sequence[str],
    items: Sequence[int],
    consumers: Sequence[int],
    *,
    has_sizes: bool,
) -> dict[SizedBatch, tuple[Scenario, Source]]:
    """The batches to look at; `has_sizes`: whether the scenarios say how large. Raises `BadInputError`."""
    from batchsim.analysis.findings import USUAL, Sizes, batches_of

    for scenario in scenarios:
        if scenario.setting.has_second_batch:
            raise BadInputError(
                f"{scenario.file}: found batch.calls {scenario.setting.calls}; allowed: 1 (--set batch.calls=1): "
                "not every fault that is looked at can befall two batches"
            )
    usual = Sizes() if has_sizes else USUAL
    sizes = Sizes(
        tuple(sorted(set(items))) or usual.items, tuple(sorted(set(consumers))) or usual.consumers, usual.calls
    )

    def loaded(file: Path, overrides: Sequence[str]) -> Scenario:
        (scenario,) = load([file], overrides, None)
        return scenario

    try:
        return batches_of(scenarios, overrides, sizes, loaded)
    except BadInputError as error:
        text = str(error).replace("--set batch.items=", "--items ").replace("--set consumers=", "--consumers ")
        raise BadInputError(text) from None


def _left_out(scenarios: Sequence[Scenario], *, quiet: bool) -> list[str]:
    """Tell whose faults are left out, unless quiet; the warnings."""
    warnings = [
        f"{scenario.file}: its faults are left out: each budget takes their place"
        for scenario in scenarios
        if scenario.faults
    ]
    if not quiet:
        for each in warnings:
            tell(f"warning: {each}")
    return warnings


def _unjudged(
    scenarios: Sequence[Scenario], chosen: Mapping[str, Any], properties: Mapping[str, Property], *, quiet: bool
) -> list[str]:
    """Tell, unless quiet, in which systems of one's own nothing could be found wrong; the warnings."""
    policies, asked = list(chosen.items()), list(properties.values())
    return [
        f"{each.file}: {text}"
        for each in scenarios
        for text in warn_if_unjudged(each, policies, asked, quiet=quiet)
    ]


# -- what came out ---------------------------------------------------------------------------------


def _given(result: Findings, policy: str) -> list[Given]:
    """What a policy gives in each scenario, to be judged."""
    from batchsim.analysis.judging import OK, Given

    given = []
    for scenario in result.scenarios:
        findings = result.judgement.of_policy(policy, scenario)
        verdicts = {verdict for finding in findings for verdict in finding.witnesses}
        sampled = sum(not finding.is_complete for finding in findings)
        given.append(
            Given(
                scenario=scenario,
                policy=result.names[policy],
                verdicts=frozenset(verdicts | {OK for finding in findings if finding.gives_ok}),
                expected=None,
                is_complete=not sampled,
                stopped_by=f"{sampled} of {len(findings)} cases were only sampled",
                needs_end=not verdicts,
            )
        )
    return given


def _witnesses(directory: Path, result: Findings) -> tuple[dict[str, str], dict[FindingPlace, str]]:
    """A witness of each verdict of those that are judged, by file; by verdict the command that replays it."""
    from batchsim.analysis.witnesses import Witness, WitnessStep

    shown = [list(result.shown(policy)) for policy in result.asked]
    witnesses = [
        [
            Witness(
                scenario=result.sources[found.case.batch].file,
                overrides=result.sources[found.case.batch].under(result.scope.entries(found.case.budget)),
                policy=found.case.policy,
                properties=result.verdicts_beside(result.sources[found.case.batch]),
                verdicts=found.witness.verdicts,
                steps=tuple(WitnessStep(each.actor, each.name, each.alternative) for each in found.witness.steps),
            )
            for _, found in group
        ]
        for group in shown
    ]
    texts, commands = witness_texts(directory, witnesses)
    return texts, {
        place: command
        for group, lines in zip(shown, commands, strict=True)
        for (place, _), command in zip(group, lines, strict=True)
    }


def _pages(result: Findings, switches: Sequence[str]) -> dict[str, str]:
    """The page and its folder of schedules, by file, the page last."""
    from batchsim.report.findings import FOLDER, page, witness_pages

    texts = {f"{FOLDER}/{name}": text for name, text in witness_pages(result)}
    return {**texts, PAGE: page(result, switches)}
