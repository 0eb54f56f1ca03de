"""The inner loops of a large search, compiled by Numba.

They do what `stepping.py`, `symmetry.py` and `states.py` do in NumPy, and find the same states under the same
numbers. Only they import Numba, which takes a while: `compiled.py` asks for them once a search is large.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
"""Packed states: a row for each."""

UNKNOWN = -1
NONE = -1
EVERYBODY = -1
"""As `reduction.EVERYBODY`."""
WORD_BITS = 64
TOGETHER = 256
"""So many states are looked up together."""
SLOT_SHIFT = 40
"""Of a hash, the highest bits tell most: enough of them for 2^24 contents."""


class Fields(NamedTuple):
    """Where the columns stand in the words (`packing.py`); those of column c are `begin[c]` to `begin[c + 1]`."""

    begin: Ints
    word: Ints
    shift: Words
    mask: Words
    lowest: Words


class Roles(NamedTuple):
    """Who steps: a row for each role."""

    first: Ints
    """Its first column."""
    columns: Ints
    """How many it has."""
    place: Ints
    """Its place among those that are exchanged, or `NONE`."""
    pair_actors: Ints
    """Of those that are exchanged: the column of the actor."""
    pair_cells: Ints
    """And that of the cell that it begins with."""


class Kinds(NamedTuple):
    """The steps by role and local state, and what is known of each."""

    begin: NDArray[np.int64]
    """By role and local state: the first of its steps, or `UNKNOWN`."""
    end: NDArray[np.int64]
    mask: Words
    """By step: the bits of the columns that it reads or writes."""
    idle: Ints
    """What an idle twin waits for, by number; `NONE`: it is no such step."""
    sorts: NDArray[np.bool_]
    """Whether those that are exchanged are sorted after it."""


class Contents(NamedTuple):
    """What the columns of a step were met to hold."""

    slots: NDArray[np.int32]
    """Their numbers, or `UNKNOWN`: a table with open addressing, as long as a power of two."""
    row: Ints
    """Of each the step, the first of its moves, and the one after the last."""
    key: Words
    """The words, all bits but those of its columns cleared."""


class Moves(NamedTuple):
    """The ways in which steps can turn out."""

    row: Ints
    """Of each the local state of the actor afterwards, its label, and which of the ways of its step it is."""
    change: Words
    """What is added to the words, the actor's own column aside."""


class Found(NamedTuple):
    """Room for what a chunk of states leads to: a row for each edge."""

    words: Words
    order: Ints
    """Sorts the edges as `stepping.py` finds them: by column, local state, operation, way, source."""
    sources: Ints
    weights: Ints
    labels: Ints


SOURCE_BITS, WAY_BITS, POSITION_BITS, LOCAL_BITS = 16, 8, 6, 22
"""Of a number in `Found.order`, from the lowest; the others are of the column."""
WAYS_MAX, POSITIONS_MAX, LOCALS_MAX = 1 << WAY_BITS, 1 << POSITION_BITS, 1 << LOCAL_BITS
COLUMNS_MAX = 1 << (WORD_BITS - 1 - SOURCE_BITS - WAY_BITS - POSITION_BITS - LOCAL_BITS)


@njit(inline="always")
def _value(words: Any, fields: Any, column: int) -> Any:
    """What a column holds in a state."""
    first = fields.begin[column]
    value = (words[fields.word[first]] >> fields.shift[first]) & fields.mask[first]
    for field in range(first + 1, fields.begin[column + 1]):
        bits = (words[fields.word[field]] >> fields.shift[field]) & fields.mask[field]
        value |= bits << fields.lowest[field]
    return value


@njit(inline="always")
def _put(words: Any, fields: Any, column: int, value: Any) -> None:
    """Let it hold another value, for which there is room."""
    for field in range(fields.begin[column], fields.begin[column + 1]):
        mask, shift, word = fields.mask[field], fields.shift[field], fields.word[field]
        bits = (value >> fields.lowest[field]) & mask
        words[word] = (words[word] & ~(mask << shift)) | (bits << shift)


@njit(inline="always")
def _finished(hash_: Any, factors: Any) -> Any:
    return (hash_ ^ (hash_ >> np.uint64(32))) * factors[0]


@njit(inline="always")
def _slot_of(words: Any, kind: int, kinds: Any, contents: Any, factors: Any) -> Any:
    """Where in the table stands what the columns of a step hold in a state, or would stand."""
    hash_ = np.uint64(kind)
    for word in range(len(words)):
        hash_ += (words[word] & kinds.mask[kind, word]) * factors[word]
    last = len(contents.slots) - 1
    slot = np.int64(_finished(hash_, factors) >> np.uint64(SLOT_SHIFT)) & last
    while True:
        content = contents.slots[slot]
        if content == UNKNOWN:
            return slot
        differs = np.uint64(contents.row[content, 0] ^ kind)
        for word in range(len(words)):
            differs |= contents.key[content, word] ^ (words[word] & kinds.mask[kind, word])
        if differs == 0:
            return slot
        slot = (slot + 1) & last


@njit(cache=True)
def place_contents(kinds: Any, contents: Any, factors: Any, begin: int) -> None:
    """Let the contents from a number on stand in the table; none of them is there."""
    words = np.empty(contents.key.shape[1], dtype=np.uint64)
    for content in range(begin, len(contents.row)):
        for word in range(len(words)):
            words[word] = contents.key[content, word]
        slot = _slot_of(words, contents.row[content, 0], kinds, contents, factors)
        contents.slots[slot] = content


@njit(inline="always")
def _sort_twins(words: Any, fields: Any, first: int, count: int) -> None:
    """Sort the actors of a role in a state: one of them came out of place."""
    for one in range(first + 1, first + count):
        column = one
        value = _value(words, fields, column)
        while column > first:
            before = _value(words, fields, column - 1)
            if before <= value:
                break
            _put(words, fields, column, before)
            column -= 1
        if column != one:
            _put(words, fields, column, value)


@njit(inline="always")
def _look_at_pairs(words: Any, fields: Any, roles: Any, pairs: Any) -> None:
    """Of each exchangeable actor of a state where it is, and what its cell holds."""
    for place in range(len(pairs)):
        pairs[place, 0] = _value(words, fields, roles.pair_actors[place])
        pairs[place, 1] = _value(words, fields, roles.pair_cells[place])


@njit(inline="always")
def _sort_pairs(words: Any, fields: Any, roles: Any, pairs: Any) -> None:
    """Sort the exchangeable actors of a state, with their cells, where these are there."""
    _look_at_pairs(words, fields, roles, pairs)
    has_changed = False
    for one in range(len(pairs)):
        for other in range(one + 1, len(pairs)):
            are_there = pairs[one, 1] != 0 and pairs[other, 1] != 0
            actor, cell = pairs[one, 0], pairs[one, 1]
            is_later = actor > pairs[other, 0] or (actor == pairs[other, 0] and cell > pairs[other, 1])
            if are_there and is_later:
                pairs[one, 0], pairs[one, 1] = pairs[other, 0], pairs[other, 1]
                pairs[other, 0], pairs[other, 1] = actor, cell
                has_changed = True
    if has_changed:
        for place in range(len(pairs)):
            _put(words, fields, roles.pair_actors[place], pairs[place, 0])
            _put(words, fields, roles.pair_cells[place], pairs[place, 1])


@njit(inline="always")
def _alike_pairs(pairs: Any, place: int) -> int:
    """How many of those that are exchanged are as the one at a place is; 0: one of them stands before it."""
    if pairs[place, 1] == 0:
        return 1
    alike = 0
    for other in range(len(pairs)):
        if pairs[other, 0] == pairs[place, 0] and pairs[other, 1] == pairs[place, 1]:
            if other < place:
                return 0
            alike += 1
    return alike


@njit(inline="always")
def _note(unknown: Any, unknowns: int, source: int, column: int, kind: int) -> int:
    if unknowns < len(unknown):
        unknown[unknowns, 0] = source
        unknown[unknowns, 1] = column
        unknown[unknowns, 2] = kind
    return unknowns + 1


@njit(cache=True)
def step(
    states: Any,
    which: Any,
    chosen_columns: Any,
    fields: Any,
    roles: Any,
    kinds: Any,
    contents: Any,
    moves: Any,
    factors: Any,
    found: Any,
    unknown: Any,
    is_known: Any,
) -> tuple[int, int]:
    """Every step of some states (`which`, of all): how many edges there are, and how many things are not known.

    The edges come into `found`, and what is not known into `unknown` (state, column, step or `UNKNOWN` where it is
    which steps there are), both as far as there is room. `is_known`: whether all is known of a state; of others
    there are no edges.
    """
    width = states.shape[1]
    edges, unknowns = 0, 0
    idle = np.empty(len(kinds.idle) + 1, dtype=np.int64)
    words = np.empty(width, dtype=np.uint64)
    target = np.empty(width, dtype=np.uint64)
    pairs = np.empty((len(roles.pair_actors), 2), dtype=np.uint64)
    pairs_after = np.empty_like(pairs)
    for number in range(len(which)):
        source = which[number]
        for word in range(width):
            words[word] = states[source, word]
        begin_edges, begin_unknowns = edges, unknowns
        chosen = chosen_columns[source]
        _look_at_pairs(words, fields, roles, pairs)
        for role in range(len(roles.first)):
            first, count = roles.first[role], roles.columns[role]
            idle_met = 0
            alike = 1
            if roles.place[role] != NONE:
                alike = _alike_pairs(pairs, roles.place[role])
                if alike == 0 and chosen != first:
                    continue
            before = np.int64(-1)
            for column in range(first, first + count):
                local = np.int64(_value(words, fields, column))
                # Among sorted twins, the first of those that are alike steps for all of them.
                if chosen != column and (chosen != EVERYBODY or local == before):
                    continue
                before = local
                if kinds.begin[role, local] == UNKNOWN:
                    unknowns = _note(unknown, unknowns, source, column, UNKNOWN)
                    continue
                if count > 1:
                    alike = 1
                    for twin in range(column + 1, first + count):
                        if np.int64(_value(words, fields, twin)) != local:
                            break
                        alike += 1
                begin_kind, end_kind = kinds.begin[role, local], kinds.end[role, local]
                for kind in range(begin_kind, end_kind):
                    is_idle = kinds.idle[kind] != NONE
                    if is_idle:
                        met = False
                        for place in range(idle_met):
                            if idle[place] == kinds.idle[kind]:
                                met = True
                        if met:
                            continue
                    content = contents.slots[_slot_of(words, kind, kinds, contents, factors)]
                    if content == UNKNOWN:
                        unknowns = _note(unknown, unknowns, source, column, kind)
                        continue
                    for move in range(contents.row[content, 1], contents.row[content, 2]):
                        if edges < len(found.order):
                            for word in range(width):
                                target[word] = words[word] + moves.change[move, word]
                            _put(target, fields, column, np.uint64(moves.row[move, 0]))
                            if count > 1:
                                _sort_twins(target, fields, first, count)
                            if kinds.sorts[kind]:
                                _sort_pairs(target, fields, roles, pairs_after)
                            for word in range(width):
                                found.words[edges, word] = target[word]
                            order: Any = column
                            order = order << LOCAL_BITS | local
                            order = order << POSITION_BITS | (kind - begin_kind)
                            order = order << WAY_BITS | moves.row[move, 2]
                            found.order[edges] = order << SOURCE_BITS | source
                            found.sources[edges] = source
                            found.weights[edges] = 1 if is_idle else alike
                            found.labels[edges] = moves.row[move, 1]
                        edges += 1
                for kind in range(begin_kind, end_kind):
                    if kinds.idle[kind] != NONE:
                        idle[idle_met] = kinds.idle[kind]
                        idle_met += 1
        is_known[number] = unknowns == begin_unknowns
        if not is_known[number]:
            edges = begin_edges
    return edges, unknowns


@njit(inline="always")
def _are_equal(rows: Any, row: int, words: Any, edge: int) -> Any:
    """Whether two states are one."""
    differs = np.uint64(0)
    for word in range(rows.shape[1]):
        differs |= rows[row, word] ^ words[edge, word]
    return differs == 0


@njit(cache=True)
def number(
    words: Any, order: Any, table: Any, rows: Any, known: int, factors: Any, numbers: Any, least: Any, places: Any
) -> int:
    """Number states as they come: those that are not known get the next number, and a row. How many were new.

    `table`: numbers at the places of their states (`states.py`), as long as a power of two. Of what is new, the
    least in `order` comes into `least`, and its place into `places`.
    """
    width = rows.shape[1]
    shift = np.uint64(WORD_BITS + 1)
    length = len(table)
    while length > 0:
        length >>= 1
        shift -= np.uint64(1)
    last = len(table) - 1
    new = 0
    begins, there_first = np.empty((2, TOGETHER), dtype=np.int64)
    for begin in range(0, len(words), TOGETHER):
        # Memory answers slowly, and many at once: first of several states all that each looks at in any case.
        end = min(begin + TOGETHER, len(words))
        for edge in range(begin, end):
            hash_ = np.uint64(0)
            for word in range(width):
                mixed = words[edge, word] * factors[2 * word]
                mixed ^= mixed >> np.uint64(32)
                hash_ += mixed * factors[2 * word + 1]
            begins[edge - begin] = np.int64(_finished(hash_, factors) >> shift)
        for edge in range(begin, end):
            there_first[edge - begin] = table[begins[edge - begin]]
        for edge in range(begin, end):
            there = there_first[edge - begin]
            there_first[edge - begin] = there if _are_equal(rows, max(there, 0), words, edge) else UNKNOWN
        for edge in range(begin, end):
            there = there_first[edge - begin]
            place = begins[edge - begin]
            while there == UNKNOWN:
                there = np.int64(table[place])
                if there < 0:
                    there = known + new
                    table[place] = there
                    for word in range(width):
                        rows[there, word] = words[edge, word]
                    least[new] = order[edge]
                    places[new] = place
                    new += 1
                elif not _are_equal(rows, there, words, edge):
                    there = UNKNOWN
                    place = (place + 1) & last
            if there >= known and order[edge] < least[there - known]:
                least[there - known] = order[edge]
            numbers[edge] = there
    return new
