"""States by number: different ones are told apart, even where their sums collide."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

import batchsim.engines.exhaustive.search as search_module
from batchsim.batch.policies import POLICIES
from batchsim.engines.exhaustive import explore
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.states import HashCollision, States
from batchsim.engines.exhaustive.sums import StateSums
from batchsim.scenario import scenario_from_data

SUBJECT = scenario_from_data({"name": "x", "batch": {"items": 1}, "consumers": 2})


def rows(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array([[value, 0] for value in values], dtype=np.uint8)


def sums(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return np.array(values, dtype=np.uint64)


def test_states_are_numbered_as_they_come() -> None:
    states = States([0, 0], 5)
    assert states.numbers_of(rows(3, 0, 1, 3), sums(9, 5, 2, 9)).tolist() == [1, 0, 2, 1]
    assert states.numbers_of(rows(1, 2), sums(2, 3)).tolist() == [2, 3]
    assert states.rows[:, 0].tolist() == [0, 3, 1, 2]


def test_a_large_value_widens_all_rows() -> None:
    states = States([0, 0], 5)
    states.numbers_of(rows(3), sums(9))
    wide = np.array([[3, 0], [300, 0]], dtype=np.uint16)
    assert states.numbers_of(wide, sums(9, 4)).tolist() == [1, 2]
    assert states.rows.tolist() == [[0, 0], [3, 0], [300, 0]]


def test_equal_sums_of_different_rows_collide() -> None:
    with pytest.raises(HashCollision):
        States([0, 0], 5).numbers_of(rows(1, 2), sums(7, 7))
    with pytest.raises(HashCollision):
        States([0, 0], 5).numbers_of(rows(1), sums(5))


class _Weak(StateSums):
    """Sums that collide, for the first two salts."""

    salts: ClassVar[list[int]] = []

    def __init__(self, layout: Layout, salt: int) -> None:
        super().__init__(layout, salt)
        self.salts.append(salt)
        self._is_weak = salt < 2

    def _number(self, column: int, value: int) -> int:
        number = super()._number(column, value)
        return number % 5 if self._is_weak else number


def test_a_search_begins_again_with_other_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = explore(SUBJECT, POLICIES["pr3427"])
    monkeypatch.setattr(_Weak, "salts", [])
    monkeypatch.setattr(search_module, "StateSums", _Weak)
    again = explore(SUBJECT, POLICIES["pr3427"])
    assert _Weak.salts == [0, 1, 2]
    assert np.array_equal(again.graph.rows, usual.graph.rows)
    assert np.array_equal(again.graph.targets, usual.graph.targets)
