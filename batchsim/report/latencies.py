"""Latencies in words, as the scenario has them."""

from __future__ import annotations

from collections.abc import Mapping

from batchsim.report.phrases import items_in_words
from batchsim.scenario import (
    Backoff,
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Latency,
    Lognormal,
    Normal,
    RoundTrip,
    Scenario,
    Uniform,
    defaults,
    format_duration,
)

_NO_TIME = Constant(0)


def in_words(latency: Latency) -> str:
    """A latency: `80 ms request, 300 us response`."""
    if isinstance(latency, RoundTrip):
        return f"{spread_in_words(latency.total)} round trip"
    if latency.response == _NO_TIME:
        return spread_in_words(latency.request)
    if latency.request == _NO_TIME:
        return f"{spread_in_words(latency.response)} response"
    return f"{spread_in_words(latency.request)} request, {spread_in_words(latency.response)} response"


def spread_in_words(distribution: Distribution) -> str:
    """A distribution: `20 ms … 80 ms`."""
    match distribution:
        case Constant(us):
            return format_duration(us) if us else "0"
        case Uniform(min_us, max_us):
            return _between(min_us, max_us)
        case Empirical(samples_us):
            return f"{len(samples_us)} measured values, {_between(min(samples_us), max(samples_us))}"
        case Backoff(attempt):
            return f"exponential backoff after attempt {attempt}"
        case _:
            return f"{_curve(distribution)}{_cut(distribution)}"


def _between(min_us: int, max_us: int) -> str:
    return f"{format_duration(min_us)} … {format_duration(max_us)}"


def _curve(distribution: Normal | Lognormal | Exponential) -> str:
    match distribution:
        case Normal(mean_us, sd_us):
            return f"normal, {format_duration(mean_us)} ± {format_duration(sd_us)}"
        case Lognormal(median_us, p99_us):
            return f"lognormal, median {format_duration(median_us)}, 99 % below {format_duration(p99_us)}"
        case Exponential(mean_us):
            return f"exponential, mean {format_duration(mean_us)}"


def _cut(distribution: Normal | Lognormal | Exponential) -> str:
    least = f", at least {format_duration(distribution.min_us)}" if distribution.min_us else ""
    most = "" if distribution.max_us is None else f", at most {format_duration(distribution.max_us)}"
    return least + most


def by_item(scenario: Scenario, operation: str) -> str:
    """How long an operation takes for which items: `3 s; item 2: 200 ms`."""
    items: dict[str, list[int]] = {}
    for index in range(scenario.setting.run_count):
        items.setdefault(in_words(scenario.latency_of(operation, item=index)), []).append(index)
    usual, *others = sorted(items, key=lambda words: (-len(items[words]), items[words]))
    special = (f"{words} ({items_in_words(items[words])})" for words in others)
    return "; ".join((usual, *special))


def special_operations(scenario: Scenario) -> list[tuple[str, str]]:
    """The groups, and the operations that the scenario sets apart from their group or default; in words."""
    latencies = scenario.latencies.of_operation
    groups = {group: _of_group(latencies, group) for group in defaults.GROUPS}
    rows = [(group, in_words(latency)) for group, latency in groups.items()]
    for operation, latency in latencies.items():
        group = defaults.group_of(operation)
        usual = defaults.OWN.get(operation) if group is None else groups[group]
        if latency != usual and operation not in ("store.upload", "run.finish"):
            rows.append((operation, in_words(latency)))
    return rows


def _of_group(latencies: Mapping[str, Latency], group: str) -> Latency:
    """What most operations of a group have; the scenario does not keep the group itself."""
    members = [latency for name, latency in latencies.items() if defaults.group_of(name) == group]
    return max(members, key=members.count)
