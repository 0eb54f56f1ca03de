"""States are packed into words, and found again by them: whatever their columns hold, and however these grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchsim.engines.exhaustive.packing as packing_module
import batchsim.engines.exhaustive.states as states_module
from batchsim.engines.exhaustive.packing import Packing, with_words
from batchsim.engines.exhaustive.states import States
from tests.trying import examples

COLUMNS = 40
values = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 2**20))
rows = st.lists(st.lists(values, min_size=COLUMNS, max_size=COLUMNS), min_size=1, max_size=6)
"""Some states; of forty columns with up to 21 bits not all are in one word."""


@settings(deadline=None, max_examples=examples(50, searched=500))
@given(st.lists(rows, min_size=1, max_size=6), st.booleans())
def test_states_are_numbered_as_they_come_and_keep_what_their_columns_hold(
    chunks: list[list[list[int]]], stays_tidy: bool
) -> None:
    packing = Packing(COLUMNS, [range(2, 5)])
    states = States(packing, packing.packed(np.array([[0] * COLUMNS])))
    known = [[0] * COLUMNS]
    for chunk in chunks:
        found = states.numbers_of(states.packing.packed(np.array(chunk)))
        if stays_tidy:
            states.tidy()
            assert states.packing.is_tidy
        known += [row for place, row in enumerate(chunk) if row not in known and row not in chunk[:place]]
        assert found.tolist() == [known.index(row) for row in chunk]
        assert states.packing.rows(states.words).tolist() == known


@settings(deadline=None, max_examples=examples(50, searched=500))
@given(rows, rows, st.sampled_from([0, packing_module.FEW]))
def test_a_step_adds_the_same_to_all_states_that_agree_where_it_changes_something(
    before: list[list[int]], after: list[list[int]], few: int
) -> None:
    packing, changed = Packing(COLUMNS), [1, 7, 30]
    states, target = np.array(before), np.array(after[:1])
    states[:, changed] = states[0, changed]
    words = packing.packed(states)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packing_module, "FEW", few)
        changes = packing.changes(changed, states[:1, changed].tolist(), target[:, changed].tolist())
    states[:, changed] = target[0, changed]
    assert packing.rows(with_words(words, packing.words) + changes).tolist() == states.tolist()


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("_places", lambda hashes, places: np.full(len(hashes), places - 2)),
        ("_hashes", lambda words: np.zeros(words.shape[1], dtype=np.uint64)),
    ],
)
def test_states_with_the_same_place_or_the_same_hash_are_told_apart(
    name: str, same: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states_module, name, same)
    packing = Packing(1)
    states = States(packing, packing.packed(np.array([[0]])))
    assert states.numbers_of(packing.packed(np.array([[5], [0], [9], [5]]))).tolist() == [1, 0, 2, 1]
    many = np.arange(3000)[:, None]
    found = states.numbers_of(packing.packed(many[:300]))
    assert len(set(found.tolist())) == 300
    assert states.packing.rows(states.words)[found].tolist() == many[:300].tolist()


def test_states_that_differ_in_high_bits_alone_have_different_hashes() -> None:
    high = np.arange(16, dtype=np.uint64) << np.uint64(60)
    words = np.stack([np.repeat(high, 16), np.tile(high, 16)])
    assert len(np.unique(states_module._hashes(words))) == 256
