"""Strategies for Hypothesis: any scenario of the batch, its policies, and latencies.

Needs Hypothesis (`pip install batchsim[testing]`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from batchsim.batch.operations import OPERATIONS
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.scenario import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Latency,
    Legs,
    Lognormal,
    Normal,
    RoundTrip,
    Scenario,
    Uniform,
    scenario_from_data,
)

__all__ = ["distributions", "durations_us", "latencies", "policies", "scenarios", "seeds"]


def durations_us() -> SearchStrategy[int]:
    """Durations in microseconds: small ones make ties, large ones let whole phases overtake each other."""
    return st.one_of(st.integers(0, 3), st.integers(0, 5_000), st.integers(0, 3_000_000))


def seeds() -> SearchStrategy[int]:
    """Any seed."""
    return st.integers(0, 2**64 - 1)


def distributions() -> SearchStrategy[Distribution]:
    """Every distribution that a scenario can name."""
    return st.one_of(
        durations_us().map(Constant),
        _ends_us().map(lambda ends: Uniform(*ends)),
        _normals(),
        _lognormals(),
        _exponentials(),
        st.lists(durations_us(), min_size=1, max_size=4).map(lambda samples: Empirical(tuple(samples))),
    )


def latencies() -> SearchStrategy[Latency]:
    """Round trips, and two legs by themselves."""
    return st.one_of(distributions().map(RoundTrip), st.builds(Legs, distributions(), distributions()))


def policies() -> SearchStrategy[Policy]:
    """Any policy that batchsim ships."""
    return st.sampled_from(list(POLICIES.values()))


@st.composite
def scenarios(draw: st.DrawFn, *, max_items: int = 6, max_consumers: int = 4) -> Scenario:
    """Any scenario of the batch without faults, of up to so many items and consumers, with any latencies."""
    count = draw(st.integers(1, max_items))
    data: dict[str, Any] = {
        "name": "generated",
        "batch": {
            "items": count,
            "call": draw(st.sampled_from(["batchTrigger", "batchTriggerAndWait"])),
        },
        "items": draw(_items(count)),
        "consumers": draw(st.integers(1, max_consumers)),
        "seed": draw(seeds()),
    }
    ingest_concurrency = draw(st.sampled_from([None, None, 1, 2, 3]))
    if ingest_concurrency is not None:
        data["ingest_concurrency"] = ingest_concurrency
    scenario = scenario_from_data(data)
    table = scenario.latencies
    of_operation = draw(_latency_of_operation(table.of_operation))
    return replace(scenario, latencies=replace(table, of_operation=of_operation))


# -- parts -------------------------------------------------------------------------------------


def _ends_us() -> SearchStrategy[tuple[int, int]]:
    return st.tuples(durations_us(), durations_us()).map(lambda ends: (min(ends), max(ends)))


@st.composite
def _cuts(draw: st.DrawFn) -> tuple[int, int, int | None]:
    """The shortest, a centre between, and the longest, if there is one."""
    min_us, centre_us, max_us = sorted(draw(st.tuples(durations_us(), durations_us(), durations_us())))
    return min_us, max(centre_us, 1), draw(st.sampled_from([None, max(max_us, 1)]))


@st.composite
def _normals(draw: st.DrawFn) -> Normal:
    min_us, mean_us, max_us = draw(_cuts())
    return Normal(mean_us, draw(st.integers(1, 100_000)), min_us, max_us)


@st.composite
def _lognormals(draw: st.DrawFn) -> Lognormal:
    min_us, median_us, max_us = draw(_cuts())
    return Lognormal(median_us, median_us + draw(st.integers(1, 100_000)), min_us, max_us)


@st.composite
def _exponentials(draw: st.DrawFn) -> Exponential:
    min_us, mean_us, max_us = draw(_cuts())
    return Exponential(mean_us, min_us, max_us)


@st.composite
def _latency_of_operation(draw: st.DrawFn, usual: Mapping[str, Latency]) -> dict[str, Latency]:
    """Usual ones, or the same for all, and a few that differ."""
    everywhere = draw(st.one_of(st.none(), durations_us().map(Constant)))
    base = dict(usual) if everywhere is None else dict.fromkeys(OPERATIONS, RoundTrip(everywhere))
    return base | draw(st.dictionaries(st.sampled_from(list(OPERATIONS)), latencies(), max_size=8))


@st.composite
def _items(draw: st.DrawFn, count: int) -> dict[str, Any]:
    def fields() -> dict[str, Any]:
        return draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "kind": st.sampled_from(["ok", "ok", "expires", "pre_failed", "rejected"]),
                    "upload": durations_us().map(_duration),
                    "execution": durations_us().map(_duration),
                    "failed_attempts": st.sampled_from([0, 0, 1, 2, 5]),
                },
            )
        )

    special = draw(st.lists(st.integers(0, count - 1), unique=True, max_size=3))
    return {**fields(), "overrides": [{"index": index, **fields()} for index in special]}


def _duration(us: int) -> str:
    return f"{us} us"
