"""The inverse question: the shortest value of a parameter, such as a grace time, with which nothing fails.

Within the intervals of the scenario, for all latencies: the values with which some fail come out of a timed
exploration that leaves the parameter open (`engines/zones/parameter.py`). So nothing is taken for granted of
values between those that were tried: no longer value need be a safer one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive import Bounds, Level
from batchsim.engines.exhaustive.search import UNBOUNDED
from batchsim.engines.timed import simulate
from batchsim.engines.zones import ExplorationByValue, NoLeg, Probe, Range, TimedOutcome, explore_by_value
from batchsim.model.properties import Property
from batchsim.model.run import Step
from batchsim.scenario import InvalidScenario, Scenario, varied

PROBES_US = (1_000_000, 2_000_000)
ALLOWED = (
    "the length of a wait, such as tombstone.grace, or of a leg: latency.operations.NAME.request or .response"
)


@dataclass(frozen=True)
class Failing:
    """A run that fails, with a value of the parameter."""

    value_us: int
    run: TimedOutcome
    is_tied: bool
    """Whether two of its steps whose order can matter fall on one instant: either may come first."""


@dataclass(frozen=True)
class Solution:
    """With which values of a parameter some latencies within the intervals of a scenario fail."""

    scenario: Scenario
    policy: Any
    parameter: str
    """As it was asked for."""
    verdict: str | None
    """The one that counts as failing; `None`: any but ok."""
    least_us: int
    """The shortest value that there is."""
    is_complete: bool
    """Whether all is known: otherwise more values may fail."""
    stopped_by: str | None
    state_classes: int
    zones: int
    is_used: bool
    """Whether some run depends on the parameter."""
    values_of: dict[str, tuple[Range, ...]]
    """By verdict: the values with which some latencies give it; ascending, all others between them do not."""
    fails: tuple[Range, ...]
    """The values with which some latencies fail, likewise."""
    failing: Failing | None
    """A run that fails next to the shortest value that does not: with one microsecond less, where there is less.

    The timed engine made the same run. `None`: nothing fails.
    """

    @property
    def smallest_us(self) -> int | None:
        """The shortest value with which nothing fails (us); `None`: there is none, or it is not known."""
        return None if self.first_safe is None else self.first_safe.min_us

    @property
    def first_safe(self) -> Range | None:
        """The values from there to the next with which something fails; `None`: there are none, or not known."""
        if not self.is_complete or self.always_fails:
            return None
        if not self.fails or self.fails[0].min_us > self.least_us:
            return Range(self.least_us, self.fails[0].min_us - 1 if self.fails else None)
        end = self.fails[0].max_us
        assert end is not None
        return Range(end + 1, self.fails[1].min_us - 1 if len(self.fails) > 1 else None)

    @property
    def always_from_us(self) -> int | None:
        """From where on nothing fails with any value (us); `None`: nowhere, or it is not known."""
        if not self.is_complete:
            return None
        last = self.fails[-1].max_us if self.fails else self.least_us - 1
        return None if last is None else last + 1

    @property
    def always_fails(self) -> bool:
        """Whether something fails with every value; known of an exploration that is not complete, too."""
        return self.fails[:1] == (Range(self.least_us, None),)

    @property
    def is_conclusive(self) -> bool:
        """Whether the question is answered."""
        return self.is_complete or self.always_fails


def solve(
    scenario: Scenario,
    policy: Any,
    parameter: str,
    *,
    verdict: str | None = None,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: Callable[[Level], bool] | None = None,
) -> Solution:
    """The values of a parameter with which some latencies within the intervals fail, exact to the microsecond.

    `parameter`: `tombstone.grace`, or any other field that is the length of a wait or of a leg, as for `--set`;
    what the scenario says of it plays no part. `verdict`: what counts as failing; any but ok unless given.
    `properties`, `bounds`, `on_level`: as of `explore_timed`. Raises `BadInputError` for a parameter that is no
    such length, and for a scenario with faults; `ValueError` for a scenario that was changed since it was loaded.
    """
    if scenario.own is not None and not parameter.startswith("latency."):
        # A length in the code of a system is another system for each value.
        allowed = "latency.operations.NAME.request or .response, or latency.operations.NAME of a wait"
        raise BadInputError(f"--solve: found {parameter!r}; allowed: {allowed}, in a system of your own")
    one, other = (Probe(_with(scenario, parameter, value_us), value_us) for value_us in PROBES_US)
    least_us = _least_us(scenario, parameter, one.scenario)
    try:
        exploration = explore_by_value(
            one, other, policy, least_us=least_us, properties=properties, bounds=bounds, on_level=on_level
        )
    except NoLeg as error:
        raise BadInputError(f"--solve {parameter}: found several lengths of {error}; allowed: {ALLOWED}") from None
    verdicts = sorted(exploration.verdicts)
    asked = [name for name in verdicts if name == verdict or (verdict is None and name != "ok")]
    fails = exploration.values_of(*asked)
    return Solution(
        scenario=scenario,
        policy=policy,
        parameter=parameter,
        verdict=verdict,
        least_us=least_us,
        is_complete=exploration.is_complete,
        stopped_by=exploration.stopped_by,
        state_classes=exploration.state_classes,
        zones=exploration.zones,
        is_used=exploration.is_used,
        values_of={name: exploration.values_of(name) for name in verdicts},
        fails=fails,
        failing=_failing(scenario, policy, parameter, exploration, asked, _edge_of(fails, least_us)),
    )


def _with(scenario: Scenario, parameter: str, value_us: int) -> Scenario:
    """The scenario with a value of the parameter; raises `BadInputError`."""
    option = f"{parameter}={value_us} us"
    if "=" in parameter or not parameter:
        raise BadInputError(f"--solve {parameter}: found {parameter!r}; allowed: {ALLOWED}")
    try:
        return varied(scenario, (option,))
    except InvalidScenario as invalid:
        if f"found '{value_us} us'" in str(invalid):  # a field, and no duration
            raise BadInputError(f"--solve {parameter}: found no length; allowed: {ALLOWED}") from None
        raise BadInputError(str(invalid).replace(f"--set {option}", f"--solve {parameter}")) from None


def _least_us(scenario: Scenario, parameter: str, probe: Scenario) -> int:
    """0, unless the field does not take it, or means something else by it: no upload instead of a short one."""
    try:
        is_alike = varied(scenario, (f"{parameter}=0 us",)).setting == probe.setting
    except InvalidScenario:
        is_alike = False
    return 0 if is_alike else 1


def _edge_of(fails: Sequence[Range], least_us: int) -> int | None:
    """A value that fails beside the shortest one that does not; where all do, the shortest."""
    if not fails:
        return None
    begin, end = fails[0]
    return begin if begin > least_us or end is None else end


def _failing(
    scenario: Scenario,
    policy: Any,
    parameter: str,
    exploration: ExplorationByValue,
    verdicts: Sequence[str],
    value_us: int | None,
) -> Failing | None:
    if value_us is None:
        return None
    ends = (each for each in exploration.ends if not set(verdicts).isdisjoint(each.verdicts))
    run = exploration.run_to(next(each for each in ends if value_us in each.values), value_us)
    steps, draws = run.witness
    trace = simulate(_with(scenario, parameter, value_us), policy, order=steps, draws=draws)
    assert trace.outcome == run.outcome, "the timed engine comes to another outcome"
    assert [step.at_us for step in trace.steps] == [step.at_us for step in steps]
    return Failing(value_us, run, _is_tied(trace.steps))


def _is_tied(steps: Sequence[Step]) -> bool:
    """Whether two steps at one instant touch the same, and neither came about by the other."""
    return any(
        _may_come_first(one, other)
        for _, at_once in groupby(steps, key=lambda step: step.at_us)
        for one, other in combinations(at_once, 2)
    )


def _may_come_first(one: Step, other: Step) -> bool:
    is_caused = one.actor == other.actor or one.number in (other.after, other.woken_by)
    return not is_caused and one.operation.footprint().conflicts_with(other.operation.footprint())
