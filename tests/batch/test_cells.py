"""Values of cells can be frozen into something hashable, and thawed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from batchsim.batch.stores import Answer, BatchRow, Message, Status
from batchsim.exact import exact
from batchsim.model.cells import Cells, freeze, thaw

NUMBERS = st.integers(0, 5)
MUTABLE = st.one_of(
    st.sets(NUMBERS),
    st.dictionaries(NUMBERS, NUMBERS),
    st.lists(NUMBERS),
    st.lists(st.builds(Message, NUMBERS, NUMBERS)).map(deque),
)
IMMUTABLE = st.one_of(
    NUMBERS, st.booleans(), st.builds(BatchRow, st.sampled_from(Status)), st.builds(Answer, NUMBERS)
)


@given(st.one_of(MUTABLE, IMMUTABLE))
def test_what_is_frozen_is_hashable_and_thaws_to_the_same(value: object) -> None:
    frozen = freeze(value)
    hash(frozen)
    thawed = thaw(frozen)
    assert thawed == value
    assert type(thawed) is type(value)


@given(MUTABLE)
def test_what_is_thawed_is_a_copy(value: object) -> None:
    frozen = freeze(value)
    first, second = thaw(frozen), thaw(frozen)
    assert first is not second
    first.clear()
    assert second == value


@given(MUTABLE, MUTABLE)
def test_equal_values_freeze_to_equal_values_and_others_do_not(one: object, other: object) -> None:
    is_same = type(one) is type(other) and one == other
    assert (freeze(one) == freeze(other) and type(freeze(one)) is type(freeze(other))) == is_same


def test_an_absent_cell_holds_nothing() -> None:
    cells = Cells()
    assert cells.read("a") is None
    assert not cells.delete("a")
    cells.modify("a", set[int]).add(3)
    assert cells.read("a") == {3}
    assert cells.delete("a")
    assert cells.read("a") is None


@dataclass(frozen=True)
class Holder:
    value: object


class Named(NamedTuple):
    value: object


class Level(IntEnum):
    LOW = 0


class Word(StrEnum):
    NONE = ""


ALIKE = st.recursive(
    st.sampled_from(
        [
            0,
            False,
            0.0,
            -0.0,
            Decimal(0),
            Fraction(0),
            Level.LOW,
            1,
            True,
            1.0,
            None,
            "",
            Word.NONE,
            Status.PENDING,
        ]
    ),
    lambda parts: st.one_of(
        st.lists(parts, max_size=3).map(tuple),
        st.frozensets(parts, max_size=3),
        st.builds(Holder, parts),
        st.builds(Named, parts),
    ),
    max_leaves=4,
)


def spelled(value: object) -> object:
    """A value by how it is written, which tells 1, 1.0 and True apart."""
    match value:
        case Named():
            return ("named", spelled(value.value))
        case tuple():
            return ("tuple", *map(spelled, value))
        case frozenset():
            return ("set", frozenset(map(spelled, value)))
        case Holder():
            return ("holder", spelled(value.value))
    return repr(value)


@given(ALIKE, ALIKE)
def test_what_python_calls_equal_is_one_only_if_it_is_of_the_same_types(one: Hashable, other: Hashable) -> None:
    assert (exact(one) == exact(other)) == (spelled(one) == spelled(other))
    assert exact(one) == exact(one)
    hash(exact(one))
