"""Fields that are varied, as the user writes them."""

from __future__ import annotations

import pytest

from batchsim.analysis.sweep.varying import parse_axes, points_of
from batchsim.bad_input import BadInputError


@pytest.mark.parametrize(
    ("option", "texts"),
    [
        ("items.execution=1 s..3 s:3", ["1 s", "2 s", "3 s"]),
        ("latency.operations.redis.record.request=0..1 ms:3", ["0 us", "500 us", "1 ms"]),
        ("items.execution=1 us..10 us:4", ["1 us", "4 us", "7 us", "10 us"]),
        ("items.execution=3 s..1 s:3", ["3 s", "2 s", "1 s"]),
        ("items.execution=1 ms..1 s:4:log", ["1 ms", "10 ms", "100 ms", "1 s"]),
        ("batch.items=1..5:5", ["1", "2", "3", "4", "5"]),
        ("batch.items=1..100:3:log", ["1", "10", "100"]),
        ("x=0.5..1.5:3", ["0.5", "1", "1.5"]),
        ("faults.0.lost_response.probability=0%..1%:3", ["0%", "0.5%", "1%"]),
    ],
)
def test_steps_go_from_end_to_end(option: str, texts: list[str]) -> None:
    (axis,) = parse_axes([option])
    assert axis.name == option.partition("=")[0]
    assert [value.text for value in axis.values] == texts


def test_two_axes_are_all_pairs_and_their_order_is_no_part_of_a_point() -> None:
    first, second = "a=1..2:2", "b=1 ms..3 ms:3"
    points = points_of(parse_axes([first, second]))
    assert [point.overrides for point in points[:4]] == [
        ("a=1", "b=1 ms"),
        ("a=1", "b=2 ms"),
        ("a=1", "b=3 ms"),
        ("a=2", "b=1 ms"),
    ]
    assert {point.key for point in points} == {point.key for point in points_of(parse_axes([second, first]))}
    assert len(points_of(())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["items.execution"], "found no axis; allowed: NAME=A..B:STEPS"),
        (["a=1..2"], "found no axis"),
        (["a=1..2:1"], "found 1 steps; allowed: 2 to 1000"),
        (["a=x..2:3"], "found 'x'; allowed: a number with a unit"),
        (["a=1 ms..2:3"], "found ends of different kinds"),
        (["a=1..3:5"], "found a value twice; allowed: as many steps as there are whole numbers"),
        (["a=1 us..3 us:5"], "found a value twice; allowed: steps of a microsecond at least"),
        (["a=0..3:2:log"], "allowed: ends above 0"),
        (["a=1..2:2", "a=3..4:2"], "found a twice"),
        (["a=1..2:2", "b=3..4:2", "c=3..4:2"], "found 3 names; allowed: at most 2"),
    ],
)
def test_what_is_no_axis_is_one_message(options: list[str], message: str) -> None:
    with pytest.raises(BadInputError) as error:
        parse_axes(options)
    assert message in str(error.value)
