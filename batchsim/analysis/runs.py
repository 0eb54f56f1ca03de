"""A scenario run under its policies, judged, and ready to be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from batchsim.analysis.batch.explanation import explain
from batchsim.analysis.expectations import expected_of
from batchsim.analysis.explanation import Explanation
from batchsim.analysis.margins import Margin
from batchsim.engines.recorded_draws import Draw
from batchsim.engines.timed import Cue, Observer, simulate
from batchsim.model.properties import Property
from batchsim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """One run, and what is to be said of it."""

    name: str
    """The one that the policy was asked for by."""
    policy: Any = field(repr=False)
    """A `Policy`; of a system of the user's own, a `Variant`."""
    trace: Any = field(repr=False)
    """A `Trace`; of a system of the user's own, a `Run`."""
    verdicts: tuple[str, ...]
    expected: frozenset[str] | None
    """The verdicts that are expected; `None`: nothing is."""
    race: Margin | None
    """Of the count of `enqueued_items` against its deletion."""
    seal: Margin | None
    """Of `postgres.seal` against the first write that leaves nothing to seal."""
    explanation: tuple[str, ...]
    """What led to the verdicts, a sentence a line."""
    decisive: frozenset[int]
    """The numbers of the steps that the explanation turns on."""

    @property
    def is_ok(self) -> bool:
        """Whether no verdict was given but `ok`."""
        return self.verdicts == ("ok",)

    @property
    def is_as_expected(self) -> bool:
        """Whether the verdicts are those that are expected, if any are."""
        return self.expected is None or frozenset(self.verdicts) == self.expected


class RunOfSweep(NamedTuple):
    """One of the runs that a sweep makes."""

    number: int
    """Counted from 0."""
    point: Mapping[str, str]
    """By field that is varied: its value."""


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One run of a scenario under each of its policies."""

    scenario: Scenario
    runs: tuple[PolicyRun, ...]
    witness: str | None = None
    """The file of the witness that gave the order of the run; `None`: none did."""
    has_own_times: bool = True
    """Whether its latencies are drawn, or given; of a witness without times, steps wait for their turn."""
    options: tuple[str, ...] = ()
    """Those of the command that say how the scenario differs from its file."""
    of_sweep: RunOfSweep | None = None
    """Which run of a sweep it is; `None`: that of the scenario's own seed."""
    warnings: tuple[str, ...] = ()
    """What the scenario assumes without saying so, or says without effect."""

    @property
    def is_as_expected(self) -> bool:
        """Whether every run is."""
        return all(run.is_as_expected for run in self.runs)


def run_scenario(
    scenario: Scenario, policies: Iterable[tuple[str, Any]], properties: Sequence[Property] = ()
) -> ScenarioRun:
    """Run a scenario under policies (each with the name it was asked for by), and judge each run."""
    chosen = list(policies)
    expected = expected_of(scenario, "expect", chosen)
    return ScenarioRun(
        scenario,
        tuple(run_policy(scenario, name, policy, properties, expected=expected[name]) for name, policy in chosen),
    )


def run_policy(
    scenario: Scenario,
    name: str,
    policy: Any,
    properties: Sequence[Property] = (),
    order: Sequence[Cue] | None = None,
    expected: Iterable[str] | None = None,
    draws: Sequence[Draw] | None = None,
    observer: Observer | None = None,
    on_departure: Callable[[str], None] | None = None,
) -> PolicyRun:
    """Run a scenario once under a policy, and judge it.

    `properties`: the user's own. `order`: that of the steps, if it is given. `expected`: the verdicts, if
    any are. `draws`: all latencies, if they are given. `observer`, `on_departure`: as for `simulate`.
    """
    trace = simulate(scenario, policy, order=order, draws=draws, observer=observer, on_departure=on_departure)
    verdicts = scenario.system(policy).verdicts_of(trace.outcome, properties)
    told = _explain(scenario, policy, trace, verdicts, properties)
    return PolicyRun(
        name=name,
        policy=policy,
        trace=trace,
        verdicts=verdicts,
        expected=None if expected is None else frozenset(expected),
        race=told.race,
        seal=told.seal,
        explanation=told.sentences,
        decisive=told.decisive,
    )


def _explain(
    scenario: Scenario, policy: Any, trace: Any, verdicts: tuple[str, ...], properties: Sequence[Property]
) -> Explanation:
    """Why a run came to its verdicts: in words of the batch, or by what all orders of its steps come to."""
    if scenario.own is None:
        return explain(trace, verdicts)
    # It explores, which brings NumPy; runs of the batch do without.
    from batchsim.analysis.own_explanation import tell  # noqa: PLC0415

    return tell(scenario, policy, trace, verdicts, properties)
