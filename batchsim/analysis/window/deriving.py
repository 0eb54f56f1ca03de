"""From a failing run to a case: the reason of its verdict, and all races that led to it, as conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from batchsim.analysis.constraints import Explainer, Pair
from batchsim.analysis.window.assignments import Unbounded
from batchsim.analysis.window.cases import Case
from batchsim.analysis.window.causes import Causes, NotDerived
from batchsim.analysis.window.conditions import Always, Condition, within
from batchsim.analysis.window.races import Race, Races, moved_timers, moves_in_order, never_sealed, next_moves
from batchsim.engines.exhaustive import Graph
from batchsim.engines.exhaustive.following import follow
from batchsim.model.system import System


class NoReason(Exception):
    """No small set of order constraints is the reason of a verdict."""


def reason_of(graph: Graph, explainer: Explainer, trace: Any, known: Sequence[tuple[Pair, ...]]) -> Reason:
    """The reason of the verdict of a run, one of those that are known if it will do; raises `NoReason`."""
    edges = follow(graph, trace.steps)
    events = explainer.events_of(edges)
    first = {event: place for place, event in reversed(list(enumerate(events)))}
    for pairs in known:
        if all(pair[0] in first and pair[1] in first and first[pair[0]] < first[pair[1]] for pair in pairs):
            return pairs, [(first[pair[0]], first[pair[1]]) for pair in pairs]
    found = explainer.reason_of(edges)
    if found is None:
        raise NoReason
    return found, [(first[pair[0]], first[pair[1]]) for pair in found]


Reason = tuple[tuple[Pair, ...], list[Race]]
"""Pairs of events, and the steps of the run that they are."""


def case_of(trace: Any, system: System[Any], reason: Sequence[Race]) -> Case:
    """The conditions under which a run comes about again as far as the reason of its verdict goes.

    `reason`: pairs of steps whose order is the reason. Raises `NotDerived`, `TooManySums`.
    """
    causes = Causes(trace)
    is_batch = causes.is_batch
    if is_batch and (trace.setting.is_stepwise or trace.setting.calls > 1):
        raise NotDerived("phase 1 has steps" if trace.setting.is_stepwise else "the parent may call again")
    if not is_batch and any(each.returns_to or each.begins_after_leg_of for each in system.actors):
        raise NotDerived("an actor answers another one when it ends")
    races, looked_at = Races(causes, system, is_batch=is_batch).deciding(reason)
    in_order = frozenset(moves_in_order(causes, looked_at)).difference(races)
    of_batch = never_sealed(causes, looked_at) if is_batch else ()
    orders = sorted({*races, *in_order, *next_moves(causes, looked_at), *of_batch})
    needed = [race for race in _not_implied(causes, orders) if race not in reason]
    conditions = [
        *(_condition(causes, race, decides=True) for race in reason),
        *(_condition(causes, race, decides=False, is_alike=race in in_order) for race in needed),
        *_moves(causes, looked_at),
        *_turns(causes, looked_at),
    ]
    return Case(tuple(each for each in conditions if not isinstance(within(each, Unbounded()), Always)))


def _not_implied(causes: Causes, orders: Sequence[Race]) -> Iterator[Race]:
    """Those that do not follow from the others, and from who waited for whom."""
    after: dict[int, set[int]] = {}
    for step in causes.steps:
        for before in causes.before(step.number):
            after.setdefault(before, set()).add(step.number)
    for earlier, later in orders:
        after.setdefault(earlier, set()).add(later)
    for earlier, later in orders:
        if not any(_leads_to(after, each, later) for each in after[earlier] if each != later):
            yield earlier, later


def _leads_to(after: dict[int, set[int]], begin: int, end: int) -> bool:
    seen, left = {begin}, [begin]
    while left:
        number = left.pop()
        if number == end:
            return True
        new = {each for each in after.get(number, ()) if each <= end} - seen
        seen |= new
        left.extend(new)
    return False


def _condition(causes: Causes, race: Race, *, decides: bool, is_alike: bool = False) -> Condition:
    """`is_alike`: whether both orders come to the same where the two are at one instant."""
    earlier, later = race
    return Condition(
        causes.told(causes.steps[earlier]),
        causes.told(causes.steps[later]),
        causes.instants[earlier],
        causes.instants[later],
        decides,
        holds_at_equality=is_alike or earlier in causes.ancestors[later],
    )


def _moves(causes: Causes, looked_at: frozenset[int]) -> Iterator[Condition]:
    """A schedule that moved the completion job came before the job was due."""
    for later, earlier in moved_timers(causes, looked_at):
        due = causes.due(earlier)
        moving = causes.told(causes.steps[later])
        instant = causes.instants[later]
        yield Condition(moving, "the job was due", instant, due, decides=False, holds_at_equality=False)


def _turns(causes: Causes, looked_at: frozenset[int]) -> Iterator[Condition]:
    """Of consumers who have done something, the one who was free first took the message."""
    for take in sorted(looked_at):
        for later in causes.freed_later(take):
            freed = causes.freed(take)
            assert freed is not None
            left, right = causes.ready(freed), causes.ready(later)
            first, second = (f"the answer to {causes.told(causes.steps[number])}" for number in (freed, later))
            # Of two who are free at one instant each can be the one: it makes no difference.
            yield Condition(first, second, left, right, decides=False, holds_at_equality=True)
