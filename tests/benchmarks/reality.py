"""What is predicted against what is observed on real servers, and every schedule against them: `make hammer`.

Writes `reports/reality.md` with a picture. Each series runs freely; every third batch is measured, and a
simulation predicts the share of false failures in the others. It takes some minutes, and says so on the way.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from batchsim import explore, load_scenario, simulate
from batchsim.analysis.calibration import Share
from batchsim.analysis.hammering import Hammered, hammer
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.performing import LiveSystem
from batchsim.engines.live.replay import Compared, Follower
from batchsim.engines.live.servers import Servers, embedded
from batchsim.model.system import remembering
from batchsim.report.files import write_whole
from batchsim.report.hammered import rows_of_operations
from batchsim.rounding import rounded
from batchsim.scenario import InvalidScenario, Scenario

ROOT = Path(__file__).parents[2]
VERDICT = "false_failure"
SCENARIO = """
name: series
batch: {{items: {items}}}
items: {{upload: 30 ms, execution: {execution}}}
latency:
  http: {{request: 2 ms, response: 2 ms}}
  operations:
    redis.enqueued_count: {{request: {{uniform: [{low}, {high}]}}}}
    queue.take: {{response: {{uniform: [0 ms, {dispatch}]}}}}
"""


class Series(NamedTuple):
    """What is varied."""

    policy: str = "pre3427"
    items: int = 3
    low: str = "0 ms"
    high: str = "60 ms"
    dispatch: str = "50 ms"
    execution: str = "300 ms"
    speed: float = 1

    def told(self) -> str:
        """In words."""
        speed = "" if self.speed == 1 else f", speed {self.speed:g}"
        body = f"end of the body after {self.low} to {self.high}"
        return f"{self.items} items, {body}, dispatch up to {self.dispatch}{speed}"


SERIES = (
    Series(),
    Series(high="90 ms"),
    Series(high="150 ms"),
    Series(low="20 ms", high="80 ms", policy="pr3427"),
    Series(high="60 ms", dispatch="5 ms"),
    Series(high="40 ms", dispatch="2 ms", policy="pr3427"),
    Series(items=1, high="40 ms", dispatch="20 ms"),
    Series(items=6, high="40 ms", dispatch="30 ms", policy="pr3427"),
)


class Row(NamedTuple):
    """A series, and what came of it."""

    series: Series
    result: Hammered

    @property
    def observed(self) -> Share:
        """In the batches that were predicted."""
        tested = next(iter(self.result.of_test.values())).runs
        return self.result.of_test.get(VERDICT, Share(0, tested))

    @property
    def predicted(self) -> tuple[float, float]:
        """The share, and how far away the observed one can be."""
        prediction = self.result.predictions.get(VERDICT)
        return (0.0, 0.0) if prediction is None else (prediction.share, prediction.half_width)

    @property
    def uncalibrated(self) -> float:
        """With the scenario's own latencies."""
        return self.result.uncalibrated.get(VERDICT, Share(0, 1)).value


def tell(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def series_on(servers: Servers, batches: int) -> Iterator[Row]:
    """Each series."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "series.yaml"
        for number, series in enumerate(SERIES, 1):
            file.write_text(SCENARIO.format(**series._asdict()))
            scenario = load_scenario(file)
            policy = scenario.find_policy(series.policy, scenario.directory)
            result, _ = hammer(scenario, policy, servers, batches=batches, workers=4, speed=series.speed)
            row = Row(series, result)
            observed, (share, width) = row.observed, row.predicted
            tell(
                f"{number} of {len(SERIES)}: {series.policy}, {series.told()}: observed {observed.value:.1%}, "
                f"predicted {share:.1%} ± {100 * width:.1f}, {len(result.findings)} unexplained, "
                f"{result.rate:.1f} a second"
            )
            yield row


def _with_one_item(scenario: Scenario, path: Path) -> Scenario:
    """The same with one item, where it can have one: few enough orders to explore."""
    try:
        return load_scenario(path, ("batch.items=1",))
    except InvalidScenario:
        return scenario


class Schedules(NamedTuple):
    """What was taken on the servers step by step."""

    compared: list[Compared]
    scenarios: int
    verdicts: set[str]
    seconds: float
    each_s: list[float]
    """How long each took, the comparison of all contents after each step included; beside `compared`."""

    @property
    def thirty_steps(self) -> tuple[int, float]:
        """Of schedules with 28 to 32 steps: how many, and the longest time (ms)."""
        of_them = [taken for taken, each in zip(self.each_s, self.compared, strict=True) if 28 <= each.steps <= 32]
        return len(of_them), 1000 * max(of_them, default=0.0)


def schedules_on(servers: Servers, wanted: int) -> Schedules:
    """Witnesses of all outcomes of small scenarios, and timed runs of all, step by step."""
    begun = time.monotonic()
    lines, numbers = Lines(servers), count()
    done: list[Compared] = []
    each_s: list[float] = []
    scenarios: set[str] = set()
    verdicts: set[str] = set()

    def follow(scenario: Scenario, policy: Any, order: Any = None) -> None:
        started = time.monotonic()
        system = LiveSystem(remembering(scenario.system(policy)), lines, f"schedule{next(numbers)}")
        system.begin()
        follower = Follower(system)
        simulate(scenario, policy, observer=follower, order=order)
        follower.compare_end()
        done.append(follower.compared)
        each_s.append(time.monotonic() - started)

    for path in sorted((ROOT / "scenarios").glob("*.yaml")):
        if path.stem == "thousand-items":
            continue
        scenario = load_scenario(path)
        chosen = [scenario.find_policy(name, scenario.directory) for name in scenario.policies]
        scenarios.add(path.stem)
        small = _with_one_item(scenario, path)
        for policy in chosen:
            try:
                follow(scenario, policy)
            except InvalidScenario:
                continue
            try:
                explored = explore(small, policy, bounds=Bounds(20_000))
            except InvalidScenario:
                continue
            for outcome in explored.outcomes[: max(1, wanted // 60)]:
                verdicts.update(outcome.verdicts)
                follow(small, policy, outcome.witness)
    lines.close()
    return Schedules(done, len(scenarios), verdicts, time.monotonic() - begun, each_s)


def seconds_to_start() -> float:
    """How long private servers take to be up."""
    begun = time.monotonic()
    with embedded():
        return time.monotonic() - begun


# -- the page ------------------------------------------------------------------------------------


def scatter(rows: list[Row]) -> str:
    """Observed against predicted, with intervals, as SVG."""
    size, margin = 360, 44

    def x(share: float) -> float:
        return margin + share * size

    def y(share: float) -> float:
        return margin / 2 + (1 - share) * size

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 2 * margin} {size + 1.5 * margin:.0f}" '
        'font-family="sans-serif" font-size="11">',
        "<title>Observed against predicted share of false failures</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#bbbbbb"/>',
    ]
    parts += (
        f'<text x="{x(tick)}" y="{y(0) + 14:.1f}" text-anchor="middle" fill="#333333">{tick:.0%}</text>'
        f'<text x="{x(0) - 6}" y="{y(tick) + 4:.1f}" text-anchor="end" fill="#333333">{tick:.0%}</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    )
    for row in rows:
        share, width = row.predicted
        seen = row.observed.value
        low, high = max(0.0, share - width), min(1.0, share + width)
        parts.append(
            f'<line x1="{x(low):.1f}" y1="{y(seen):.1f}" x2="{x(high):.1f}" y2="{y(seen):.1f}" stroke="#0072b2" '
            'stroke-width="2"/>'
            f'<circle cx="{x(share):.1f}" cy="{y(seen):.1f}" r="4" fill="#0072b2"/>'
            f'<circle cx="{x(row.uncalibrated):.1f}" cy="{y(seen):.1f}" r="3.5" fill="none" stroke="#d55e00" '
            'stroke-width="1.5"/>'
        )
    parts.append(
        f'<text x="{x(0.5)}" y="{y(0) + 30:.1f}" text-anchor="middle" fill="#333333">predicted '
        "(dot: measured latencies, with its 99 % interval; ring: the scenario's)</text>"
        f'<text x="12" y="{y(0.5):.1f}" text-anchor="middle" fill="#333333" '
        f'transform="rotate(-90 12 {y(0.5):.1f})">observed</text></svg>'
    )
    return "\n".join(parts) + "\n"


def page(rows: list[Row], servers: Servers, schedules: Schedules, starts: tuple[float, float]) -> str:
    """The report; `starts` is how long the servers took to be up (s), the first time and then once more."""
    compared, scenarios, verdicts, seconds, _ = schedules
    of_thirty, thirty_ms = schedules.thirty_steps
    differing = sum(each.difference is not None for each in compared)
    batches = sum(row.result.batches for row in rows)
    unexplained = sum(len(row.result.findings) for row in rows)
    errors = [abs(row.observed.value - row.predicted[0]) for row in rows]
    misses = [abs(row.observed.value - row.uncalibrated) for row in rows]
    admitted = sum(abs(row.observed.value - row.predicted[0]) <= row.predicted[1] for row in rows)
    lines = [
        "# The model and real servers",
        "",
        "Written by `make hammer`. What it means, and how to do it with servers of your own: "
        "[docs/live.md](../docs/live.md).",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {' and '.join(servers.names)} (embedded, on Unix sockets, without fsync). "
        f"They were up after {starts[0]:.1f} s, and after {starts[1]:.1f} s when they were started again.",
        "",
        "## In the same order",
        "",
        f"{len(compared)} schedules of {scenarios} scenarios, with these verdicts among them: "
        f"{', '.join(sorted(verdicts))}. "
        f"Each step was taken on the servers: {sum(each.steps for each in compared):,} steps, "
        f"{sum(each.answers for each in compared):,} answers and {sum(each.cells for each in compared):,} "
        f"contents were compared in {seconds:.0f} s. **{differing} differ.** {of_thirty} of them have 28 to 32 "
        f"steps; none of those took longer than {thirty_ms:.0f} ms.",
        "",
        "## Without an order",
        "",
        f"{batches:,} batches ran freely. **The model explains {batches - unexplained:,} of them**: some order of "
        "their operations, within the times at which they were sent and answered, gives every answer, and every "
        "content in the end.",
        "",
        "From the latencies of every third batch a simulation predicts the share of false failures in the others:",
        "",
        "| policy | series | observed | predicted | 99 % interval | uncalibrated | batches/s |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        share, width = row.predicted
        is_in = "" if abs(row.observed.value - share) <= width else ", missed"
        lines.append(
            f"| `{row.series.policy}` | {row.series.told()} | {row.observed.value:.1%} of {row.observed.runs:,} | "
            f"{share:.1%} | ± {100 * width:.1f}{is_in} | {row.uncalibrated:.1%} | {row.result.rate:.1f} |"
        )
    lines += [
        "",
        f"On average the prediction is {100 * sum(errors) / len(errors):.1f} points off, at most "
        f"{100 * max(errors):.1f}; {admitted} of {len(rows)} observed shares are inside their interval. With the "
        f"latencies of the scenario it is {100 * sum(misses) / len(misses):.1f} points off, at most "
        f"{100 * max(misses):.1f}.",
        "",
        "![Observed against predicted](reality.svg)",
        "",
        "## What operations took",
        "",
        f"In the first series, with the client, in a thread of many: {rows[0].series.told()}.",
        "",
        "| operation | times | p50 | p99 | max | waited for a thread, p99 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, times, p50, p99, longest, wait in rows_of_operations(rows[0].result.measured):
        cells = (name, f"{times:,}", *map(rounded, (p50, p99, longest, wait)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run everything, and write the page; the exit code is 1 if the model and the servers part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=2000, help="of each series")
    parser.add_argument("--schedules", type=int, default=600)
    parser.add_argument("--out", type=Path, default=ROOT / "reports")
    options = parser.parse_args()
    starts = seconds_to_start(), seconds_to_start()
    with embedded() as servers:
        tell(f"on {servers.told()}")
        schedules = schedules_on(servers, options.schedules)
        differing = [each.difference for each in schedules.compared if each.difference is not None]
        counted = f"{len(schedules.compared)} schedules of {schedules.scenarios} scenarios"
        tell(f"{counted}, {len(differing)} differ, {schedules.seconds:.0f} s")
        rows = list(series_on(servers, options.batches))
    write_whole(options.out / "reality.svg", scatter(rows))
    write_whole(options.out / "reality.md", page(rows, servers, schedules, starts))
    return int(bool(differing) or any(row.result.findings for row in rows))


if __name__ == "__main__":
    sys.exit(main())
