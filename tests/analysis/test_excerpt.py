from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batchsim.analysis.excerpt import ALL_MAX, excerpt
from tests.report.samples import incident, thousand


def test_a_short_run_is_whole() -> None:
    trace = incident().runs[0].trace
    assert len(trace.steps) <= ALL_MAX
    assert excerpt(trace.steps, ()) == trace.steps


STEPS = thousand().trace.steps


@given(st.frozensets(st.integers(0, len(STEPS) - 1), max_size=6))
def test_a_long_run_keeps_its_ends_and_what_is_decisive(decisive: frozenset[int]) -> None:
    parts = excerpt(STEPS, decisive)
    shown = [part.number for part in parts if not isinstance(part, int)]
    assert {0, len(STEPS) - 1, *decisive} <= set(shown)
    assert shown == sorted(shown)
    assert len(shown) + sum(part for part in parts if isinstance(part, int)) == len(STEPS)
    assert len(shown) <= 30 + 7 * len(decisive)
