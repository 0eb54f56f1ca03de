"""Durations are exact in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.durations import DURATION_US_MAX, InvalidDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "us"),
    [
        (0, 0),
        ("0 s", 0),
        ("850 us", 850),
        ("11ms", 11_000),
        ("0.1 s", 100_000),
        ("1.000001 s", 1_000_001),
        ("4.35 ms", 4_350),
        ("1.5 min", 90_000_000),
        ("2 h", 7_200_000_000),
        ("720 h", DURATION_US_MAX),
    ],
)
def test_a_duration_is_a_whole_number_of_microseconds(text: object, us: int) -> None:
    assert parse_duration(text) == us


UNIT = r"a number with a unit \(us, ms, s, min, h\)"


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (5, UNIT),
        (True, UNIT),
        (False, UNIT),
        (None, UNIT),
        ([], UNIT),
        ("", UNIT),
        ("5", UNIT),
        ("-1 s", UNIT),
        ("1 sec", UNIT),
        ("1e3 s", UNIT),
        ("1:30", UNIT),
        (".5 s", UNIT),
        ("٣ s", UNIT),
        ("9" * 5000 + " s", UNIT),
        ("1 s\n", UNIT),
        ("1.5 us", "a whole number of microseconds"),
        ("0.0000001 s", "a whole number of microseconds"),
        ("720.000001 h", "at most 30 days"),
        ("2592000000001 us", "at most 30 days"),
    ],
)
def test_whatever_else_is_refused_with_what_is_allowed(value: object, allowed: str) -> None:
    with pytest.raises(InvalidDuration, match=allowed):
        parse_duration(value)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0 us"),
        (850, "850 us"),
        (11_000, "11 ms"),
        (1_001, "1.001 ms"),
        (6_048_000, "6.048 s"),
        (61_000_000, "61 s"),
        (90_000_000, "90 s"),
        (1_800_000_000, "30 min"),
        (7_200_000_000, "2 h"),
        (3_600_000_001, "3600.000001 s"),
        (-5_500, "-5.5 ms"),
    ],
)
def test_people_see_the_unit_that_suits_the_size(us: int, text: str) -> None:
    assert format_duration(us) == text


@given(st.integers(0, DURATION_US_MAX))
def test_formatting_loses_nothing(us: int) -> None:
    assert parse_duration(format_duration(us)) == us
