"""From spans of a running system to latencies of a scenario, and back: which span is which operation.

Spans tell less than steps. What is assumed instead stands in `ASSUMED`, and is printed with every calibration:

- a span that stands for several operations is divided among them in proportion to their default latencies;
- how much of a span passes before the effect is not known: half of it;
- counting the enqueued items is no span of its own. It and the end of the request body lie between the last item
  and the end of the request; what remains of that without the usual update of a row and half the usual command
  of Redis is the request leg of the count;
- how long a message waits for a consumer is from when it is taken to be pushed to the beginning of its handling,
  by the clocks of two machines. Handler and consumer are in different traces, and are joined by the batch and the
  item; where a clock runs ahead and that would be negative, it is 0, and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from batchsim.analysis.calibration import Measured
from batchsim.bad_input import BadInputError
from batchsim.model.run import Step
from batchsim.scenario import InvalidScenario
from batchsim.scenario.defaults import latency_of
from batchsim.scenario.latencies import RoundTrip
from batchsim.scenario.names import known_operations
from batchsim.scenario.schema.otlp import Span
from batchsim.scenario.text_file import read_text
from batchsim.scenario.tree import plain
from batchsim.scenario.yaml_file import parse_yaml

ASSUMED = (
    "legs cannot be known from spans: half of each is taken to pass before its effect",
    "the count is no span: with the end of the body it is what lies between the last item and the end of the "
    "request, less the usual update of a row and half a command of Redis",
    "spans of several operations are divided in proportion to default latencies",
    "how long messages wait compares the clocks of two machines",
    "if 1 in 20 requests is sampled, 19 of 20 batches are missing, and of the others maybe one side",
)


class SpanMapping(NamedTuple):
    """Which span is which operation."""

    operations: Mapping[str, tuple[str, ...]]
    """By the name of a span: the operations that it stands for, in their order."""
    handler: str
    enqueue: str
    message: str
    cleanup: str
    batch: tuple[str, ...]
    """Attributes that say which batch it is about, the first that is there counts."""
    item: tuple[str, ...]
    """Likewise, which item."""


PRODUCTION = SpanMapping(
    operations={
        "BatchPayloadProcessor.process()": ("store.upload",),
        "batch-queue.enqueue": ("redis.get_meta", "redis.mark_enqueued", "queue.push"),
        "getMeta": ("redis.get_meta",),
        "processItemCallback": ("postgres.create_run",),
        "recordSuccess": ("redis.record",),
        "recordFailure": ("redis.record",),
        "completeMessage": ("queue.complete",),
        "getCompletionResult": ("redis.read_runs",),
        "completionCallback": ("postgres.completion_update", "jobs.schedule_completion"),
        "cleanup": ("redis.cleanup",),
        "#tryCompleteBatch": ("postgres.find_batch", "postgres.find_runs", "postgres.set_completed"),
    },
    handler="StreamBatchItemsService.streamBatchItems()",
    enqueue="batch-queue.enqueue",
    message="BatchQueue.handleMessage",
    cleanup="cleanup",
    batch=("batchId", "batch.friendlyId"),
    item=("itemIndex", "batch.itemIndex"),
)
"""The spans of the production system."""
UNMAPPED = (
    "finalizeBatch",
    "expireBatch",
    "StreamBatchItemsService.streamBatchItems()",
    "BatchQueue.handleMessage",
)
"""Spans that contain others, or of which nothing is measured."""
ALIKE = {"redis.read_runs": "redis.read_failures"}
"""Operations that are issued together, so that one span stands for both."""


def read_mapping(path: Path) -> SpanMapping:
    """A mapping file: what differs from `PRODUCTION`; raises `BadInputError`."""
    try:
        document = parse_yaml(read_text(path, str(path)), str(path))
    except InvalidScenario as error:
        raise BadInputError(str(error)) from None
    if document.problems:
        raise BadInputError(str(document.problems[0]))
    given = plain(document.root) if document.root is not None else None
    allowed = ("spans", "handler", "enqueue", "message", "cleanup", "batch", "item")
    if not isinstance(given, dict) or not given.keys() <= set(allowed):
        raise BadInputError(f"{path}: allowed: a mapping with {', '.join(allowed)}")
    known = set(known_operations())
    spans = given.pop("spans", {})
    if not isinstance(spans, dict):
        raise BadInputError(f"{path}: spans: allowed: names of spans with operations")
    operations = dict(PRODUCTION.operations)
    for name, value in spans.items():
        names = tuple(value) if isinstance(value, list) else (value,)
        for each in names:
            if each not in known:
                raise BadInputError(f"{path}: spans: {name}: found {each!r}; allowed: {', '.join(sorted(known))}")
        operations[str(name)] = names
    fields: dict[str, Any] = {
        name: (tuple(value) if isinstance(value, list) else (value,)) if name in ("batch", "item") else str(value)
        for name, value in given.items()
    }
    return PRODUCTION._replace(operations=operations, **fields)


@dataclass
class Understood:
    """What was understood of some spans."""

    measured: dict[str, Measured]
    spans: int
    batches: dict[str, str]
    """Of each batch, whether its keys were deleted before they were counted: `yes`, `no`, `undecidable`."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Spans that the mapping does not have, by name."""
    behind: int = 0
    """How many messages were handled before they were enqueued, by the clocks."""


def understand(spans: Iterable[Span], mapping: SpanMapping = PRODUCTION) -> Understood:
    """Measure operations by their spans, and tell for each batch whether cleanup was before the count."""
    found: dict[str, Measured] = {}
    by_batch: dict[str, list[Span]] = {}
    unknown: Counter[str] = Counter()
    total = 0
    traces: dict[str, str] = {}
    every = list(spans)
    for span in every:
        batch = _attribute(span, mapping.batch)
        if batch is not None:
            traces.setdefault(span.trace, str(batch))
    for span in every:
        total += 1
        names = mapping.operations.get(span.name)
        if names is not None:
            for name, part_us in _parts(names, span):
                for each in filter(None, (name, ALIKE.get(name))):
                    _note(found, each, part_us)
        elif span.name not in (*UNMAPPED, mapping.handler, mapping.message):
            unknown[span.name] += 1
        own = _attribute(span, mapping.batch)
        batch = traces.get(span.trace) if own is None else str(own)
        if batch is not None:
            by_batch.setdefault(batch, []).append(span)
    understood = Understood(found, total, {}, unknown)
    usual = (_usual_us(found, "postgres.completion_update"), _usual_us(found, "redis.get_meta") // 2)
    for batch, those in sorted(by_batch.items()):
        understood.behind += _waits(found, those, mapping)
        _counts(found, those, mapping, usual)
        understood.batches[batch] = cleaned_before_count(those, mapping)
    return understood


def _parts(names: Sequence[str], span: Span) -> Iterator[tuple[str, int]]:
    """How long each of the operations of a span took, in their order."""
    weights = [_usual_default_us(name) for name in names]
    for name, weight in zip(names, weights, strict=True):
        yield name, max(0, span.end_us - span.begin_us) * weight // sum(weights)


def _usual_default_us(name: str) -> int:
    """In the middle of what an operation takes by default, or 1."""
    latency = latency_of(name)
    if not isinstance(latency, RoundTrip):
        return 1
    low_us, high_us = latency.total.support_us
    return max(1, (low_us + (high_us or low_us)) // 2)


def _usual_us(found: Mapping[str, Measured], name: str) -> int:
    """What an operation usually takes; 0 where it was not measured."""
    each = found.get(name)
    return 0 if each is None else round(median(map(sum, zip(each.request_us, each.response_us, strict=True))))


def _attribute(span: Span, names: Sequence[str]) -> Any:
    return next((span.attributes[name] for name in names if span.attributes.get(name) is not None), None)


def _note(found: dict[str, Measured], name: str, us: int) -> None:
    each = found.setdefault(name, Measured())
    if name in ("store.upload", "run.finish"):
        each.request_us.append(us)
        return
    each.request_us.append(us // 2)
    each.response_us.append(us - us // 2)


def _waits(found: dict[str, Measured], spans: Sequence[Span], mapping: SpanMapping) -> int:
    """How long messages waited for a consumer; how many were handled too early."""
    enqueued = {
        item: span.end_us - list(_parts(mapping.operations[mapping.enqueue], span))[-1][1] // 2
        for span in spans
        if span.name == mapping.enqueue and (item := _attribute(span, mapping.item)) is not None
    }
    behind = 0
    for span in spans:
        item = _attribute(span, mapping.item)
        if span.name == mapping.message and item in enqueued:
            wait_us = span.begin_us - enqueued[item]
            behind += wait_us < 0
            found.setdefault("queue.take", Measured()).response_us.append(max(0, wait_us))
    return behind


def _counts(
    found: dict[str, Measured], spans: Sequence[Span], mapping: SpanMapping, usual: tuple[int, int]
) -> None:
    update_us, response_us = usual
    for handler in (span for span in spans if span.name == mapping.handler):
        last_us = _last_enqueued(spans, handler, mapping)
        if last_us is not None:
            each = found.setdefault("redis.enqueued_count", Measured())
            each.request_us.append(max(0, handler.end_us - last_us - update_us - response_us))
            each.response_us.append(response_us)


def _last_enqueued(spans: Sequence[Span], handler: Span, mapping: SpanMapping) -> int | None:
    ends = (span.end_us for span in spans if span.name == mapping.enqueue and span.trace == handler.trace)
    return max(ends, default=None)


def cleaned_before_count(spans: Sequence[Span], mapping: SpanMapping = PRODUCTION) -> str:
    """Whether the keys of a batch were deleted before the first request counted: `yes`, `no`, `undecidable`."""
    handlers = sorted((span for span in spans if span.name == mapping.handler), key=lambda span: span.begin_us)
    cleanups = sorted((span for span in spans if span.name == mapping.cleanup), key=lambda span: span.begin_us)
    if not handlers or not cleanups:
        return "undecidable"
    handler, cleanup = handlers[0], cleanups[0]
    last_us = _last_enqueued(spans, handler, mapping)
    if last_us is not None and cleanup.end_us < last_us:
        return "yes"
    if cleanup.begin_us > handler.end_us:
        return "no"
    return "undecidable"


# -- a run as spans ------------------------------------------------------------------------------


class Interval(NamedTuple):
    """What becomes a span."""

    name: str
    begin_us: int
    end_us: int
    trace: str
    item: int | None


def intervals_of(steps: Sequence[Step]) -> list[Interval]:
    """The spans that the production system would have made of a run, by the names of `PRODUCTION`."""
    found: list[Interval] = []
    by_lane: dict[str, list[Step]] = {}
    for step in steps:
        by_lane.setdefault(step.actor, []).append(step)
    handlers: dict[str, list[Step]] = {}
    for lane, those in by_lane.items():
        actor = lane.partition(".")[0]
        if actor.startswith("handler"):
            handlers.setdefault(actor, []).extend(those)
            found += _of_handler(actor, those)
        elif actor.startswith("consumer"):
            found += _of_consumer(actor, those)
        elif actor.startswith("job"):
            found += _of_job(actor, those)
    for actor, those in handlers.items():
        begin_us, end_us = min(step.issued_us for step in those), max(step.answered_us for step in those)
        found.append(Interval(PRODUCTION.handler, begin_us, end_us, actor, None))
    return sorted(found, key=lambda each: (each.begin_us, each.end_us, each.trace, each.name))


def _of_handler(actor: str, steps: Sequence[Step]) -> list[Interval]:
    found = []
    begun: dict[int | None, int] = {}
    for step in steps:
        item = step.operation.item
        match step.name:
            case "store.upload":
                found.append(
                    Interval("BatchPayloadProcessor.process()", step.issued_us, step.answered_us, actor, item)
                )
            case "redis.get_meta":
                begun[item] = step.issued_us
            case "queue.push" if item in begun:
                found.append(Interval(PRODUCTION.enqueue, begun[item], step.answered_us, actor, item))
    return found


_OF_CONSUMER = {
    "redis.get_meta": "getMeta",
    "postgres.create_run": "processItemCallback",
    "queue.complete": "completeMessage",
    "redis.read_runs": "getCompletionResult",
    "redis.cleanup": "cleanup",
}


def _of_consumer(actor: str, steps: Sequence[Step]) -> list[Interval]:
    found: list[Interval] = []
    trace, item, begun_us, update_us = actor, None, 0, 0
    number = 0
    last: Step | None = None
    for step in steps:
        if step.name == "queue.take":
            if last is not None and number:
                found.append(Interval(PRODUCTION.message, begun_us, last.answered_us, trace, item))
            number += 1
            if not step.took_effect:
                continue
            # From two queues it is taken with which of them it was.
            message = step.effect if hasattr(step.effect, "item") else step.effect[1]
            trace, item, begun_us = f"{actor}.{number}", message.item, step.answered_us
        elif step.name in _OF_CONSUMER:
            found.append(Interval(_OF_CONSUMER[step.name], step.issued_us, step.answered_us, trace, item))
        elif step.name == "redis.record":
            name = "recordSuccess" if getattr(step.operation, "success", True) else "recordFailure"
            found.append(Interval(name, step.issued_us, step.answered_us, trace, item))
        elif step.name == "postgres.completion_update":
            update_us = step.issued_us
        elif step.name == "jobs.schedule_completion":
            found.append(Interval("completionCallback", update_us, step.answered_us, trace, item))
        last = step
    if last is not None and number:
        found.append(Interval(PRODUCTION.message, begun_us, last.answered_us, trace, item))
    return found


def _of_job(actor: str, steps: Sequence[Step]) -> list[Interval]:
    found: list[Interval] = []
    begun_us: int | None = None
    number = 0
    for step in steps:
        if step.name == "postgres.find_batch":
            begun_us, number = step.issued_us, number + 1
        elif step.name == "postgres.set_completed" and begun_us is not None:
            found.append(Interval("#tryCompleteBatch", begun_us, step.answered_us, f"{actor}.{number}", None))
    return found
