"""Records arrive in any order, and come to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.analysis.sweep.records import Records, RunEnd, RunsRecord, SweepCell

CELL = SweepCell("a", "b")
OK, BAD, TWO = RunEnd(("ok",)), RunEnd(("false_failure",), (0, 2)), RunEnd(("false_failure", "stuck"), (2,))


@given(st.lists(st.sampled_from([OK, BAD, TWO]), min_size=1, max_size=40), st.data())
def test_what_is_known_does_not_depend_on_the_order_of_arrival(ends: list[RunEnd], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(ends)))) | {len(ends)})
    parts = [RunsRecord(CELL, begin, tuple(ends[begin:end])) for begin, end in zip([0, *cuts], cuts, strict=False)]
    records = Records()
    for record in data.draw(st.permutations(parts)):
        records.add([record])
    assert records.covered(CELL) == [range(len(ends))]
    assert records.prefix([CELL]) == len(ends)
    for name in ("ok", "false_failure", "stuck", "never"):
        assert list(records.having(CELL, name, len(ends))) == [name in each.verdicts for each in ends]
    for number in range(3):
        assert records.happened(CELL, number, len(ends)) == sum(number in each.faults for each in ends)


def test_what_is_missing_is_known_to_be() -> None:
    records = Records()
    records.add(
        [
            RunsRecord(CELL, 5, (OK, OK)),
            RunsRecord(CELL, 0, (BAD,)),
            RunsRecord(SweepCell("other", "b"), 0, (OK, OK)),
        ]
    )
    assert records.covered(CELL) == [range(1), range(5, 7)]
    assert records.prefix([CELL, SweepCell("other", "b")]) == 1
    assert records.prefix([CELL, SweepCell("unknown", "b")]) == 0


@pytest.mark.parametrize(("first", "count"), [(0, 3), (2, 3), (3, 1), (4, 3), (0, 9)])
def test_no_run_is_counted_twice(first: int, count: int) -> None:
    records = Records()
    records.add([RunsRecord(CELL, 2, (OK, OK, BAD))])
    with pytest.raises(ValueError, match="are known already"):
        records.add([RunsRecord(CELL, first, (OK,) * count)])
