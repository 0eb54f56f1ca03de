"""A scenario as it is understood: every value that plays a part, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from batchsim.batch.glosses import glossed
from batchsim.batch.operations import ResetLimit, TimeOutRequest
from batchsim.engines.timed import simulate
from batchsim.model.operation import CHOOSE, Raised
from batchsim.model.run import Step
from batchsim.report.latencies import by_item, in_words
from batchsim.report.phrases import items_in_words
from batchsim.scenario import Scenario, declared, defaults, fault_in_words
from batchsim.scenario.own_systems import plain_of
from batchsim.scenario.schema.models import FIELDS, STREAM_END
from batchsim.scenario.tree import Node, Path

DEFAULT = "default"
_WHY = {
    "queue.take": "the dispatch loop looks every 50 ms",
    "jobs.take_completion": "the debounce of the completion job",
    "jobs.take_expiry": "the reaper",
    "store.upload": "a small payload",
    "run.finish": "a child run",
    "queue.redeliver": "the visibility timeout",
}
"""What the defaults of single operations stand for."""


class Value(NamedTuple):
    """A value of a scenario."""

    part: str
    """`batch`, `latency`, `fault` or `expectation`."""
    name: str
    value: str
    source: str
    """The line of the file, an option, or which default."""


def understood(scenario: Scenario, policies: Sequence[tuple[str, Any]]) -> list[Value]:
    """All of it, in the order in which it is shown; raises what a run of the scenario raises."""
    return [
        *(_setting(scenario, policies) if scenario.own is None else _own(scenario)),
        *_latencies(scenario, policies),
        *(
            Value("fault", f"fault {number}", fault_in_words(fault), _source(scenario, ("faults", number)))
            for number, fault in enumerate(scenario.faults)
        ),
        *_expectations(scenario),
    ]


def _source(scenario: Scenario, path: Path) -> str:
    """Where the value at a path was written; empty: nowhere."""
    node = _node(scenario, path)
    if node is None:
        return ""
    place = node.key_place or node.place
    return place.file if place.line is None else f"line {place.line}"


def _node(scenario: Scenario, path: Path) -> Node | None:
    node = scenario.written
    for step in path:
        value = None if node is None else node.value
        if isinstance(value, dict):
            node = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            node = value[step]
        else:
            return None
    return node if path else None


def _setting(scenario: Scenario, policies: Sequence[tuple[str, Any]]) -> Iterator[Value]:
    setting = scenario.setting

    def value(name: str, told: str, path: Path, otherwise: str = DEFAULT) -> Value:
        return Value("batch", name, told, _source(scenario, path) or otherwise)

    yield value("items", str(setting.run_count), ("batch", "items"))
    yield value("call", setting.call, ("batch", "call"))
    yield value("calls at most", str(setting.calls), ("batch", "calls"))
    yield value("phase 1", setting.phase_1, ("batch", "phase_1"))
    if setting.is_stepwise or setting.calls > 1:
        yield value("idempotency key", setting.idempotency_key or "none", ("batch", "idempotency_key"))
    kinds: dict[str, list[int]] = {}
    for index, item in enumerate(setting.items):
        failed = f", {item.failed_attempts} failed attempts" if item.failed_attempts else ""
        kinds.setdefault(f"{item.kind}{failed}", []).append(index)
    told = "; ".join(f"{kind} ({items_in_words(those)})" for kind, those in kinds.items())
    yield value("kind of items", told if len(kinds) > 1 else next(iter(kinds)), ("items", "kind"))
    yield value("consumers", str(setting.consumers), ("consumers",))
    ingest = setting.ingest_concurrency
    if ingest is None:
        under: dict[int, list[str]] = {}
        for name, policy in policies:
            under.setdefault(policy.ingest_concurrency, []).append(name)
        told = "; ".join(f"{count} under {', '.join(those)}" for count, those in under.items())
        yield value("items handled at once", told if len(under) > 1 else str(*under), (), "the policy")
    else:
        yield value("items handled at once", str(ingest), ("ingest_concurrency",))
    yield value("slots of the environment", str(setting.slots), ("limits", "concurrency"))
    if setting.stream_requests is None:
        yield value("limit of phase-2 requests", "none", ())
    else:
        window = in_words(scenario.latency_of(ResetLimit.name))
        told = f"{setting.stream_requests} of this batch in a window of {window}"
        yield value("limit of phase-2 requests", told, ("limits", "stream"))
    timeout = in_words(scenario.latency_of(TimeOutRequest.name)) if setting.has_request_timeout else "none"
    yield value("request timeout", timeout, ("limits", "request_timeout"))
    for number, (name, _) in enumerate(policies):
        yield value("" if number else "policies", glossed(name), ("policies",))
    yield value("seed", str(scenario.seed), ("seed",))


def _own(scenario: Scenario) -> Iterator[Value]:
    assert scenario.own is not None
    yield Value("batch", "system", scenario.own.reference, _source(scenario, ("system",)))
    for name, given in (plain_of(scenario.own.parameters) or {}).items():
        yield Value("batch", f"parameters.{name}", str(given), _source(scenario, ("parameters", name)) or DEFAULT)
    yield Value("batch", "policies", ", ".join(scenario.policies), _source(scenario, ("policies",)) or DEFAULT)
    yield Value("batch", "seed", str(scenario.seed), _source(scenario, ("seed",)) or DEFAULT)


def _latencies(scenario: Scenario, policies: Sequence[tuple[str, Any]]) -> Iterator[Value]:
    taken: dict[str, None] = {}
    for _, policy in policies:
        for step in simulate(scenario, policy).steps:
            taken[step.name] = None
            if scenario.own is not None and (delay := _delay_after(step)) is not None:
                taken[delay] = None
    for name in taken:
        if name != CHOOSE and not name.startswith("sleep(") and not name.endswith((".begin", ".end")):
            yield Value("latency", name, _latency(scenario, name), _source_of_latency(scenario, name))


def _delay_after(step: Step) -> str | None:
    """The name of the delay that begins with a step, such as the way of a request."""
    timer = None if isinstance(step.answer, Raised) else step.operation.bare.timer_after(step.answer)
    return None if timer is None else timer.delay_of


def _latency(scenario: Scenario, name: str) -> str:
    if name in defaults.BACKOFFS and name not in scenario.latencies.of_operation:
        return "min(30 s, (1 + U[0, 1)) · 1 s · 2^(attempt - 1))"
    if scenario.own is None and name in scenario.latencies.of_item:
        return by_item(scenario, name)
    return in_words(scenario.latency_of(name))


def _source_of_latency(scenario: Scenario, name: str) -> str:
    of_item = {"store.upload": ("items", "upload"), "run.finish": ("items", "execution")}
    name, _, in_code = name.partition("(")
    paths: list[Path] = [("latency", "operations", name)]
    if scenario.own is None and name in of_item:
        paths.insert(0, of_item[name])
    if scenario.own is None and name == STREAM_END:
        paths.insert(0, ("latency", "stream_end"))
    group = declared.group_of(name)
    if group is not None:
        paths.append(("latency", group))
    for path in paths:
        if found := _source(scenario, path):
            is_group = path == ("latency", group)
            return f"{found} (latency.{group})" if is_group else found
    if in_code:
        return "the code"
    if declared.latency_of(name) is not None:
        return "default of its class"
    if group is not None:
        return f"default of {group}"
    return f"default: {_WHY[name]}" if name in _WHY else DEFAULT


def _expectations(scenario: Scenario) -> Iterator[Value]:
    for field in FIELDS:
        table: dict[str, Any] = getattr(scenario, field)
        for policy, expected in table.items():
            told = (
                "; ".join(f"{verdict} {limit}" for verdict, limit in expected.items())
                if field == "expect_rate"
                else ", ".join(sorted(expected))
            )
            yield Value("expectation", f"{field}.{policy}", told, _source(scenario, (field, policy)))
