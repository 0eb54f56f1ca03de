"""Benchmarks are run by hand, so that what they need is there is looked for here."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.sweep import FORMS, INCIDENT
from tests.benchmarks.zones import UNDER_FAULTS

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_there_is_a_peer_for_each_policy_of_the_incident() -> None:
    assert set(FORMS) == set(INCIDENT.policies)


def test_scenarios_under_faults_are_shipped() -> None:
    assert [stem for stem in UNDER_FAULTS if not (SCENARIOS / f"{stem}.yaml").is_file()] == []
