"""From the valid model of a file to the scenario that engines use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchsim.batch.setting import Item, Kind, Setting
from batchsim.model.faults import Fault, LostState, ServiceFault
from batchsim.model.operation import SLEEP
from batchsim.scenario import declared, defaults
from batchsim.scenario.latencies import Constant, Distribution, Empirical, Latency, Legs, RoundTrip
from batchsim.scenario.names import known_operations
from batchsim.scenario.rates import RateLimit
from batchsim.scenario.scenario import LatencyTable, Scenario
from batchsim.scenario.schema.models import (
    STREAM_END,
    ItemFields,
    Latencies,
    Limits,
    Override,
    ScenarioFile,
    StreamLimit,
)
from batchsim.scenario.schema.rate_fields import RateFields
from batchsim.scenario.schema.spreads import Written
from batchsim.scenario.slow import Slow
from batchsim.scenario.tree import Node, dotted, nearest_node
from batchsim.scenario.tree import Path as TreePath
from batchsim.scenario.written_faults import WrittenFault

if TYPE_CHECKING:
    from batchsim.scenario.schema.faults import AnyEntry
    from batchsim.scenario.schema.own_models import OwnLatencies


def built(model: ScenarioFile, root: Node, file: str, directory: Path) -> Scenario:
    """The scenario that a valid model describes; `root`: the tree of which it is the model."""
    operations = _latency_of_operation(model)
    faults = tuple(written_faults(model.faults, root))
    delays = {place: value for place, entry in enumerate(model.faults) if isinstance(value := entry.value(), Slow)}
    return Scenario(
        name=model.name,
        summary=model.summary,
        file=file,
        directory=directory,
        setting=Setting(
            items=_items(model, operations["store.upload"]),
            call=model.batch.call,
            consumers=model.consumers,
            ingest_concurrency=model.ingest_concurrency,
            faults=tuple(written.fault for written in faults),
            slots=model.limits.concurrency,
            phase_1=model.batch.phase_1,
            idempotency_key=model.batch.idempotency_key,
            calls=model.batch.calls,
            stream_requests=None if model.limits.stream is None else _own_share(model.limits.stream),
            has_request_timeout=model.limits.request_timeout is not None,
        ),
        policies=tuple(model.policies),
        verdicts=tuple(model.verdicts),
        seed=model.seed,
        expect=sets(model.expect),
        expect_explore=sets(model.expect_explore),
        expect_timed=sets(model.expect_timed),
        expect_rate=rates(model.expect_rate),
        latencies=LatencyTable(
            operations,
            {**_latency_of_item(model.items.overrides), **moments_of([written.fault for written in faults])},
            latency_of_group(model.latency),
        ),
        injected_delays=tuple(delays.values()),
        injected_delay_places=tuple(delays),
        written_faults=faults,
    )


def moments_of(faults: Sequence[Fault]) -> dict[str, dict[int, Latency]]:
    """When outages begin and end, and when state is lost: by operation, by number of the fault."""
    moments: dict[str, dict[int, Latency]] = {}
    for number, fault in enumerate(faults):
        if isinstance(fault, ServiceFault | LostState):
            moments.setdefault(f"{fault.word}.begin", {})[number] = defaults.delay(Constant(fault.at_us or 0))
        if isinstance(fault, ServiceFault):
            moments.setdefault(f"{fault.word}.end", {})[number] = defaults.delay(Constant(fault.lasts_us or 0))
    return moments


def with_faults(scenario: Scenario, faults: Sequence[Fault]) -> Scenario:
    """The scenario with these faults in the place of its own; what is slow in it stays."""
    table = scenario.latencies
    # Moments go by the number of their fault, which may be another one now.
    latencies = replace(table, of_item={**table.of_item, **moments_of(faults)})
    return replace(scenario, setting=replace(scenario.setting, faults=tuple(faults)), latencies=latencies)


def written_faults(entries: Iterable[AnyEntry], root: Node) -> Iterator[WrittenFault]:
    """The faults among the entries of a file, but for what is slow, each with its places."""
    for number, entry in enumerate(entries):
        fault = entry.value()
        if isinstance(fault, Fault):
            path: TreePath = ("faults", number, *(entry.own_fault or entry.given_keys()))
            node = nearest_node(root, path)
            place_of = (
                {key: child.place for key, child in node.value.items()} if isinstance(node.value, dict) else {}
            )
            yield WrittenFault(fault, dotted(path), node.place, place_of)


def sets(expectations: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """By policy: the verdicts that are expected."""
    return {policy: frozenset(verdicts) for policy, verdicts in expectations.items()}


def rates(expectations: Mapping[str, Mapping[str, RateFields]]) -> dict[str, dict[str, RateLimit]]:
    """By policy, by verdict: how often it is expected."""
    return {
        policy: {verdict: each.limit() for verdict, each in of_verdict.items()}
        for policy, of_verdict in expectations.items()
    }


def _items(model: ScenarioFile, upload: Latency) -> tuple[Item, ...]:
    """One `Item` for all that are alike: a large batch costs a list of references."""
    usual = _item(model.items, Item(Kind.OK, upload != defaults.OWN["store.upload"], 0))
    items = [usual] * model.batch.items
    for override in model.items.overrides:
        special = _item(override, usual)
        for index in override.index:
            items[index] = special
    return tuple(items)


def _item(fields: ItemFields, otherwise: Item) -> Item:
    failed_attempts = fields.failed_attempts
    return Item(
        kind=fields.kind or otherwise.kind,
        offloaded=otherwise.offloaded if fields.upload is None else fields.upload != defaults.UPLOAD,
        failed_attempts=otherwise.failed_attempts if failed_attempts is None else failed_attempts,
    )


def _latency_of_operation(model: ScenarioFile) -> dict[str, Latency]:
    """Every operation's latency, but for the default of those whose default depends on the attempt."""
    groups = defaults.GROUPS | latency_of_group(model.latency)
    usual = {name: groups[group] for name in known_operations() if (group := defaults.group_of(name))}
    if model.latency.stream_end is not None:
        usual[STREAM_END] = Legs(model.latency.stream_end, _answer_leg(usual[STREAM_END]))
    of_items = given({"store.upload": model.items.upload, "run.finish": model.items.execution})
    return {
        **usual,
        **defaults.OWN,
        **_latency_of_limits(model.limits),
        **given(model.latency.operations),
        **of_items,
    }


def _answer_leg(latency: Latency) -> Distribution:
    """What comes after the effect: of a round trip, half of it."""
    if isinstance(latency, Legs):
        return latency.response
    whole = latency.total
    if isinstance(whole, Empirical):
        return Empirical(tuple((sample + 1) // 2 for sample in whole.samples_us))
    halves = {each.name: getattr(whole, each.name) for each in fields(whole)}
    return replace(whole, **{name: (us + 1) // 2 for name, us in halves.items() if us is not None})


def latency_of_group(written: Latencies | OwnLatencies) -> dict[str, Latency]:
    """The groups whose latency a file gives."""
    own = written.model_extra or {}
    return given({"redis": written.redis, "postgres": written.postgres, "http": written.http, **own})


def _own_share(limit: StreamLimit) -> int:
    """How many requests of the batch the limiter admits in a window."""
    return limit.requests - limit.others


def _latency_of_limits(limits: Limits) -> dict[str, Latency]:
    found: dict[str, Latency] = {}
    if limits.stream is not None:
        found["limiter.reset"] = defaults.delay(Constant(limits.stream.per))
    if limits.request_timeout is not None:
        found["http.time_out"] = defaults.delay(Constant(limits.request_timeout))
    return found


def _latency_of_item(overrides: Iterable[Override]) -> dict[str, dict[int, Latency]]:
    uploads: dict[int, Latency] = {}
    executions: dict[int, Latency] = {}
    for override in overrides:
        for latencies, wait in ((uploads, override.upload), (executions, override.execution)):
            if wait is not None:
                latencies.update(dict.fromkeys(override.index, defaults.delay(wait)))
    return {"store.upload": uploads, "run.finish": executions}


def given(written: Mapping[str, Written | None]) -> dict[str, Latency]:
    """Those that the file gives, each as what it means for its operation or group."""
    return {name: _meaning(name, each) for name, each in written.items() if each is not None}


def _meaning(name: str, written: Written) -> Latency:
    if isinstance(written, Legs):
        return written
    kind = name.partition("(")[0]  # of `sleep(1 s)`
    is_wait = kind in defaults.DELAYS or kind == SLEEP or declared.is_wait(kind)
    return defaults.delay(written) if is_wait else RoundTrip(written)
