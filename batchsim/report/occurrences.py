"""Whether faults happened, in words and in JSON: in a run, in many, in every schedule of an exploration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from batchsim.report import words
from batchsim.report.phrases import times
from batchsim.scenario import fault_in_words, numbered_fault

if TYPE_CHECKING:
    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.analysis.sweep import Sweep
    from batchsim.analysis.sweep.results import Share
    from batchsim.batch.trace import Trace
    from batchsim.engines.occurrences import Occurrence
    from batchsim.model.faults import Fault
    from batchsim.scenario import Scenario, Slow


class Explored(Protocol):
    """What every exploration knows of faults."""

    @property
    def policy(self) -> str:
        """The name of the policy."""

    @property
    def is_complete(self) -> bool:
        """Whether all was looked into."""

    @property
    def stopped_by(self) -> str | None:
        """Why not."""

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict that was found."""

    @property
    def faults(self) -> tuple[Occurrence, ...]:
        """Whether each fault happens."""

    @property
    def unreached(self) -> tuple[str, ...]:
        """What some run is to come to, and none does."""

    @property
    def missing_faults(self) -> tuple[int, ...]:
        """The pinned ones that do nowhere."""


# -- explorations ------------------------------------------------------------------------------


def missing_in_words(exploration: Explored) -> str | None:
    """`fault 0 (crash of handler-1 before queue.push) occurs in no schedule`; `None`: each pinned one occurs.

    Likewise that no schedule has an end.
    """
    missing = [numbered_fault(number, exploration.faults[number].fault) for number in exploration.missing_faults]
    if exploration.is_complete and not exploration.verdicts:
        return "no schedule comes to an end, so there is nothing to judge"
    if not missing:
        return None
    where = (
        "no schedule" if exploration.is_complete else f"no schedule that was explored ({exploration.stopped_by})"
    )
    return "; ".join(f"{each} occurs in {where}" for each in missing)


def why_inconclusive(exploration: Explored) -> str | None:
    """Why nothing is claimed of all schedules, nor that some fail; `None`: something is."""
    missing = missing_in_words(exploration)
    if missing is not None:
        return missing
    return exploration.stopped_by if exploration.verdicts <= {"ok"} else None


def claim_without_faults(exploration: Explored, claim: str) -> str | None:
    """In place of a claim: that a pinned fault never occurs, and the claim if it is that the policy fails.

    Likewise that nothing comes to what some run is to come to (`sometimes`).
    """
    if exploration.unreached:
        never = f"no schedule comes to {', '.join(exploration.unreached)}"
        says_little = exploration.verdicts <= {"ok"}
        return f"{claim}; but that is vacuous: {never}" if says_little else f"{claim}; and {never}"
    missing = missing_in_words(exploration)
    if missing is None or exploration.verdicts <= {"ok"}:
        return missing and f"inconclusive: {missing}"
    without = "without it" if len(exploration.missing_faults) == 1 else "without them"
    return f"inconclusive: {missing}; {without} the policy {claim}"


def rows_of_occurrences(explorations: Sequence[Explored]) -> Iterator[tuple[str, ...]]:
    """A row for each fault: its number, and where it happens in each exploration of one scenario."""
    for number, each in enumerate(zip(*(exploration.faults for exploration in explorations), strict=True)):
        cells = (_where(*pair) for pair in zip(each, explorations, strict=True))
        yield f"fault {number}", *cells


def _where(found: Occurrence, exploration: Explored) -> str:
    if found.occurs is None:
        return "time is left out"
    if not found.occurs:
        return "no schedule" if exploration.is_complete else "no schedule so far"
    if found.probability is not None:
        least = "" if exploration.is_complete else "at least "
        return f"{least}{words.share(found.probability)} of runs"
    if found.schedules is None:
        return "some schedules"
    if not found.schedules:
        return "some schedules, none to its end so far"
    return f"{found.schedules:,} schedule{'' if found.schedules == 1 else 's'}"


def unreached_document(exploration: Explored) -> dict[str, Any]:
    """What some run is to come to, and none does, as JSON; nothing where that is nothing.

    Likewise why schedules are not counted, where they would be.
    """
    because = getattr(exploration, "uncounted_because", None)
    unreached = {"unreached": list(exploration.unreached)} if exploration.unreached else {}
    return {**unreached, **({} if because is None else {"uncounted_because": because})}


def occurrences_document(faults: Sequence[Occurrence], counted: str | None = None) -> list[dict[str, Any]]:
    """The faults of an exploration as JSON; `counted`: the field that says how often each happens, if one does."""
    return [
        {
            **identified(number, each.fault),
            "occurs": each.occurs,
            **({} if counted is None else {counted: _number(getattr(each, counted))}),
        }
        for number, each in enumerate(faults)
    ]


def identified(number: int, fault: Fault | Slow) -> dict[str, Any]:
    """What says in JSON which fault is meant."""
    return {"fault": number, "what": fault_in_words(fault), "pinned": fault.is_pinned}


def _number(value: Any) -> Any:
    """As in the rest of the contract: a count of schedules is text, as it may be larger than others can read."""
    return str(value) if isinstance(value, int) else value


# -- runs --------------------------------------------------------------------------------------


def happened(scenario_run: ScenarioRun, heading: Callable[[PolicyRun], str]) -> list[tuple[str, bool]]:
    """For each fault in which runs it happened how often, and whether it did in each of them.

    `heading`: the name of a run.
    """
    return [
        (_happened(number, scenario_run.runs, heading), all(run.trace.faults[number] for run in scenario_run.runs))
        for number, _ in enumerate(scenario_run.scenario.faults)
    ]


def _happened(number: int, runs: Sequence[PolicyRun], heading: Callable[[PolicyRun], str]) -> str:
    policies: dict[int, list[str]] = {}
    for run in runs:
        policies.setdefault(run.trace.faults[number], []).append(heading(run))
    if len(policies) == 1:
        return _so_often(*policies)
    return "; ".join(f"{_so_often(count)} under {', '.join(names)}" for count, names in policies.items())


def _so_often(count: int) -> str:
    return f"happened {times(count)}" if count else "did not happen"


def never_happened(scenario_run: ScenarioRun, heading: Callable[[PolicyRun], str]) -> Iterator[str]:
    """A line for each fault that did not happen in some of the runs."""
    for number, fault in enumerate(scenario_run.scenario.faults):
        names = [heading(run) for run in scenario_run.runs if not run.trace.faults[number]]
        if names:
            yield f"{numbered_fault(number, fault)} did not happen under {', '.join(names)}"


def run_faults_document(scenario: Scenario, trace: Trace) -> list[dict[str, Any]]:
    """The faults of a run as JSON."""
    pairs = zip(scenario.faults, trace.faults, strict=True)
    return [{**identified(number, fault), "times": count} for number, (fault, count) in enumerate(pairs)]


# -- sweeps ------------------------------------------------------------------------------------


def rows_of_sweep(sweep: Sweep) -> Iterator[tuple[str, ...]]:
    """A row for each fault: its number, and in how many runs of each policy it happened, over all points."""
    for number, _ in enumerate(sweep.scenario.faults):
        of_policy: dict[str, list[Share]] = {}
        for cell in sweep.cells:
            of_policy.setdefault(cell.policy, []).append(cell.faults[number])
        yield f"fault {number}", *(_in_runs(of_policy[policy]) for policy in sweep.policies)


def _in_runs(found: Sequence[Share]) -> str:
    count, runs = sum(each.count for each in found), sum(each.runs for each in found)
    return f"{count:,} of {runs:,} runs" if count else f"none of {runs:,} runs"
