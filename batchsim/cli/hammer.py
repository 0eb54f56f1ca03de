"""`batchsim hammer`: batches run freely on real servers."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchsim.analysis.judging import Given
from batchsim.bad_input import BadInputError
from batchsim.cli import live, options
from batchsim.cli.cluster import cluster
from batchsim.cli.exit_codes import INTERRUPTED, UNEXPECTED
from batchsim.cli.inputs import by_their_names, expected_by, load, policies_of, properties_of, verdict_names
from batchsim.cli.judging import code_of, limits_of
from batchsim.cli.outputs import check_calibration, check_outputs, deliver, printing, write_calibration, write_json
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn

if TYPE_CHECKING:
    from batchsim.analysis.hammering import Hammered
    from batchsim.engines.live.servers import Servers
    from batchsim.scenario import Scenario

BATCHES = 100


@click.command()
@click.argument("file", type=options.ScenarioFile())
@click.option("--batches", type=click.IntRange(1), default=BATCHES, metavar="N", help="Of each policy (100).")
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=4,
    metavar="N",
    help="So many batches at work at once (4); one whose caller backs off is not at work.",
)
@click.option(
    "--speed", type=click.FloatRange(0.01, 1000), default=1.0, metavar="X", help="Divide all sleeps by this (1)."
)
@options.policies
@options.verdicts
@options.fail_on
@options.overrides
@click.option("--seed", type=int, metavar="N", help="Seed of the sleeps, instead of the scenario's.")
@live.stores
@click.option(
    "--calibrate",
    "calibrate_file",
    type=options.NamedPath(),
    metavar="OUT.yaml",
    help="Write the scenario with the latencies that were measured, and their samples beside it.",
)
@options.scheduler
@options.json_file
@options.quiet
def hammer(
    file: Path,
    batches: int,
    workers: int,
    speed: float,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    forbidden: tuple[str, ...],
    overrides: tuple[str, ...],
    seed: int | None,
    stores: str | None,
    redis_url: str | None,
    postgres_url: str | None,
    calibrate_file: Path | None,
    scheduler: str | None,
    json_file: str | None,
    quiet: bool,
) -> int:
    """Run many batches on real servers, with threads and real sleeps, and no order but theirs.

    Each is held against the model: some order of its operations, within the times at which they were sent and
    answered, has to give every answer in the model. And from the latencies of every third batch a simulation
    predicts how often the others come to each verdict. With --scheduler a cluster looks for the explanations.

    Without --redis and --postgres: private servers, as with --stores embedded. The exit code is 1 if the model
    does not explain a batch, if a verdict is not in `expect_explore`, or if --fail-on forbids one.
    """
    from batchsim.analysis.hammering import check_for_hammer, hammer
    from batchsim.analysis.headings import headings_of
    from batchsim.analysis.sweep.sweeping import competitors_of
    from batchsim.report.hammer_progress import HammerProgress

    (scenario,) = load([file], overrides, seed, policies=policies)
    policies = by_their_names([scenario], policies)
    check_for_hammer(scenario)
    chosen = policies_of(scenario, policies)
    properties = properties_of(scenario, verdicts)
    check_outputs(json_file, None)
    if calibrate_file is not None:
        _check_calibration(calibrate_file, [name for name, _ in chosen])
    limits = limits_of(forbidden, verdict_names(scenario, chosen, properties))
    expected = expected_by(scenario, "expect_explore", policies, chosen)
    warn(scenario, chosen, quiet=quiet)
    which = live.asked(stores, redis_url, postgres_url) or live.EMBEDDED
    competitors = competitors_of(scenario, policies or None, None)
    results: list[Hammered] = []
    with HammerProgress(batches, quiet=quiet) as progress:
        progress.begin("starting the servers" if isinstance(which, str) else "connecting")
        with cluster(scheduler) as executor, live.opened(which) as servers:
            for (_, policy), competitor in zip(chosen, competitors, strict=True):
                result, _ = hammer(
                    scenario,
                    policy,
                    servers,
                    batches=batches,
                    workers=workers,
                    speed=speed,
                    properties=properties,
                    note=progress.note,
                    goes_on=progress.looks_at,
                    executor=executor,
                    portable=competitor.portable,
                )
                results.append(result)
                if not progress.goes_on():
                    break

    def show() -> None:
        from batchsim.report.hammered import show_hammered

        with printing() as console:
            show_hammered(console, results, servers.told())

    def write() -> None:
        from batchsim.report.hammered import hammered_document

        assert json_file is not None
        write_json(json_file, hammered_document(results, servers.names, servers.where))

    def calibrate() -> None:
        assert calibrate_file is not None
        about = _about(scenario, results[0], servers, workers)
        write_calibration("--calibrate", scenario, results[0].measured, about, calibrate_file)

    deliver(
        None if quiet or json_file == "-" else show,
        None if json_file is None else write,
        None if calibrate_file is None else calibrate,
    )
    headings = headings_of(chosen)
    judged = [
        Given(
            scenario=scenario.name,
            policy=headings[name],
            verdicts=frozenset(result.verdicts),
            expected=expected[name],
            expected_in="expect_explore",
            known=frozenset(scenario.known_verdicts([policy])),
            needs_all=False,
        )
        for (name, policy), result in zip(chosen, results, strict=False)
    ]
    found = [result for result in results if result.findings]
    for result in found:
        tell(f"{result.policy}: the model does not explain {len(result.findings)} of {result.batches} batches")
    if progress.was_interrupted:
        tell("interrupted: not all batches were run and looked at")
        return INTERRUPTED
    code = code_of(judged, limits)
    return UNEXPECTED if found else code


def _check_calibration(file: Path, names: list[str]) -> None:
    check_calibration("--calibrate", file)
    if len(names) != 1:
        raise BadInputError(
            f"--calibrate: found {len(names)} policies; allowed: one (--policy NAME), which is measured"
        )


def _about(scenario: Scenario, result: Hammered, servers: Servers, workers: int) -> list[str]:
    """What was measured, where and when: the head of the file."""
    waits = sorted(wait for each in result.measured.values() for wait in each.waits_us)
    late = (
        f"{waits[len(waits) // 2]} us at the median, {waits[len(waits) * 99 // 100]} us at p99" if waits else "-"
    )
    return [
        f"Latencies measured by batchsim hammer {scenario.file} --policy {result.policy}"
        + (f" --speed {result.speed:g}" if result.speed != 1 else ""),
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}",
        f"on {servers.told()}",
        f"{result.batches} batches, {workers} at work at once, {result.rate:.1f} a second",
        f"Part of each request leg is the wait for a thread: {late}.",
    ]
