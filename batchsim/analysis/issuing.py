"""Which operations somebody issues under a policy, in some schedule: found out, not listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from batchsim.analysis.batch.small import small_batches
from batchsim.model.system import System
from batchsim.scenario import InvalidScenario, Scenario, with_faults
from batchsim.user_code import UserCodeError

if TYPE_CHECKING:
    from batchsim.engines.exhaustive.layout import Layout

STATES_MAX = 150_000
"""Of all that is explored: beyond, it is given up, and whatever is asked for counts as issued."""
STATES_MAX_OF_OWN = 3_000
"""Likewise of a system of the user's own, which is explored as large as it is."""
RUNS, ITEMS_RUN_MAX = 8, 20
"""So many runs of the first items are made before any batch is explored: mostly they are enough."""


def unissued(
    scenario: Scenario, policies: Sequence[Any], groups: Mapping[str, AbstractSet[str]]
) -> tuple[str, ...]:
    """The names of those groups of operations of which nobody issues any under any of the policies.

    None where a policy of the user's own cannot be asked: what is wrong with it the scenario itself will show, if
    it comes to it.
    """
    try:
        return _unissued(scenario, policies, groups)
    except UserCodeError:
        return ()


def _unissued(
    scenario: Scenario, policies: Sequence[Any], groups: Mapping[str, AbstractSet[str]]
) -> tuple[str, ...]:
    left = dict(groups)
    for seed, policy in product(range(RUNS), policies):
        issued = _issued_in_a_run(replace(scenario, seed=seed), policy) if left else None
        if issued is None:
            break
        left = _without(left, issued)
    states_left = STATES_MAX if scenario.own is None else STATES_MAX_OF_OWN
    for system in _small_systems(scenario, policies) if left else ():
        if left:
            left, states = _left_in_all_schedules(system, left, states_left)
            states_left -= states
    return tuple(left)


def _small_systems(scenario: Scenario, policies: Sequence[Any]) -> Iterator[System[Any]]:
    """What is explored: small batches in place of the batch; a system of the user's own as it is."""
    for policy in policies:
        if scenario.own is not None:
            yield scenario.system(policy)
        else:
            yield from small_batches(scenario.setting, policy)


_ISSUED: dict[tuple[Any, ...], tuple[str, ...]] = {}


def issued_in(scenario: Scenario) -> tuple[str, ...]:
    """The names of all operations that are issued in a system of the user's own, and of its timers' delays.

    Under any of the policies of the scenario. Raises `TooLarge` where there are too many states.
    """
    from batchsim.engines.exhaustive.layout import Layout  # noqa: PLC0415
    from batchsim.engines.exhaustive.moves import StepTable  # noqa: PLC0415
    from batchsim.engines.exhaustive.search import Bounds, Search  # noqa: PLC0415

    assert scenario.own is not None
    faults = repr(scenario.setting.faults)
    key = (scenario.own.identity, repr(scenario.own.parameters), scenario.policies, faults)
    if key not in _ISSUED:
        names: set[str] = set()
        for policy in scenario.policies:
            system = scenario.system(scenario.find_policy(policy, scenario.directory))
            layout = Layout(system, merges=True, exchanges=True)
            table = StepTable(layout)
            search = Search(table, only_first_edges=True)
            search.run(Bounds(STATES_MAX))
            if not search.is_complete:
                raise TooLarge(f"more than {STATES_MAX:,} states")
            timers = (*system.timers.values(), *system.first_timers.values())
            names |= _issued_by(layout) | set(timers) | table.delays()
            names |= {name for actor in system.actors for _, name in actor.timers}
        _ISSUED[key] = tuple(sorted(names))
    return _ISSUED[key]


class TooLarge(Exception):
    """A system has too many states for what is asked of it."""


def _without(groups: Mapping[str, AbstractSet[str]], found: AbstractSet[str]) -> dict[str, AbstractSet[str]]:
    return {name: operations for name, operations in groups.items() if operations.isdisjoint(found)}


def _issued_in_a_run(scenario: Scenario, policy: Any) -> set[str] | None:
    """In one timed run, which costs little and often is enough; `None`: it has no end."""
    from batchsim.engines.timed import EndlessRun, simulate  # noqa: PLC0415 - mostly no latency of an operation is given

    setting = scenario.setting
    faults = tuple(fault for fault in setting.faults if fault.at_most is None)
    small = with_faults(replace(scenario, setting=replace(setting, items=setting.items[:ITEMS_RUN_MAX])), faults)
    try:
        trace = simulate(small, policy)
    except InvalidScenario:
        return set()  # of a fault whose moment is open, which only exploration takes
    except EndlessRun:
        return None
    return {step.name for step in trace.steps}


def _left_in_all_schedules(
    system: System[Any], groups: Mapping[str, AbstractSet[str]], states_max: int
) -> tuple[dict[str, AbstractSet[str]], int]:
    """Those of which nobody issues any, and how many states were looked at; none of them if there are too many."""
    # These bring NumPy, which most runs do without.
    from batchsim.engines.exhaustive.layout import Layout  # noqa: PLC0415
    from batchsim.engines.exhaustive.moves import StepTable  # noqa: PLC0415
    from batchsim.engines.exhaustive.search import INTERRUPTED, Bounds, Search  # noqa: PLC0415

    layout = Layout(system, merges=True, exchanges=True)
    table = StepTable(layout)
    search = Search(table, only_first_edges=True)

    def left() -> dict[str, AbstractSet[str]]:
        unknown = _without(groups, _issued_by(layout))
        return _without(unknown, table.delays()) if unknown else {}

    search.run(Bounds(states_max), lambda _: bool(left()))
    return (left() if search.stopped_by in (None, INTERRUPTED) else {}), search.states


def _issued_by(layout: Layout) -> set[str]:
    """By the actors of a layout, at the local states that were found; and the delays of timers."""
    return {
        pending.operation.name
        for role in layout.roles
        for number in range(len(role.locals))
        for pending in role.locals[number].pending
    }.union(layout.system.timers.values())
