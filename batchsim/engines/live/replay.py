"""The steps of a run of the model, taken on real servers in the same order, and compared one by one.

The model goes first: the timed engine runs the order, and shows each step. Then the same operation is done on the
servers. Its answer has to be that of the model, and so has all that the stores hold then. As coroutines depend on
answers alone, equal answers mean that they would have gone the same way.

What a fault does beside the operation (a crash leaves a message behind, a failover loses keys) is done to the
servers as it is to the model; what the operation itself does there is compared like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from batchsim.engines.live.keys import Store, store_of
from batchsim.engines.live.performing import BLOCKED, LiveSystem
from batchsim.model.cells import Cells, Key, freeze, thaw
from batchsim.model.operation import Alternative, Operation, Raised
from batchsim.model.run import Step
from batchsim.model.system import System

WHOLE_MAX = 300
"""Of a system with more cells those that a step touches are compared after it, and all at the end."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the servers and the model part."""

    number: int
    """Of the step, from 1; 0: before the first."""
    actor: str
    operation: str
    what: str
    """`answer`, or a cell."""
    model: str
    live: str


@dataclass(slots=True)
class Compared:
    """What was compared."""

    steps: int = 0
    answers: int = 0
    cells: int = 0
    difference: Difference | None = None
    """The first one."""


class _Apart(Exception):
    """The first difference."""

    def __init__(self, difference: Difference) -> None:
        self.difference = difference


class Follower:
    """Takes each step of a run of the model on real servers, right after it; an observer of the timed engine."""

    def __init__(self, live: LiveSystem) -> None:
        self._live = live
        self._system: System[Any] = live.system
        first = Cells()
        self._system.begin(first)
        self._model: dict[Key, Any] = {key: freeze(value) for key, value in first.items() if value is not None}
        """The cells of the model as they were before the step, frozen."""
        self._listed = tuple(self._system.cells)
        self._is_small = len(self._listed) <= WHOLE_MAX
        self.compared = Compared()

    def __call__(self, world: Any, step: Step, operation: Operation[Any]) -> None:
        """Take a step of the model, whose world it has just changed."""
        if self.compared.difference is not None:
            return
        try:
            self._follow(world.cells, step, operation)
        except _Apart as apart:
            self.compared.difference = apart.difference

    def _follow(self, cells: Cells, step: Step, operation: Operation[Any]) -> None:
        self.compared.steps += 1
        footprint = operation.footprint()
        touched = footprint.reads | footprint.writes | set(step.keys_written)
        if isinstance(step.answer, Raised) and not step.answer.took_effect:
            by_operation = {key: self._model.get(key) for key in touched}
        else:
            by_operation = self._take(cells, step, operation, touched)
        after = {key: freeze(dict.get(cells, key)) for key in touched}
        of_faults = {
            key: after[key]
            for key in touched
            if after[key] != by_operation[key] and store_of(key) is not Store.MEMORY
        }
        if of_faults:
            self._live.cells.impose(of_faults)
        for key, value in after.items():
            if value is None:
                self._model.pop(key, None)
            else:
                self._model[key] = value
        self._compare_contents(step, None if self._is_small else touched)

    def _take(self, cells: Cells, step: Step, operation: Operation[Any], touched: Iterable[Key]) -> dict[Key, Any]:
        """Do the operation on the servers; what it does to the model by itself, without faults.

        A fault may answer in place of the operation: then the model shows it, and nothing is done here either.
        """
        before = {key: self._model.get(key) for key in touched}
        memory = self._memory_before(cells, step, touched)
        shadow = Cells({key: thaw(value) for key, value in (before | memory).items() if value is not None})
        world = self._system.world(shadow)
        chosen = _as_it_turned_out(operation, world, step.alternative)
        try:
            expected = _applied(operation, world, chosen)
        except Exception:
            if chosen is not None or not operation.has_alternatives:
                raise
            return before
        if expected != step.effect:
            return before
        self._live.cells.remember(memory)
        is_forced = operation.has_alternatives and chosen is None
        answer = self._live.perform(
            operation, lambda ways: chosen if chosen in ways else None, is_forced=is_forced
        )
        self._compare_answer(step, expected, answer)
        return {key: freeze(dict.get(shadow, key)) for key in touched}

    def _memory_before(self, cells: Cells, step: Step, touched: Iterable[Key]) -> dict[Key, Any]:
        """What no store holds, as it was before the step, frozen; answers on the network come by no step."""
        changes = {change.key: change.before for change in step.changes}
        keys = {*touched, *cells.keys()}
        return {
            key: changes[key] if key in changes else freeze(dict.get(cells, key))
            for key in keys
            if store_of(key) is Store.MEMORY
        }

    def _compare_answer(self, step: Step, expected: Any, answer: Any) -> None:
        self.compared.answers += 1
        if answer is BLOCKED or answer != expected or _kind(answer) is not _kind(expected):
            model = repr(expected)
            live = "it cannot take effect" if answer is BLOCKED else repr(answer)
            raise _Apart(Difference(step.number + 1, step.actor, step.name, "answer", model, live))

    def _compare_contents(self, step: Step, only: Iterable[Key] | None) -> None:
        keys = [key for key in (self._listed if only is None else only) if store_of(key) is not Store.MEMORY]
        held = self._live.cells.contents(keys)
        self.compared.cells += len(keys)
        for key in keys:
            model, live = self._model.get(key), held.get(key)
            if model != live or type(model) is not type(live):
                raise _Apart(Difference(step.number + 1, step.actor, step.name, key, told(model), told(live)))

    def compare_end(self) -> None:
        """All that is on the servers is what the model has at the end, and nothing else is there."""
        if self.compared.difference is not None:
            return
        held = self._live.cells.contents(key for key in self._listed if store_of(key) is not Store.MEMORY)
        held |= self._live.cells.strays()
        model = {key: value for key, value in self._model.items() if store_of(key) is not Store.MEMORY}
        self.compared.cells += len(model)
        for key in sorted(model.keys() | held.keys()):
            if model.get(key) != held.get(key):
                self.compared.difference = Difference(
                    self.compared.steps, "-", "-", key, told(model.get(key)), told(held.get(key))
                )
                return


def told(value: Any) -> str:
    """The value of a cell, for people."""
    return "absent" if value is None else repr(thaw(value))


def _kind(answer: Any) -> type[Any]:
    return bool if isinstance(answer, bool) else type(answer)


def _as_it_turned_out(operation: Operation[Any], world: Any, label: str | None) -> Alternative | None:
    """The way of the operation itself that a step took; `None`: a fault let it act, or it has only one."""
    if not operation.has_alternatives:
        return None
    ways = operation.alternatives(world)
    return next((each for each in ways if each.label == label), ways[0] if ways else None)


def _applied(operation: Operation[Any], world: Any, chosen: Alternative | None) -> Any:
    return operation.apply(world) if chosen is None else operation.apply_alternative(world, chosen)
