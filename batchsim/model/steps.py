"""Steps of a run, in columns: of a long run, an object for each of them would take most of the memory."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, chain, pairwise, repeat
from typing import Any, overload

from batchsim.model.cells import Key
from batchsim.model.changes import OF_EACH
from batchsim.model.operation import Operation, Raised
from batchsim.model.run import Step, step_of

BLOCK = 1024
"""So many steps stand in columns together."""

IsMeant = Callable[[type[Operation[Any]]], bool]
"""Whether operations of a class are meant."""


class _Block:
    """Steps in columns."""

    __slots__ = (
        "_actors", "_after", "_alternatives", "_ends", "_lengths", "_names", "_numbers", "_starts", "_times",
        "_values", "_woken_by", "answers", "keys", "operations",
    )  # fmt: skip

    def __init__(self, steps: Sequence[Step]) -> None:
        columns: tuple[Any, ...] = tuple(zip(*steps, strict=True))
        numbers, actors, operations, answers, *times, after, woken_by, alternatives, written = columns
        self.operations: tuple[Operation[Any], ...] = operations
        self.answers: tuple[Any, ...] = answers
        self._alternatives = alternatives if set(alternatives) != {None} else repeat(None)
        in_a_row = range(numbers[0], numbers[0] + len(numbers))
        self._numbers = in_a_row if tuple(in_a_row) == numbers else numbers
        self._names = tuple(dict.fromkeys(actors))
        """Each actor once."""
        self._actors = array("H", map({name: place for place, name in enumerate(self._names)}.__getitem__, actors))
        """Of each step, the place of its actor among these."""
        self._times = tuple(map(_packed, times))
        self._after = _packed(each or 0 for each in after)
        self._starts = [place for place, each in enumerate(after) if each is None]
        """The places of those that came after no step."""
        self._woken_by = {place: each for place, each in enumerate(woken_by) if each is not None}
        notes = list(chain.from_iterable(written))
        self.keys: tuple[Key, ...] = tuple(notes[::OF_EACH])
        """The keys of the cells that the steps wrote, one after the other."""
        self._values = tuple(notes[1::OF_EACH]), tuple(notes[3::OF_EACH])
        self._lengths = _packed(notes[2::OF_EACH]), _packed(notes[4::OF_EACH])
        self._ends = array("I", accumulate(map(len, written)))
        """Of each step, where its notes end among those of all."""

    def steps(self) -> list[Step]:
        """They as they were."""
        after: list[int | None] = [*self._after]
        for place in self._starts:
            after[place] = None
        woken_by: list[int | None] = [None] * len(after)
        for place, number in self._woken_by.items():
            woken_by[place] = number
        before, later = zip(self._values, self._lengths, strict=True)
        notes = tuple(chain.from_iterable(zip(self.keys, *before, *later, strict=True)))
        rows = zip(
            self._numbers,
            map(self._names.__getitem__, self._actors),
            self.operations,
            self.answers,
            *self._times,
            after,
            woken_by,
            self._alternatives,
            [notes[begin:end] for begin, end in pairwise(chain((0,), self._ends))],
            strict=False,
        )
        return list(map(step_of, rows))

    def places_of(self, is_meant: IsMeant, by: Callable[[str], bool] | None) -> list[int]:
        """The places of those whose operations are of a class that is meant, by an actor that is meant."""
        kinds = {kind for kind in dict.fromkeys(map(type, self.operations)) if is_meant(kind)}
        actors = {place for place, name in enumerate(self._names) if by is None or by(name)}
        if not kinds or not actors:
            return []
        both = enumerate(zip(self.operations, self._actors, strict=True))
        return [place for place, (operation, actor) in both if type(operation) in kinds and actor in actors]

    def writers(self, key: Key, *, deleting: bool = False) -> list[int]:
        """The places of those that wrote a cell; `deleting`: and left nothing there."""
        if key not in self.keys:
            return []
        written = (number for number, each in enumerate(self.keys) if each == key)
        if deleting:
            after = self._values[1]
            written = (number for number in written if after[number] is None)
        return [bisect_right(self._ends, number * OF_EACH) for number in written]


def _packed(numbers: Iterable[int]) -> array[int]:
    """Whole numbers, in four bytes each where that is enough."""
    numbers = tuple(numbers)
    try:
        return array("I", numbers)
    except OverflowError:
        return array("q", numbers)


class Steps(Sequence[Step]):
    """The steps of a run in the order of effects, all but the last few in columns."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._blocks: list[_Block] = []
        self._latest: list[Step] = []
        self._seen: tuple[int, list[Step]] = -1, []
        """The number of the block that was read last, and its steps."""
        for each in steps:
            self.append(each)

    def append(self, step: Step) -> None:
        """One more step."""
        self._latest.append(step)
        if len(self._latest) == BLOCK:
            self._blocks.append(_Block(self._latest))
            self._latest = []

    def made(self) -> Sequence[Step]:
        """These, as what takes least to read."""
        return self if self._blocks else tuple(self._latest)

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._latest)

    def __iter__(self) -> Iterator[Step]:
        for block in self._blocks:
            yield from block.steps()
        yield from self._latest

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, place: int | slice) -> Step | tuple[Step, ...]:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(len(self))[place])
        number, within = divmod(range(len(self))[place], BLOCK)
        return self._steps_of(number)[within]

    def _steps_of(self, number: int) -> list[Step]:
        if number == len(self._blocks):
            return self._latest
        if self._seen[0] != number:
            self._seen = number, self._blocks[number].steps()
        return self._seen[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Steps | tuple):
            return NotImplemented
        return len(self) == len(other) and all(map(Step.__eq__, self, other))

    def __hash__(self) -> int:
        return tuple(self).__hash__()

    def __repr__(self) -> str:
        return f"Steps({list(self)!r})"

    def of(self, is_meant: IsMeant, by: Callable[[str], bool] | None) -> Iterator[Step]:
        """See `steps_of`."""
        for number, block in enumerate(self._blocks):
            places = block.places_of(is_meant, by)
            if places:
                steps = self._steps_of(number)
                yield from (steps[place] for place in places)
        yield from _meant(self._latest, is_meant, by)

    def writers(self, key: Key, *, deleting: bool) -> Iterator[int]:
        """See `writers_of`."""
        for number, block in enumerate(self._blocks):
            yield from (number * BLOCK + place for place in block.writers(key, deleting=deleting))
        yield from _writers(self._latest, key, len(self._blocks) * BLOCK, deleting=deleting)

    def raised(self) -> Iterator[Step]:
        """See `steps_that_raised`."""
        for number, block in enumerate(self._blocks):
            if Raised in set(map(type, block.answers)):
                yield from (step for step in self._steps_of(number) if step.raised is not None)
        yield from (step for step in self._latest if step.raised is not None)

    def operation_at(self, place: int) -> Operation[Any]:
        """The operation of the step at a place."""
        number, within = divmod(place, BLOCK)
        if number == len(self._blocks):
            return self._latest[within].operation
        return self._blocks[number].operations[within]


# -- of any steps: of those in columns as few are made as can be -----------------------------------


def steps_of(steps: Sequence[Step], is_meant: IsMeant, by: Callable[[str], bool] | None = None) -> Iterator[Step]:
    """Those whose operations are of a class that is meant, in order; `by`: of actors that are meant, by name."""
    known: IsMeant = cache(is_meant)  # type: ignore[assignment]  # a class has a hash
    return steps.of(known, by) if isinstance(steps, Steps) else _meant(steps, known, by)


def _meant(steps: Sequence[Step], is_meant: IsMeant, by: Callable[[str], bool] | None) -> Iterator[Step]:
    of_kinds = (step for step in steps if is_meant(type(step.operation)))
    return (step for step in of_kinds if by is None or by(step.actor))


def writers_of(steps: Sequence[Step], key: Key, *, deleting: bool = False) -> Iterator[int]:
    """The places of the steps that wrote a cell, in order; `deleting`: and left nothing there."""
    if isinstance(steps, Steps):
        return steps.writers(key, deleting=deleting)
    return _writers(steps, key, 0, deleting=deleting)


def _writers(steps: Sequence[Step], key: Key, first: int, *, deleting: bool) -> Iterator[int]:
    for place, step in enumerate(steps, first):
        change = step.change_of(key)
        if change is not None and not (deleting and change.is_there):
            yield place


def steps_that_raised(steps: Sequence[Step]) -> Iterator[Step]:
    """Those whose operations raised, in order."""
    return steps.raised() if isinstance(steps, Steps) else (step for step in steps if step.raised is not None)


def operation_at(steps: Sequence[Step], place: int) -> Operation[Any]:
    """The operation of the step at a place."""
    return steps.operation_at(place) if isinstance(steps, Steps) else steps[place].operation
