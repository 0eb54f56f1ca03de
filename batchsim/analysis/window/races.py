"""The orders of a run on which what led to some of its steps depends: what has to be so again for them to be so.

Two steps that touch the same are in a fixed order only where one waited for the other. Otherwise it was a race. It
matters if, with the later step (and all that only it waited for) moved before the earlier one, a step that is
looked at could not be taken or would be answered otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from batchsim.analysis.window.causes import Causes, actor_of, timer_of
from batchsim.batch.operations import Abort, CompletionUpdate, Deliver, EnqueuedCount, Seal
from batchsim.batch.stores import BATCH_ROW, WAITPOINT, answer_key
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import BlockingOperation
from batchsim.model.run import Step
from batchsim.model.system import System

_WRITERS = ("handler-", "job-", "reaper")
"""Who may write what others find."""
_WRITTEN = (BATCH_ROW, WAITPOINT)
Race = tuple[int, int]
"""Two steps by number: the earlier one, and the later one."""


class Races:
    """The races of a run of a system."""

    def __init__(self, causes: Causes, system: System[Any], *, is_batch: bool) -> None:
        self._causes = causes
        self._system = system
        self._is_batch = is_batch
        self._writers = [
            step.number for step in causes.steps if not is_batch or actor_of(step).startswith(_WRITERS)
        ]
        self._open = tuple(self._races())

    def deciding(self, reason: Iterable[Race]) -> tuple[list[Race], frozenset[int]]:
        """The races on which the steps of a reason depend, these included, and all steps that were looked at.

        A race that follows from the others is none: the one that was over first comes first.
        """
        found = sorted(reason)
        looked_at = self._with_causes(number for race in found for number in race)
        before = self._before(found)
        while (race := self._next_deciding(looked_at, before)) is not None:
            found.append(race)
            looked_at |= self._with_causes(race)
            before = self._before(found)
        return sorted(found), looked_at

    def _next_deciding(self, looked_at: frozenset[int], before: Sequence[frozenset[int]]) -> Race | None:
        known = (race for race in self._open if race[0] not in before[race[1]])
        return next((race for race in known if self._matters(race, looked_at, before)), None)

    def _before(self, races: Iterable[Race]) -> list[frozenset[int]]:
        """Of each step, all that come before it whenever these races end as they did."""
        direct: dict[int, list[int]] = {}
        for earlier, later in races:
            direct.setdefault(later, []).append(earlier)
        found: list[frozenset[int]] = []
        for step in self._causes.steps:
            those = (*self._causes.before(step.number), *direct.get(step.number, ()))
            found.append(frozenset(those).union(*(found[each] for each in those)))
        return found

    def _with_causes(self, numbers: Iterable[int]) -> frozenset[int]:
        found = frozenset(numbers)
        while (more := self._with_unseen(found.union(*(self._causes.ancestors[each] for each in found)))) != found:
            found = more
        return found

    def _with_unseen(self, numbers: frozenset[int]) -> frozenset[int]:
        """With steps of others that had to go as they did, though nobody waited for them.

        What finds the row or the waitpoint as it is depends on that nobody wrote it who might have: a handler that
        did not seal, a completion job or a reaper that stopped. Who takes a message depends on who was free later.
        """
        finding = {number for number in numbers if self._finds(self._causes.steps[number])}
        last = max(finding, default=-1)
        free = (end for number in numbers for end in self._causes.freed_later(number))
        earlier = (number for number in self._writers if number < last)
        return numbers.union(free, earlier, self._stopped_later(finding))

    def _stopped_later(self, finding: set[int]) -> Iterator[int]:
        """Steps of those who may write and came too late to: they might as well have come before these."""
        for number in self._writers:
            is_late = bool(finding) and number > max(finding) and self._finds(self._causes.steps[number])
            if is_late and finding.isdisjoint(self._causes.ancestors[number]):
                yield number

    def _finds(self, step: Step) -> bool:
        """Whether its answer depends on the row or the waitpoint; in any other system, on what others write."""
        if not self._is_batch:
            return True
        footprint = step.operation.footprint()
        touched = footprint.reads | footprint.writes
        is_blind = isinstance(step.operation, CompletionUpdate) and not step.operation.guarded
        return not touched.isdisjoint(_WRITTEN) and not is_blind

    def _races(self) -> Iterator[Race]:
        steps, ancestors = self._causes.steps, self._causes.ancestors
        footprints = [step.operation.footprint() for step in steps]
        for later in range(len(steps)):
            for earlier in range(later):
                if earlier not in ancestors[later] and footprints[earlier].conflicts_with(footprints[later]):
                    yield earlier, later

    def _matters(self, race: Race, looked_at: frozenset[int], before: Sequence[frozenset[int]]) -> bool:
        if race[0] not in looked_at and race[1] not in looked_at:
            return False
        earlier, later = race
        moved = [number for number in range(earlier + 1, later) if number in before[later]]
        last = max(*looked_at, later)
        rest = (number for number in range(earlier, last + 1) if number != later and number not in moved)
        return not self._can_follow([*range(earlier), *moved, later, *rest], looked_at)

    def _can_follow(self, order: Iterable[int], looked_at: frozenset[int]) -> bool:
        """Whether the steps that are looked at can be taken in this order, and are answered as they were."""
        cells = Cells()
        self._system.begin(cells)
        world = self._system.world(cells)
        for number in order:
            step = self._causes.steps[number]
            if not _takes_effect_as_it_did(world, step) and number in looked_at:
                return False
        return True


def _takes_effect_as_it_did(world: Any, step: Step) -> bool:
    operation = step.operation
    if isinstance(operation, Deliver):
        world.cells[answer_key(operation.attempt)] = step.answer
    if not isinstance(operation, BlockingOperation):
        return bool(operation.apply(world) == step.answer)
    ways = [way for way in operation.alternatives(world) if way.label == step.alternative]
    return bool(ways) and bool(operation.apply_alternative(world, ways[0]) == step.answer)


def moved_timers(causes: Causes, looked_at: frozenset[int]) -> Iterator[tuple[int, int]]:
    """The steps that started a timer anew before it ended for one that is looked at: which moved which."""
    for _, started in _timers(causes, looked_at):
        yield from zip(started[1:], started, strict=False)


def moves_in_order(causes: Causes, looked_at: frozenset[int]) -> Iterator[Race]:
    """The last step to start a timer is the one that it runs out by."""
    for later, earlier in moved_timers(causes, looked_at):
        if earlier not in causes.ancestors[later]:
            yield earlier, later


def next_moves(causes: Causes, looked_at: frozenset[int]) -> Iterator[Race]:
    """A step that is looked at came at the end of its timer, before that would have been started once more."""
    for ended, started in _timers(causes, looked_at):
        key = _key(causes.steps[started[0]])
        after = (step.number for step in causes.steps[ended:] if _key(step) == key)
        again = next(after, None)
        if again is not None and ended not in causes.ancestors[again]:
            yield ended, again


def _timers(causes: Causes, looked_at: frozenset[int]) -> Iterator[tuple[int, list[int]]]:
    """The steps that are looked at and came at the end of a timer, and those that started it until then."""
    waiting: dict[Key, list[int]] = {}
    for step in causes.steps:
        if (key := _key(step)) is not None:
            waiting.setdefault(key, []).append(step.number)
        if isinstance(step.operation, BlockingOperation):
            started = waiting.pop(step.operation.waits_for(), [])
            if started and step.number in looked_at:
                yield step.number, started


def _key(step: Step) -> Key | None:
    timer = timer_of(step)
    return None if timer is None else timer.key


def never_sealed(causes: Causes, looked_at: frozenset[int]) -> Iterator[Race]:
    """A reaper that is looked at found no seal, as the handler had not counted yet that never came to seal."""
    seals = {actor_of(step) for step in causes.steps if isinstance(step.operation, Seal)}
    counts = [step for step in causes.steps if isinstance(step.operation, EnqueuedCount)]
    for reaped in sorted(looked_at):
        if isinstance(causes.steps[reaped].operation, Abort):
            for count in counts:
                if count.number > reaped and actor_of(count) not in seals:
                    yield reaped, count.number
