"""Crowded explorations: what is claimed is what both searches say; else all zones are looked into."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest

from batchsim.batch.policies import POLICIES
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds
from batchsim.engines.zones import bracketing, explore_timed
from batchsim.engines.zones.bracketing import hulls, searched, widest
from batchsim.engines.zones.layout import TimedLayout
from batchsim.engines.zones.search import ZoneSearch
from batchsim.engines.zones.state_class import Guide
from batchsim.engines.zones.step import ZoneStepper
from batchsim.engines.zones.windows import NEVER_US, Windows
from batchsim.scenario import Scenario, scenario_from_data
from tests.engines.test_zones import check_witnesses, classes


def two_items(**fields: Any) -> Scenario:
    return scenario_from_data({"name": "x", "batch": {"items": 2}, "consumers": 2, **fields})


def stepper_of(scenario: Scenario, policy: str) -> ZoneStepper:
    guide = Guide(StepTable(TimedLayout(scenario.system(POLICIES[policy]), scenario)))
    return ZoneStepper(guide, Windows(scenario.latency_of))


def states(search: ZoneSearch) -> Hashable:
    return frozenset(node.state_class.row for node in search.nodes)


TOLD_APART = {"overrides": [{"index": 1, "kind": "pre_failed"}]}


@pytest.mark.parametrize(
    ("policy", "items", "is_seen_through"),
    [("pr3427", {}, False), ("pr4397", {}, False), ("pr4397", TOLD_APART, True)],
)
def test_what_hulls_alone_allow_is_not_claimed(
    policy: str, items: Any, is_seen_through: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bracketing, "CROWDED", 2)
    stepper = stepper_of(two_items(items=items), policy)
    exact, wide = ZoneSearch(stepper), ZoneSearch(stepper, hulls)
    exact.run(UNBOUNDED)
    wide.run(UNBOUNDED)
    assert wide.zones < exact.zones
    assert (states(wide) != states(exact)) == is_seen_through
    found = searched(stepper, states, UNBOUNDED)
    assert states(found.all) == states(found.possible) == states(exact)
    assert (found.all is found.possible) == is_seen_through


def test_the_answer_is_that_of_all_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    late = {"operations": {"redis.enqueued_count": {"request": {"uniform": ["200 us", "80 ms"]}, "response": 0}}}
    subject = two_items(latency=late)
    exact = explore_timed(subject, POLICIES["pr3427"])
    monkeypatch.setattr(bracketing, "CROWDED", 2)
    bracketed = explore_timed(subject, POLICIES["pr3427"])
    assert "false_failure" in exact.verdicts
    assert classes(bracketed) == classes(exact)
    assert bracketed.is_proof
    assert bracketed.zones < exact.zones
    check_witnesses(subject, "pr3427", bracketed)


def test_a_bound_holds_for_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bracketing, "CROWDED", 2)
    bounded = explore_timed(two_items(), POLICIES["pr3427"], bounds=Bounds(states_max=100))
    assert bounded.stopped_by == "stopped at 100 zones (--max-states)"
    assert not bounded.is_complete


def test_hulls_keep_what_may_never_come_apart_from_what_has_to() -> None:
    zones = np.array([[[0, 3], [1, 0]], [[0, 9], [-7, 0]], [[0, NEVER_US], [-20, 0]]])
    joined, members = hulls(zones, [[0], [1], [2]])
    assert joined.tolist() == [[[0, 9], [1, 0]], [[0, NEVER_US], [-20, 0]]]
    assert members == [[0, 1], [2]]


def test_some_zones_are_kept_as_they_are() -> None:
    zones = np.array([[[0, 3], [1, 0]], [[0, 9], [-7, 0]], [[0, 2], [0, 0]], [[0, 30], [-20, 0]]])
    kept, members = widest(2, zones, [[0], [1], [2], [3]])
    assert members == [[0], [3]]
    assert kept.tolist() == zones[[0, 3]].tolist()
