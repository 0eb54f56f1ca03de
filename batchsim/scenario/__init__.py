"""Scenarios: YAML files that say what is simulated, validated into one immutable `Scenario`."""

from batchsim.durations import InvalidDuration, format_duration, parse_duration
from batchsim.scenario.building import with_faults
from batchsim.scenario.fault_checks import (
    check_for_exploration,
    check_for_timed_exploration,
    check_for_timed_run,
)
from batchsim.scenario.fault_words import fault_in_words, numbered_fault
from batchsim.scenario.latencies import (
    Backoff,
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Latency,
    Legs,
    Lognormal,
    Normal,
    RoundTrip,
    Uniform,
)
from batchsim.scenario.loading import load_scenario, scenario_from_data, scenario_of, varied
from batchsim.scenario.names import find_policy, find_verdict
from batchsim.scenario.own_code import Decided, compare_decisions, decided_by
from batchsim.scenario.problems import InvalidScenario, Problem
from batchsim.scenario.scenario import Scenario
from batchsim.scenario.schema.models import json_schema
from batchsim.scenario.slow import Slow

__all__ = [
    "Backoff",
    "Constant",
    "Decided",
    "Distribution",
    "Empirical",
    "Exponential",
    "InvalidDuration",
    "InvalidScenario",
    "Latency",
    "Legs",
    "Lognormal",
    "Normal",
    "Problem",
    "RoundTrip",
    "Scenario",
    "Slow",
    "Uniform",
    "check_for_exploration",
    "check_for_timed_exploration",
    "check_for_timed_run",
    "compare_decisions",
    "decided_by",
    "fault_in_words",
    "find_policy",
    "find_verdict",
    "format_duration",
    "json_schema",
    "load_scenario",
    "numbered_fault",
    "parse_duration",
    "scenario_from_data",
    "scenario_of",
    "varied",
    "with_faults",
]
