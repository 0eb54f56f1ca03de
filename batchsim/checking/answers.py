"""One question, asked of a scenario under one policy: which verdicts it can be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds, Level
from batchsim.model.properties import OK, Property
from batchsim.report.phrases import amount
from batchsim.scenario import Scenario, numbered_fault

if TYPE_CHECKING:
    from batchsim.analysis.sweep.results import Share
    from batchsim.analysis.witnesses import WitnessStep
    from batchsim.engines.recorded_draws import Draw
    from batchsim.report.occurrences import Explored


class Way(Enum):
    """How it is asked, from the cheapest to the one that says most."""

    RUN = "one run"
    """The run with the scenario's seed."""
    RATE = "many runs"
    """So many runs, with latencies drawn anew in each."""
    INTERVALS = "within intervals"
    """All runs that latencies within their intervals allow."""
    ORDERS = "all orders"
    """All orders of steps, whatever takes how long."""


@dataclass(frozen=True, slots=True)
class Example:
    """A schedule that was given some verdicts."""

    verdicts: tuple[str, ...]
    steps: tuple[WitnessStep, ...] | None = None
    """`None`: a run with drawn latencies."""
    draws: tuple[Draw, ...] | None = None
    number: int | None = None
    """That of a run among many, from 0."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found."""

    way: Way
    verdicts: frozenset[str]
    is_complete: bool = True
    """Whether no further verdict can come; of runs that were drawn: as far as they go."""
    stopped_by: str | None = None
    doubts: tuple[str, ...] = ()
    """Why the answer is not known, whatever was found: a fault of the scenario happens nowhere."""
    unreached: tuple[str, ...] = ()
    """What some run was to come to (`sometimes`), and none does."""
    absent: tuple[str, ...] = ()
    """Of each fault that did not happen a sentence: with it, something else may be found."""
    examples: tuple[Example, ...] = ()
    """One of each outcome; those that are not ok first."""
    shares: Mapping[str, Share] = field(default_factory=dict)
    """Of many runs, by verdict."""
    runs: int = 0

    @property
    def is_proof(self) -> bool:
        """Whether verdicts that are not among them are ruled out, within the scenario."""
        return self.way in (Way.INTERVALS, Way.ORDERS) and self.is_complete and not self.doubts

    def example_of(self, verdict: str | None) -> Example | None:
        """The first schedule with this verdict; `None` stands for any but ok."""
        for each in self.examples:
            if (each.verdicts != (OK,)) if verdict is None else (verdict in each.verdicts):
                return each
        return None


def ask(
    scenario: Scenario,
    name: str,
    policy: Any,
    way: Way,
    *,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    runs: int = 1000,
    on_level: Callable[[Level], bool] | None = None,
) -> Answer:
    """Ask a scenario under a policy; `name`: the one that the policy was asked for by.

    Raises `InvalidScenario` where the scenario cannot be asked so, and `BadInputError` for code of the user's.
    """
    match way:
        case Way.RUN:
            from batchsim.analysis.runs import run_policy  # noqa: PLC0415 - each way needs another engine

            run = run_policy(scenario, name, policy, properties)
            absent = _absent(scenario, run.trace.faults, "did not happen")
            return Answer(way, frozenset(run.verdicts), absent=absent, examples=(Example(run.verdicts),), runs=1)
        case Way.RATE:
            return _many_runs(scenario, name, policy, properties, runs)
        case Way.ORDERS:
            from batchsim.analysis.witnesses import steps_of  # noqa: PLC0415
            from batchsim.engines.exhaustive import explore  # noqa: PLC0415

            found = explore(
                scenario, policy, properties=properties, bounds=bounds, on_level=on_level, reduces=True
            )
            examples = tuple(Example(each.verdicts, steps_of(each)) for each in found.outcomes)
            return _explored(way, scenario, found, examples)
        case Way.INTERVALS:
            from batchsim.analysis.witnesses import timed_steps_of  # noqa: PLC0415
            from batchsim.engines.zones import explore_timed  # noqa: PLC0415

            timed = explore_timed(scenario, policy, properties=properties, bounds=bounds, on_level=on_level)
            examples = tuple(
                Example(each.verdicts, timed_steps_of(each), each.witness.draws) for each in timed.outcomes
            )
            return _explored(way, scenario, timed, examples)


def _absent(scenario: Scenario, happened: Iterable[object], how: str) -> tuple[str, ...]:
    """A sentence for each fault that did not happen; `happened`: of each, something false if it did not."""
    pairs = enumerate(zip(scenario.faults, happened, strict=True))
    return tuple(f"{numbered_fault(number, fault)} {how}" for number, (fault, so) in pairs if not so)


def _explored(way: Way, scenario: Scenario, found: Explored, examples: tuple[Example, ...]) -> Answer:
    from batchsim.report.occurrences import missing_in_words  # noqa: PLC0415

    missing = missing_in_words(found)
    return Answer(
        way,
        found.verdicts,
        is_complete=found.is_complete,
        stopped_by=found.stopped_by,
        doubts=() if missing is None else (missing,),
        unreached=found.unreached,
        absent=()
        if missing is not None or not found.is_complete
        else _absent(scenario, (each.occurs is not False for each in found.faults), "occurs in no schedule"),
        examples=examples,
    )


def _many_runs(scenario: Scenario, name: str, policy: Any, properties: Sequence[Property], runs: int) -> Answer:
    from batchsim.analysis.pool import InThisProcess  # noqa: PLC0415
    from batchsim.analysis.sweep import sweep  # noqa: PLC0415
    from batchsim.user_code import is_reference  # noqa: PLC0415

    asked = policy if scenario.own is None and not is_reference(name) else name
    result = sweep(
        scenario,
        [asked],
        runs=runs,
        properties=properties,
        executor=InThisProcess(),
        workers=1,
        directory=scenario.directory,
    )
    (cell,) = result.cells
    met = sorted(cell.first_runs, key=lambda verdict: (verdict == OK, verdict))
    return Answer(
        Way.RATE,
        frozenset(cell.first_runs),
        absent=_absent(
            scenario, (each.count for each in cell.faults), f"happened in none of {amount(cell.runs, 'run')}"
        ),
        examples=tuple(Example((verdict,), number=cell.first_runs[verdict]) for verdict in met),
        shares=dict(cell.verdicts),
        runs=cell.runs,
    )
