"""Stepping: every step that is possible in some states, many at a time in NumPy arrays.

A step changes its actor's column and those of its footprint, and what it does depends on nothing else.
So of many states those in which a role is at one local state are stepped together: the few different
contents of the footprint are worked out once (`moves.py`), the many rows are only gathered and scattered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import distinct
from batchsim.engines.exhaustive.edges import FoundEdges
from batchsim.engines.exhaustive.layout import Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.exhaustive.packing import FEW, Packing, Values, Words
from batchsim.engines.exhaustive.reduction import EVERYBODY
from batchsim.engines.exhaustive.states import Numbers
from batchsim.engines.exhaustive.symmetry import Symmetry
from batchsim.engines.values import ABSENT
from batchsim.model.operation import Operation

SPAN_PER_PLACE = 8
"""Where so few values are possible for each place, they are told apart by a table instead of a sort."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of an edge apart from its ends."""

    kind: StepKind
    alternative: str | None
    probability: float | None = None
    """Where a draw decides between alternatives: that of this one."""
    fault: int | None = None
    """The number of the fault that happens in it, in the order of the setting."""


class Chunk:
    """Some states, to be stepped together."""

    def __init__(self, words: Words, packing: Packing) -> None:
        self.words = words
        self.packing = packing
        self._columns: dict[int, Values] = {}

    def __len__(self) -> int:
        count: int = self.words.shape[1]
        return count

    def column(self, column: int) -> Values:
        """What a column holds, by state."""
        if column not in self._columns:
            self._columns[column] = self.packing.column(self.words, column)
        return self._columns[column]


class Stepper:
    """Steps states of a layout; labels of the edges are numbered as they come."""

    def __init__(self, table: StepTable) -> None:
        self.table = table
        self.layout = table.layout
        self._gated = table.layout.gated
        self.symmetry = Symmetry(table.layout)
        self.labels: list[Label] = []
        self._label_numbers: dict[tuple[int, str | None, float | None, int | None], int] = {}

    def steps(
        self, chunk: Chunk, chosen_columns: Numbers | None, look: Callable[[], None] = lambda: None
    ) -> list[FoundEdges]:
        """Every step of some states; `chosen_columns`: for each state whose steps are taken, or `EVERYBODY`.

        `look`: called time and again, to raise what ends it.
        """
        parts = []
        for role in self.layout.roles:
            look()
            for part in self._steps_of(role, chunk, chosen_columns):
                parts.append(part)
                look()
        return parts

    def _steps_of(self, role: Role, chunk: Chunk, chosen_columns: Numbers | None) -> Iterator[FoundEdges]:
        previous = None
        has_idle: dict[tuple[Operation[Any], Hashable], NDArray[np.bool_]] = {}
        """By what idle twins wait for, and what they hold: where one of them was met."""
        exchanged = self.symmetry.alike(role, chunk.column)
        for column in role.columns:
            local = chunk.column(column)
            # Among sorted twins, the first of those that are alike steps for all of them.
            eligible = np.ones(len(chunk), dtype=bool) if previous is None else local != previous
            if exchanged is not None:
                eligible = exchanged[0]
            if chosen_columns is not None:
                is_free = chosen_columns == EVERYBODY
                eligible = (eligible & is_free) | (chosen_columns == column)
            previous = local
            for number, here in _by_number(local, np.flatnonzero(eligible)):
                kinds = self.table.kinds(role, number)
                for kind in kinds:
                    met = has_idle.get((kind.operation, kind.point)) if kind.is_of_idle_twin else None
                    takers = here if met is None else here[~met[here]]
                    if len(takers):
                        alike = (
                            _twins_at(role, number, chunk, takers) if exchanged is None else exchanged[1][takers]
                        )
                        yield from self._steps_of_kind(kind, column, chunk, takers, alike)
                for kind in kinds:
                    if kind.is_of_idle_twin:
                        idle = (kind.operation, kind.point)
                        has_idle.setdefault(idle, np.zeros(len(chunk), dtype=bool))[here] = True

    def _steps_of_kind(
        self, kind: StepKind, column: int, chunk: Chunk, here: Numbers, alike: Numbers
    ) -> Iterator[FoundEdges]:
        contents, which_content = contents_in(chunk, kind.columns, here)
        ways = [kind.moves(content) for content in contents]
        for which in range(max(map(len, ways), default=0)):
            moves = [each[which] if len(each) > which else None for each in ways]
            if None not in moves:
                takers, taken, alike_here = here, which_content, alike
            else:
                has = np.array([move is not None for move in moves])
                chosen = np.flatnonzero(has[which_content])
                takers, alike_here = here[chosen], alike[chosen]
                taken = (np.cumsum(has) - 1)[which_content[chosen]]
            table = [(content, move) for content, move in zip(contents, moves, strict=True) if move is not None]
            yield self._take(kind, column, chunk, takers, table, taken, alike_here)

    def _take(
        self,
        kind: StepKind,
        column: int,
        chunk: Chunk,
        takers: Numbers,
        table: list[tuple[tuple[int, ...], Move]],
        taken: Numbers,
        alike: Numbers,
    ) -> FoundEdges:
        """The step of these states; `table`: contents with their moves, `taken`: for each state which of these."""
        changes = changes_of(chunk.packing, kind, column, table)
        labels = np.array(self.labels_of(kind, table), dtype=np.int64)
        words = changes.take(taken, axis=1)
        words[: len(chunk.words)] += chunk.words.take(takers, axis=1)
        for gate in self._gated.keys() & set(kind.columns):
            self._check_gate(kind, gate, chunk.column(gate)[takers], words, chunk.packing)
        self.symmetry.sort(words, chunk.packing, kind)
        # Any one of the idle twins takes it, which is one step; others that are alike have one each.
        weights = np.ones_like(takers) if kind.is_of_idle_twin else alike
        return FoundEdges(takers, words, weights, labels[taken])

    def _check_gate(self, kind: StepKind, gate: int, before: Values, words: Words, packing: Packing) -> None:
        """Raises `BadInputError` where the cell is gone before those who begin with it took a step."""
        gone = words[:, (before != ABSENT) & (packing.column(words, gate) == ABSENT)]
        if not gone.size:
            return
        for role in self._gated[gate]:
            if any((packing.column(gone, column) == 0).any() for column in role.columns):
                raise self.layout.gone(gate, role, kind.operation, kind.role.name)

    def labels_of(self, kind: StepKind, table: Sequence[tuple[tuple[int, ...], Move]]) -> list[int]:
        """The labels of these moves of a step; new ones get a number."""
        numbers = []
        for _, move in table:
            key = _label_key(kind, move)
            if key not in self._label_numbers:
                self._label_numbers[key] = len(self.labels)
                self.labels.append(Label(kind, move.label, move.probability, move.fault))
            numbers.append(self._label_numbers[key])
        return numbers

    def has_labels(self, kind: StepKind, content: tuple[int, ...]) -> bool:
        """Whether all ways in which a step can turn out with this content have a number."""
        return all(_label_key(kind, move) in self._label_numbers for move in kind.moves(content))


def _label_key(kind: StepKind, move: Move) -> tuple[int, str | None, float | None, int | None]:
    return id(kind), move.label, move.probability, move.fault


def changes_of(packing: Packing, kind: StepKind, column: int, table: list[tuple[tuple[int, ...], Move]]) -> Words:
    """What each of these moves, of the actor in a column, adds to the words of states with its content."""
    before = [(kind.local, *content) for content, _ in table]
    after = [(move.local, *move.cells) for _, move in table]
    return packing.changes((column, *kind.columns), before, after)


def _twins_at(role: Role, number: int, chunk: Chunk, takers: Numbers) -> Numbers:
    """How many of a role are at a local state, for each of these states."""
    if len(role.columns) == 1:
        return np.ones_like(takers)
    twins = np.stack([chunk.column(column).take(takers) for column in role.columns])
    return np.asarray((twins == number).sum(axis=0), dtype=np.int64)


def _by_number(numbers: Values, places: Numbers) -> Iterator[tuple[int, Numbers]]:
    """These places by the number that stands there."""
    here = numbers[places]
    if (here == here[:1]).all():
        yield from [(int(number), places) for number in here[:1]]
        return
    order = np.argsort(here, kind="stable")
    counts = np.bincount(here)
    end = 0
    for number in np.flatnonzero(counts).tolist():
        begin, end = end, end + int(counts[number])
        yield number, places[order[begin:end]]


def contents_in(chunk: Chunk, columns: Sequence[int], here: Numbers) -> tuple[list[tuple[int, ...]], Numbers]:
    """What different contents some columns have in these states, and for each state which of them."""
    if not columns:
        return [()], np.zeros(len(here), dtype=np.int64)
    parts = [chunk.column(column).take(here) for column in columns]
    if len(here) <= FEW:
        rows = list(zip(*[part.tolist() for part in parts], strict=True))
        contents = sorted(set(rows))
        return contents, np.array([contents.index(row) for row in rows], dtype=np.int64)
    spans = [int(part.max()) + 1 for part in parts]
    if prod(spans) >= 1 << 62:
        different, which = np.unique(np.stack(parts, axis=1), axis=0, return_inverse=True)
        return [tuple(content) for content in different.tolist()], which.ravel()
    packed = parts[0].astype(np.int64)
    for part, span in zip(parts[1:], spans[1:], strict=True):
        packed *= span
        packed += part
    if prod(spans) <= SPAN_PER_PLACE * len(here):
        is_there = np.bincount(packed) > 0
        values, which = np.flatnonzero(is_there), (np.cumsum(is_there) - 1)[packed]
    else:
        values, _, which = distinct(packed)
    return _unpacked(values, spans), which


def _unpacked(values: Numbers, spans: Sequence[int]) -> list[tuple[int, ...]]:
    """The contents of columns, from one number for all; there may be more of them than NumPy has dimensions."""
    columns = []
    for span in reversed(spans):
        values, content = np.divmod(values, span)
        columns.append(content.tolist())
    return list(zip(*reversed(columns), strict=True))
