"""Stepping by compiled loops (`kernels.py`), for searches that are large, where Numba is installed.

What a step does is worked out by Python, as ever, and in the order in which `stepping.py` would: so local states,
values, labels and states get the same numbers, and no answer tells which of the two stepped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.compiled_loops import loaded
from batchsim.engines.exhaustive.edges import FoundEdges, joined
from batchsim.engines.exhaustive.moves import StepKind
from batchsim.engines.exhaustive.packing import Content, Packing, Words, with_words
from batchsim.engines.exhaustive.reduction import EVERYBODY
from batchsim.engines.exhaustive.states import Numbers, multipliers
from batchsim.engines.exhaustive.stepping import Chunk, Stepper, contents_in
from batchsim.engines.values import ABSENT
from batchsim.model.operation import Operation

_KERNELS = "batchsim.engines.exhaustive.kernels"
_WORTH_LOADING = 300_000
"""To load what is compiled takes no longer than some such number of states does without it. To compile it takes
longer, once: it is kept beside this file, or in the user's cache."""

_WORTH_USING = 60_000
"""To tell it what is known takes about as long as so many."""

_found_in_series = 0
"""States, in all searches of this process that others like them follow."""


def kernels_for(states: int) -> ModuleType | None:
    """The compiled loops, if a search that found so many states, and goes on, is better off with them."""
    if _found_in_series >= _WORTH_LOADING:
        return _loaded()
    is_loaded = _KERNELS in sys.modules
    return _loaded() if states >= (_WORTH_USING if is_loaded else _WORTH_LOADING) else None


def note_one_of_many(states: int) -> None:
    """A search that found so many states is over, and others like it follow in this process.

    Many small ones are as good a reason as a large one to load the compiled loops, and those that follow are
    better off with them from the beginning: then nothing that is known has to be told to them.
    """
    global _found_in_series  # noqa: PLW0603
    _found_in_series += states


@cache
def _loaded() -> ModuleType | None:
    """The compiled loops, if there are any; a search asks time and again, and they are tried once."""
    return loaded(_KERNELS, _try_out)


def _try_out(kernels: ModuleType) -> None:
    """Load what was compiled, or compile it: with what it will be given, only less of it."""
    one, bits, numbers = (
        np.zeros((1, 1), dtype=np.uint64),
        np.zeros(1, dtype=np.uint64),
        np.zeros(1, dtype=np.int64),
    )
    number, flag, slots = (
        np.zeros((1, 1), dtype=np.int64),
        np.zeros(1, dtype=np.bool_),
        np.zeros(1, dtype=np.int32),
    )
    known = (
        kernels.Fields(numbers, numbers, bits, bits, bits),
        kernels.Roles(*[numbers[:0]] * 5),
        kernels.Kinds(number, number, one, numbers, flag),
        kernels.Contents(slots, number[:0], one),
        kernels.Moves(number, one),
        multipliers(1),
    )
    kernels.place_contents(*known[2:4], known[5], 0)
    kernels.step(
        one, numbers, numbers, *known, kernels.Found(one, *np.zeros((4, 1), dtype=np.int64)), number, flag
    )
    kernels.number(one, numbers, slots, one, 1, multipliers(1), *np.zeros((3, 1), dtype=np.int64))


class CompiledStepper:
    """Steps states as the `Stepper` does that it takes over from."""

    def __init__(self, stepper: Stepper, packing: Packing, kernels: ModuleType) -> None:
        """`packing`: of all states from now on."""
        self._stepper = stepper
        self._packing = packing
        self._kernels = kernels
        self._known = _Known(stepper, packing, kernels)
        self._found = self._room_for(1 << 14)
        self._unknown = np.empty((1 << 10, 3), dtype=np.int64)

    def steps(
        self, words: Words, chosen_columns: Numbers | None, look: Callable[[], None] = lambda: None
    ) -> list[FoundEdges]:
        """As `Stepper.steps`, of states packed in these words; the edges come in an order of their own.

        What it gives is good until it is asked again.
        """
        states = np.ascontiguousarray(words.T)
        chosen = np.full(len(states), EVERYBODY) if chosen_columns is None else chosen_columns
        found: list[FoundEdges] = []
        again = np.arange(len(states))
        while len(again):
            look()
            states = with_words(states.T, self._packing.words).T
            some, unknown, again = self._tried(np.ascontiguousarray(states), again, chosen)
            is_all = chosen_columns is None and not len(again) and not found
            found.append(some if is_all else some.copy())  # or its room is needed before what it gives is used
            if len(again):
                self._known.learn(Chunk(np.ascontiguousarray(states.T), self._packing), unknown)
        if self._known.is_too_much or any(self._known.may_close(edges.labels) for edges in found):
            # There it is looked at whether somebody loses the cell that it begins with.
            return self._stepper.steps(Chunk(np.ascontiguousarray(words), self._packing), chosen_columns, look)
        return [found[0] if len(found) == 1 else joined(found, self._packing.words)]

    def _tried(self, states: Words, which: Numbers, chosen: Numbers) -> tuple[FoundEdges, Numbers, Numbers]:
        """The edges of those of these states of which all is known; what is not known, and of which."""
        known = self._known.as_arrays()
        while True:
            if self._found.words.shape[1] != states.shape[1]:
                self._found = self._room_for(len(self._found.order))
            is_known = np.empty(len(which), dtype=np.bool_)
            edges, unknowns = self._kernels.step(
                states, which, chosen, *known, self._found, self._unknown, is_known
            )
            if edges <= len(self._found.order) and unknowns <= len(self._unknown):
                break
            if edges > len(self._found.order):
                self._found = self._room_for(edges * 5 // 4)
            if unknowns > len(self._unknown):
                self._unknown = np.empty((unknowns, 3), dtype=np.int64)
        words, order, sources, weights, labels = (each[:edges] for each in self._found)
        return FoundEdges(sources, words.T, weights, labels, order), self._unknown[:unknowns], which[~is_known]

    def _room_for(self, edges: int) -> Any:
        return self._kernels.Found(
            np.empty((edges, self._packing.words), dtype=np.uint64), *np.empty((4, edges), dtype=np.int64)
        )


class _Known:
    """What is known of the steps, as arrays for the compiled loops."""

    def __init__(self, stepper: Stepper, packing: Packing, kernels: ModuleType) -> None:
        self._stepper = stepper
        self._layout = layout = stepper.layout
        self._packing = packing
        self._kernels = kernels
        places = {id(role): place for place, (role, _) in enumerate(layout.exchangeable)}
        self._roles = kernels.Roles(
            first=np.array([role.columns.start for role in layout.roles]),
            columns=np.array([len(role.columns) for role in layout.roles]),
            place=np.array([places.get(id(role), kernels.NONE) for role in layout.roles]),
            pair_actors=np.array([role.columns.start for role, _ in layout.exchangeable], dtype=np.int64),
            pair_cells=np.array([cell for _, cell in layout.exchangeable], dtype=np.int64),
        )
        self._role_at = {column: number for number, role in enumerate(layout.roles) for column in role.columns}
        self._kinds: list[StepKind] = []
        self._ranges = np.full((2, len(layout.roles), 1 << 8), kernels.UNKNOWN)
        """By role and local state: the first of its steps, and the one after the last."""
        self._idle_rows = _Rows(np.int64, 1)
        self._sorts_rows = _Rows(np.bool_, 1)
        self._idle: dict[tuple[int, Operation[Any], Hashable], int] = {}
        self._contents: set[tuple[int, Content]] = set()
        self._closing: set[int] = set()
        """Labels of steps that take away a cell that somebody begins with."""
        self.is_too_much = layout.width > kernels.COLUMNS_MAX
        """Whether there is more of something than the compiled loops can tell apart."""
        self._arrays: tuple[Any, ...] | None = None
        self._fields: Any = None
        self._masks = _Rows(np.uint64, packing.words)
        self._content_rows = _Rows(np.int64, 3)
        """Of each content its step, the first of its moves and the one after the last."""
        self._keys = _Rows(np.uint64, packing.words)
        self._move_rows = _Rows(np.int64, 3)
        """Of each move the local state afterwards, its label and which of the ways it is."""
        self._changes = _Rows(np.uint64, packing.words)
        self._slots = np.full(1 << 12, kernels.UNKNOWN, dtype=np.int32)
        self._placed = 0
        """So many contents stand in it."""
        for (first, local), kinds in stepper.table.known():
            self._add_kinds(self._role_at[first], local, kinds)
        for number, kind in enumerate(self._kinds):
            contents = [each for each in kind.contents() if stepper.has_labels(kind, each)]
            self._add_contents(number, kind.role.columns.start, contents)

    def may_close(self, labels: Numbers) -> bool:
        """Whether a step of these labels may take away a cell that somebody begins with."""
        return bool(self._closing) and bool(np.isin(labels, list(self._closing)).any())

    def learn(self, chunk: Chunk, unknown: Numbers) -> None:
        """Work out what is not known (state, column, step or `UNKNOWN`), in the order of `stepping.py`.

        Where it is which steps there are, no more than that: what these find is not known either.
        """
        has_no_steps = unknown[:, 2] == self._kernels.UNKNOWN
        if has_no_steps.any():
            self._learn_kinds(chunk, unknown[has_no_steps])
            return
        groups = {(column, number) for _, column, number in unknown.tolist()}
        for column, number in sorted(groups, key=lambda each: (each[0], *self._place_of(each[1]))):
            states = unknown[(unknown[:, 1] == column) & (unknown[:, 2] == number), 0]
            contents, _ = contents_in(chunk, self._kinds[number].columns, states)
            new = [each for each in contents if (number, each) not in self._contents]
            self._add_contents(number, column, new)

    def _place_of(self, number: int) -> tuple[int, int]:
        kind = self._kinds[number]
        return kind.local, kind.position

    def _learn_kinds(self, chunk: Chunk, unknown: Numbers) -> None:
        for column in np.unique(unknown[:, 1]).tolist():
            number = self._role_at[column]
            role = self._layout.roles[number]
            for local in np.unique(chunk.column(column)[unknown[unknown[:, 1] == column, 0]]).tolist():
                self._add_kinds(number, local, self._stepper.table.kinds(role, local))

    def _add_kinds(self, role: int, local: int, kinds: Sequence[StepKind]) -> None:
        self._arrays = None
        self.is_too_much |= local >= self._kernels.LOCALS_MAX or len(kinds) > self._kernels.POSITIONS_MAX
        self._make_room_for_locals()
        self._ranges[:, role, local] = len(self._kinds), len(self._kinds) + len(kinds)
        self._kinds.extend(kinds)
        self._idle_rows.extend([[self._idle_number(kind)] for kind in kinds])
        self._sorts_rows.extend([[self._stepper.symmetry.is_moved_by(kind)] for kind in kinds])

    def _make_room_for_locals(self) -> None:
        """Let there be a range for each local state, be it that none has been asked for its steps yet."""
        count, room = max(len(role.locals) for role in self._layout.roles), self._ranges.shape[2]
        if count > room:
            more = (0, 0), (0, 0), (0, 2 * count - room)
            self._ranges = np.pad(self._ranges, more, constant_values=self._kernels.UNKNOWN)

    def _add_contents(self, number: int, column: int, contents: Sequence[Content]) -> None:
        """Add what a step, of the actor in a column, does with these contents."""
        if not contents:
            return
        self._arrays = None
        kind = self._kinds[number]
        ways = [kind.moves(content) for content in contents]
        self.is_too_much |= max(map(len, ways)) > self._kernels.WAYS_MAX
        labels: list[list[int]] = [[] for _ in contents]
        for which in range(max(map(len, ways))):
            here = [place for place, moves in enumerate(ways) if len(moves) > which]
            table = [(contents[place], ways[place][which]) for place in here]
            for place, label in zip(here, self._stepper.labels_of(kind, table), strict=True):
                labels[place].append(label)
        before = [content for content, moves in zip(contents, ways, strict=True) for _ in moves]
        after = [move.cells for moves in ways for move in moves]
        numbers = [label for some in labels for label in some]
        ends = self._move_rows.count + np.cumsum([len(moves) for moves in ways])
        begins = ends - [len(moves) for moves in ways]
        self._contents.update((number, content) for content in contents)
        self._packing.make_room(column, max((move.local for moves in ways for move in moves), default=0))
        absent = [(ABSENT,) * len(kind.columns)] * len(contents)
        added = self._added(kind, [*absent, *before], [*contents, *after])
        self._keys.extend(added[: len(contents)])
        self._content_rows.extend(np.stack([np.full(len(contents), number), begins, ends], axis=1))
        self._changes.extend(added[len(contents) :])
        self._move_rows.extend(
            [
                (move.local, label, which)
                for moves, some in zip(ways, labels, strict=True)
                for which, (move, label) in enumerate(zip(moves, some, strict=True))
            ]
        )
        gates = [place for place, each in enumerate(kind.columns) if each in self._layout.gated]
        self._closing.update(
            label
            for label, was, is_now in zip(numbers, before, after, strict=True)
            if any(was[place] != ABSENT and is_now[place] == ABSENT for place in gates)
        )

    def _added(self, kind: StepKind, before: Sequence[Content], after: Sequence[Content]) -> Words:
        """What to add to the words where the columns of a step change: a row for each."""
        return self._packing.changes(kind.columns, before, after).T

    def as_arrays(self) -> tuple[Any, ...]:
        """All that is known, for `kernels.step`."""
        if self._arrays is None:
            self._arrays = self._made()
        return self._arrays

    def _made(self) -> tuple[Any, ...]:
        kernels, packing = self._kernels, self._packing
        self._make_room_for_locals()  # the loops look there without a check
        for rows in (self._masks, self._keys, self._changes):
            rows.widen(packing.words)
        count = sum(map(len, packing.fields))
        if self._fields is None or len(self._fields.word) != count:
            self._fields = self._made_fields()
            self._masks.count = 0  # they have more bits
        self._masks.extend([self._mask(kind) for kind in self._kinds[self._masks.count :]])
        known = (
            self._fields,
            self._roles,
            kernels.Kinds(
                begin=self._ranges[0],
                end=self._ranges[1],
                mask=self._masks.rows,
                idle=self._idle_rows.rows[:, 0],
                sorts=self._sorts_rows.rows[:, 0],
            ),
            kernels.Contents(self._slots_for(len(self._keys.rows)), self._content_rows.rows, self._keys.rows),
            kernels.Moves(self._move_rows.rows, self._changes.rows),
            multipliers(packing.words),
        )
        kernels.place_contents(*known[2:4], known[5], self._placed)
        self._placed = len(self._keys.rows)
        return known

    def _made_fields(self) -> Any:
        fields = [field for column in self._packing.fields for field in column]
        return self._kernels.Fields(
            begin=np.cumsum([0, *map(len, self._packing.fields)]),
            word=np.array([field.word for field in fields]),
            shift=np.array([field.shift for field in fields], dtype=np.uint64),
            mask=np.array([field.mask for field in fields], dtype=np.uint64),
            lowest=np.array([field.lowest for field in fields], dtype=np.uint64),
        )

    def _slots_for(self, contents: int) -> NDArray[np.int32]:
        """A table with room for so many contents; of a new one none is placed."""
        if 2 * contents > len(self._slots):
            self._slots = np.full(1 << (4 * contents).bit_length(), self._kernels.UNKNOWN, dtype=np.int32)
            self._placed = 0
        return self._slots

    def _idle_number(self, kind: StepKind) -> int:
        """What an idle twin waits for, by number."""
        if not kind.is_of_idle_twin:
            return int(self._kernels.NONE)
        return self._idle.setdefault((kind.role.columns.start, kind.operation, kind.point), len(self._idle))

    def _mask(self, kind: StepKind) -> NDArray[np.uint64]:
        """The bits of the columns that a step reads or writes."""
        mask = np.zeros(self._packing.words, dtype=np.uint64)
        for field in (field for column in kind.columns for field in self._packing.fields[column]):
            mask[field.word] |= np.uint64(field.mask << field.shift)
        return mask


class _Rows:
    """An array that gets more rows."""

    def __init__(self, type_: Any, width: int) -> None:
        self._rows: NDArray[Any] = np.zeros((1 << 10, width), dtype=type_)
        self.count = 0

    @property
    def rows(self) -> NDArray[Any]:
        """All of them."""
        return self._rows[: self.count]

    def extend(self, rows: Any) -> None:
        """Add rows; where they are wider than those before, these get zeros."""
        if not len(rows):
            return
        rows = np.asarray(rows, dtype=self._rows.dtype)
        self.widen(rows.shape[1])
        end = self.count + len(rows)
        if end > len(self._rows):
            self._rows = np.pad(self._rows, ((0, end), (0, 0)))
        self._rows[self.count : end] = rows
        self.count = end

    def widen(self, width: int) -> None:
        """Let the rows be so wide, if they are not."""
        if width > self._rows.shape[1]:
            self._rows = np.pad(self._rows, ((0, 0), (0, width - self._rows.shape[1])))
