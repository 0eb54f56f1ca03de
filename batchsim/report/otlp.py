"""A run as spans of OpenTelemetry, in OTLP/JSON."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from batchsim.analysis.spans import PRODUCTION, Interval, intervals_of
from batchsim.model.run import Step

EPOCH_NS = 1_700_000_000_000_000_000
"""When runs begin: simulated time has no date."""


def _identity(size: int, *parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=size).hexdigest()


def _attribute(key: str, value: str | int) -> dict[str, Any]:
    # Whole numbers of 64 bits are texts in OTLP/JSON.
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}


def otlp_document(runs: Sequence[tuple[str, Sequence[Step]]]) -> dict[str, Any]:
    """The document; `runs`: each with the name of its batch."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [_attribute("service.name", "batchsim")]},
                "scopeSpans": [
                    {
                        "scope": {"name": "batchsim"},
                        "spans": [_span(batch, number, each) for number, each in enumerate(intervals_of(steps))],
                    }
                    for batch, steps in runs
                ],
            }
        ]
    }


def _span(batch: str, number: int, each: Interval) -> dict[str, Any]:
    attributes = [_attribute(PRODUCTION.batch[0], batch)]
    if each.item is not None:
        attributes.append(_attribute(PRODUCTION.item[0], each.item))
    return {
        "traceId": _identity(16, batch, each.trace),
        "spanId": _identity(8, batch, number),
        "name": each.name,
        "kind": 1,
        "startTimeUnixNano": str(EPOCH_NS + each.begin_us * 1000),
        "endTimeUnixNano": str(EPOCH_NS + each.end_us * 1000),
        "attributes": attributes,
        "status": {},
    }
