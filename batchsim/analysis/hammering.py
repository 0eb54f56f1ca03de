"""Batches run freely on real servers: what they came to, whether the model explains and predicts it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchsim.analysis.calibration import (
    CALIBRATING,
    MEASURED_MIN,
    Measured,
    Prediction,
    Share,
    measured,
    predicted,
    shares_of,
)
from batchsim.analysis.sweep.pieces import Portable, at_hand
from batchsim.bad_input import BadInputError
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.explaining import Unexplained, explain
from batchsim.engines.live.hammer import Hammer, Observed
from batchsim.engines.live.servers import Servers
from batchsim.model.properties import Property
from batchsim.scenario import Scenario

RUNS_UNCALIBRATED = 1000


class Finding(NamedTuple):
    """A batch that the model does not explain."""

    batch: int
    operations: int
    """How many were observed."""
    unexplained: Unexplained


@dataclass(frozen=True, slots=True)
class Hammered:
    """What came of the batches under one policy."""

    policy: str
    batches: int
    seconds: float
    speed: float
    verdicts: dict[str, Share]
    """Of all batches."""
    of_test: dict[str, Share]
    """Of those that were not measured."""
    predictions: dict[str, Prediction]
    """For those."""
    uncalibrated: dict[str, Share]
    """What the scenario's own latencies give."""
    measured: dict[str, Measured]
    """Of all batches."""
    findings: tuple[Finding, ...]
    was_interrupted: bool = False

    @property
    def rate(self) -> float:
        """Batches in a second."""
        return self.batches / self.seconds if self.seconds else math.nan

    @property
    def names(self) -> tuple[str, ...]:
        """All verdicts that were observed or predicted, the frequent ones first."""
        names = {*self.verdicts, *self.predictions}
        return tuple(sorted(names, key=lambda name: (-self.verdicts.get(name, Share(0, 1)).times, name)))


def check_for_hammer(scenario: Scenario) -> None:
    """Raises `BadInputError` for a scenario that cannot run freely."""
    if scenario.setting.faults:
        raise BadInputError(
            f"{scenario.file}: faults: found {len(scenario.setting.faults)}; allowed on real servers without an "
            "order: none but `slow` (`batchsim replay WITNESS --stores embedded` takes them step by step)"
        )


def hammer(
    scenario: Scenario,
    policy: Any,
    servers: Servers,
    *,
    batches: int,
    workers: int,
    speed: float,
    properties: Sequence[Property] = (),
    note: Callable[[str], object] = lambda _: None,
    goes_on: Callable[[Callable[[], int]], bool] = lambda _: True,
    predicts: bool = True,
    executor: Executor | None = None,
    portable: Any = None,
) -> tuple[Hammered, list[Observed]]:
    """Run batches, explain each, and predict those that were not measured from the others.

    `note`: told what is being done. `goes_on`: asked time and again, with what says how many batches are over.
    `executor`: looks for the explanations, instead of this process; `portable`: the policy as it can be sent.
    """
    system = scenario.system(policy)
    over_history = [each.name for each in (*system.properties, *properties) if each.history is not None]
    if over_history:
        raise BadInputError(
            f"{scenario.file}: found a property over history, {over_history[0]}; allowed on real servers without "
            "an order: properties of what a run came to, as nobody remembers its steps"
        )
    observed: list[Observed] = []
    lines = Lines(servers)
    note(f"{policy.name}: running batches")
    try:
        one = Hammer(scenario, policy, lines, workers=workers, speed=speed, note=observed.append)
        one.run(batches, lambda: goes_on(lambda: one.over))
        seconds = one.clock.now_us() / 1e6
    finally:
        lines.close()
    was_interrupted = len(observed) < batches
    note(f"{policy.name}: looking for orders that explain what was observed")
    findings = []
    works = [_Observation(scenario, policy if portable is None else portable, each) for each in observed]
    looked = map(_look_into, works) if executor is None else executor.map(_look_into, works)
    for each, unexplained in zip(observed, looked, strict=True):
        if unexplained is not None:
            findings.append(Finding(each.number, len(each.seen), unexplained))
    calibrating = [each for each in observed if each.number % CALIBRATING == 0]
    tested = [each for each in observed if each.number % CALIBRATING]
    predictions: dict[str, Prediction] = {}
    uncalibrated: dict[str, Share] = {}
    if predicts and len(calibrating) >= MEASURED_MIN and tested:
        predictions = predicted(scenario, policy, calibrating, len(tested), speed, properties, note)
        note("simulating with the scenario's own latencies")
        uncalibrated = shares_of(scenario, policy, RUNS_UNCALIBRATED, properties)
    return Hammered(
        policy=policy.name,
        batches=len(observed),
        seconds=seconds,
        speed=speed,
        verdicts=_shares(system, observed, properties),
        of_test=_shares(system, tested, properties),
        predictions=predictions,
        uncalibrated=uncalibrated,
        measured=measured(observed),
        findings=tuple(findings),
        was_interrupted=was_interrupted,
    ), observed


class _Observation(NamedTuple):
    """A batch as it was observed, and all that another process needs to explain it."""

    scenario: Scenario
    policy: Portable
    observed: Observed


def _look_into(work: _Observation) -> Unexplained | None:
    """`None`: the model explains it."""
    return explain(work.scenario.system(at_hand(work.scenario, work.policy)), work.observed).unexplained


def _shares(system: Any, observed: Sequence[Observed], properties: Sequence[Property]) -> dict[str, Share]:
    counts = Counter(verdict for each in observed for verdict in system.verdicts_of(each.outcome, properties))
    return {verdict: Share(times, len(observed)) for verdict, times in counts.items()}
