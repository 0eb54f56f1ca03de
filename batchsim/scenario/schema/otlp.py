"""Spans of OpenTelemetry, as OTLP/JSON has them: of its fields those that are needed, and no others are looked at.

A file is one document, or one in each line as collectors write them, plain or compressed with gzip.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batchsim.reading import Unreadable, read_file
from batchsim.scenario.problems import Place, fail

BYTES_MAX = 100_000_000
SHOWN_MAX = 60
"""So many letters of a value are shown that is of no use."""
ALLOWED = "OTLP/JSON: an object with resourceSpans, or one in each line; plain or gzip"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _Value(_Part):
    string: str | None = Field(None, alias="stringValue")
    whole: int | None = Field(None, alias="intValue")
    double: float | None = Field(None, alias="doubleValue")
    truth: bool | None = Field(None, alias="boolValue")

    def plain(self) -> Any:
        return next(
            (each for each in (self.string, self.whole, self.double, self.truth) if each is not None), None
        )


class _Attribute(_Part):
    key: str
    value: _Value = Field(default_factory=_Value)


class _Span(_Part):
    name: str
    trace: str = Field("", alias="traceId")
    identity: str = Field("", alias="spanId")
    parent: str = Field("", alias="parentSpanId")
    begin_ns: int = Field(alias="startTimeUnixNano")
    end_ns: int = Field(alias="endTimeUnixNano")
    attributes: list[_Attribute] = []


class _Scope(_Part):
    spans: list[_Span] = []


class _Resource(_Part):
    scopes: list[_Scope] = Field([], alias="scopeSpans")


class _Document(_Part):
    resources: list[_Resource] = Field(alias="resourceSpans")


class Span(NamedTuple):
    """A span."""

    name: str
    trace: str
    identity: str
    parent: str
    begin_us: int
    end_us: int
    attributes: dict[str, Any]


def read_spans(path: Path) -> list[Span]:
    """All spans of a file, each once; raises `InvalidScenario` with its name and the line.

    An exporter that got no answer sends again, and collectors write what they get.
    """
    try:
        data = read_file(path, BYTES_MAX)
    except Unreadable as why:
        fail(Place(str(path)), str(why), f"a file of at most {BYTES_MAX} bytes")
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        fail(Place(str(path)), "what is not text", ALLOWED)
    spans = [span for number, each in _documents(text, path) for span in _spans(number, each, path)]
    if not spans:
        fail(Place(str(path)), "no spans", ALLOWED)
    # One without an identity is like no other one.
    once = {(span.trace, span.identity) if span.identity else number: span for number, span in enumerate(spans)}
    return list(once.values())


def _unpacked(data: bytes, path: Path) -> bytes:
    try:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        unpacked = unpacker.decompress(data, BYTES_MAX + 1)
        # A collector that appends to a file writes several members.
        while unpacker.eof and unpacker.unused_data and len(unpacked) <= BYTES_MAX:
            rest, unpacker = unpacker.unused_data, zlib.decompressobj(zlib.MAX_WBITS | 16)
            unpacked += unpacker.decompress(rest, BYTES_MAX + 1 - len(unpacked))
    except (zlib.error, gzip.BadGzipFile) as error:
        fail(Place(str(path)), f"no gzip ({error})", ALLOWED)
    if len(unpacked) > BYTES_MAX:
        fail(Place(str(path)), f"more than {BYTES_MAX} bytes in it", "less")
    return unpacked


def _documents(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    try:
        yield 1, json.loads(text)
        return
    except (ValueError, RecursionError) as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2:
            _fail(path, getattr(error, "lineno", 1), f"no JSON ({error})")
    for number, line in lines:
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            _fail(path, number, f"no JSON ({error})")


def _spans(number: int, document: Any, path: Path) -> Iterator[Span]:
    try:
        read = _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            _fail(path, number, f"no {where}")
        value = json.dumps(first["input"])
        value = value if len(value) <= SHOWN_MAX else value[:SHOWN_MAX] + "…"
        _fail(path, number, f"{where}: {value}" if where else value)
    for resource in read.resources:
        for scope in resource.scopes:
            for span in scope.spans:
                yield Span(
                    span.name,
                    span.trace,
                    span.identity,
                    span.parent,
                    span.begin_ns // 1000,
                    span.end_ns // 1000,
                    {each.key: each.value.plain() for each in span.attributes},
                )


def _fail(path: Path, line: int, found: str) -> NoReturn:
    fail(Place(str(path), line, 1), found, ALLOWED)
