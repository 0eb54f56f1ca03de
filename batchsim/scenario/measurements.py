"""Latencies from the files that load generators and histograms write, recognised by their content.

Files are read line by line. What is kept of many values is how often each microsecond occurs, and in the end at
most `KEPT_MAX` of them, equally spaced in their order: every percentile up to the 99.99th stays what it was.

A summary (redis-benchmark, HdrHistogram, `quantiles` in a scenario) has no single values. It is taken as what lies
between its quantiles on straight lines, and becomes `KEPT_MAX` values, too. Below its lowest quantile the line
begins at its minimum, or where none is said at half of that quantile.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

from batchsim.durations import DURATION_US_MAX
from batchsim.reading import Unreadable, read_lines
from batchsim.scenario.problems import Place, fail
from batchsim.scenario.text_file import GZIP

BYTES_MAX = 100_000_000
KEPT_MAX = 10_000
KNOWN_MAX = 200_000
UNITS_US = {"ns": 0.001, "us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000}
UNITS = "us, ms, s, ns"
_SNIFFED = 60
"""Lines: a HdrHistogram may come after what a load generator says of itself."""
_SHOWN_MAX = 24

K6 = "k6 CSV"
PGBENCH = "pgbench log"
REDIS_BENCHMARK = "redis-benchmark CSV"
HDR = "HdrHistogram percentiles"
TABLE = "CSV"

_K6_HEADER = "metric_name,timestamp,metric_value,"
_K6_USUAL = "http_req_duration"
_K6_COUNTS = (
    *("checks", "data_received", "data_sent", "dropped_iterations", "http_req_failed", "http_reqs", "iterations"),
    *("vus", "vus_max", "ws_msgs_received", "ws_msgs_sent", "ws_sessions"),
)
"""Metrics of k6 that are no times."""
_VALUES_TOLD_MAX = 8
_REDIS_HEADER = re.compile(r'"?test"?,"?rps"?,"?avg_latency_ms"?')
_HDR_HEADER = re.compile(r"\s*Value\s+Percentile\s+TotalCount\s+1/\(1-Percentile\)\s*")
_PGBENCH_LINE = re.compile(r"\d+ \d+ (\d+|[a-z]+) \d+ \d{9,11} \d{1,6}( \d+| skipped)*\s*")
_PGBENCH_SUMS = re.compile(r"\d{9,11} \d+ \d+ \d+ \d+ \d+( [\d-]+)*\s*")
_UNIT_IN_NAME = re.compile(r"[^-+.\d].*?[_ (\[]\s*(?P<unit>ns|us|µs|ms|s|sec|seconds|millis|micros)[)\]]?\s*")
_LONG_UNITS = {"sec": "s", "seconds": "s", "millis": "ms", "micros": "us"}
_CELL = re.compile(r"(?P<number>[-+]?[\d.]+([eE][-+]?\d+)?)\s*(?P<unit>ns|us|µs|ms|s)?")


_Row = TypeVar("_Row")


class Wanted(NamedTuple):
    """Which values of a file."""

    column: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    """Columns, each with the text that it has to hold."""
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was understood of a file."""

    samples_us: tuple[int, ...]
    """In order of size."""
    count: int
    """How many values the file has."""
    format: str
    column: str
    unit: str
    passed_over: int
    """Lines that were not asked for, or that say of no latency."""
    is_summary: bool = False
    failed: int = 0
    """Of those, requests and transactions that failed."""


def recognised(path: Path) -> str | None:
    """The format of a file that is told by its content; `None`: none, or it cannot be read."""
    try:
        lines = [line.decode("utf-8-sig", "replace") for line in islice(read_lines(path, BYTES_MAX), _SNIFFED)]
    except Unreadable:
        return None
    return _format_of(lines)


def _format_of(lines: Sequence[str]) -> str | None:
    told = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not told:
        return None
    first = told[0]
    if first.startswith(_K6_HEADER):
        return K6
    if _REDIS_HEADER.match(first):
        return REDIS_BENCHMARK
    if _PGBENCH_LINE.fullmatch(first):
        return PGBENCH
    if any(_HDR_HEADER.fullmatch(line) for line in told):
        return HDR
    try:
        names = next(csv.reader([first]), [])
    except csv.Error:  # what is read as a file of durations, and refused there
        return None
    return TABLE if any(_unit_in(name) for name in names) else None


def _unit_in(name: str) -> str | None:
    """The unit that the name of a column says: `latency_ms`, `time (us)`."""
    match = _UNIT_IN_NAME.fullmatch(name.strip())
    return None if match is None else _LONG_UNITS.get(match["unit"], match["unit"])


@lru_cache(maxsize=256)
def _read(path: Path, wanted: Wanted, size: int, changed_ns: int) -> Measurements:
    return _Reader(path, wanted).read()


EVERYTHING = Wanted()


def read_measurements(path: Path, wanted: Wanted = EVERYTHING) -> Measurements:
    """The latencies in a file; raises `InvalidScenario` with its name and the line."""
    if wanted.unit is not None and wanted.unit not in UNITS_US:
        fail(Place(str(path)), f"the unit {wanted.unit!r}", UNITS)
    try:
        status = path.stat()
        return _read(path, wanted, status.st_size, status.st_mtime_ns)
    except OSError as error:
        fail(Place(str(path)), f"no readable file ({error.strerror})", "the path of a file with latencies")


class _Reader:
    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path = path
        self._wanted = wanted
        self._line = 0
        self._passed_over = 0
        self._failed = 0
        self._counts: dict[int, int] = {}

    def read(self) -> Measurements:
        lines = self._lines()
        first = list(islice(lines, _SNIFFED))
        every = chain(first, lines)
        self._line = 0
        match _format_of(first) or TABLE:
            case "pgbench log":
                return self._pgbench(every)
            case "HdrHistogram percentiles":
                return self._histogram(every)
            case "redis-benchmark CSV":
                return self._redis_benchmark(every)
            case "k6 CSV":
                return self._k6(every)
        if first and _PGBENCH_SUMS.fullmatch(first[0]):
            self._fail(
                "sums over intervals", "a log of single transactions: pgbench --log, no --aggregate-interval"
            )
        return self._table(every, TABLE)

    def _lines(self) -> Iterator[str]:
        try:
            for number, line in enumerate(read_lines(self._path, BYTES_MAX), 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    if number == 1 and line[:2] == GZIP:
                        self._fail("what is compressed", "the same unpacked, as by gunzip")
                    self._line = number
                    self._fail("what is not text", "UTF-8 text")
        except Unreadable as why:
            fail(Place(str(self._path)), str(why), f"a file of at most {BYTES_MAX} bytes")

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines with their number, without comments and empty ones."""
        for line in lines:
            self._line += 1
            if line[0] not in "#\r\n \t" or (line.strip() and not line.lstrip().startswith("#")):
                yield line

    def _fail(self, found: str, allowed: str) -> NoReturn:
        fail(Place(str(self._path), self._line or None, 1 if self._line else None), found, allowed)

    # -- single values -----------------------------------------------------------------------------

    def _pgbench(self, lines: Iterable[str]) -> Measurements:
        self._refuse_choices(PGBENCH)
        for line in self._counted(lines):
            parts = line.split()
            if not _PGBENCH_LINE.fullmatch(line):
                self._fail(_shown(line), "client, transaction, microseconds, script, and the time in two numbers")
            if parts[2].isdecimal():
                self._add(int(parts[2]))
            else:
                self._passed_over += 1
                self._failed += parts[2] != "skipped"
        return self._measurements(PGBENCH, "time", "us")

    def _k6(self, lines: Iterable[str]) -> Measurements:
        """Of one metric: a file has all of them, counts and times, and `where` may say no more than a method."""
        column, where, unit = self._wanted
        asked = dict(where)
        metric = asked.get("metric_name", _K6_USUAL)
        if metric in _K6_COUNTS and unit is None:
            self._line = 1  # which says that it is of k6
            self._fail(f"metric_name: {metric}, which is no time", f"one that is, such as {_K6_USUAL}")
        if "metric_name" not in asked:
            where = (("metric_name", _K6_USUAL), *where)
        self._wanted = Wanted(column or "metric_value", where, unit or "ms")
        return self._table(lines, K6, failed=None if "expected_response" in asked else "expected_response")

    def _refuse_choices(self, of_format: str) -> None:
        if self._wanted.column or self._wanted.where:
            self._fail(f"column or where for a {of_format}", "neither: it has one column of latencies")
        if self._wanted.unit not in (None, "us"):
            self._fail(f"unit {self._wanted.unit} for a {of_format}", "us")

    def _table(self, lines: Iterable[str], of_format: str, *, failed: str | None = None) -> Measurements:
        """Of a CSV; `failed`: a line failed where this column, if there is one, says false."""
        rows = csv.reader(self._counted(lines), delimiter=self._delimiter(of_format))
        header = next(self._rows(rows), None)
        if header is None:
            self._fail("no samples", "a line with the names of columns, and lines with their values")
        names = [name.strip() for name in header]
        place, unit = self._column(names)
        conditions = [(self._place_of(names, name), text) for name, text in self._wanted.where]
        succeeded = names.index(failed) if failed in names else None
        last = max([place, succeeded or 0, *(where for where, _ in conditions)])
        scale = None if unit is None else UNITS_US[unit]
        known: dict[str, int] = {}
        counts = self._counts
        for row in self._rows(rows):
            if len(row) <= last:
                self._fail(f"{len(row)} columns", f"{len(names)}, as the first line has")
            if conditions and not all(row[where].strip() == text for where, text in conditions):
                self._passed_over += 1
            elif succeeded is not None and row[succeeded] == "false":
                self._passed_over += 1
                self._failed += 1
            else:
                cell = row[place]
                # Most values of a file occur in it many times.
                us = known.get(cell)
                if us is None:
                    us = known[cell] = self._us(cell, scale)
                    if len(known) > KNOWN_MAX:
                        known.clear()
                counts[us] = counts.get(us, 0) + 1
        if not self._counts:
            self._fail_without_values(names, of_format)
        return self._measurements(of_format, names[place], unit or "as written")

    def _fail_without_values(self, names: Sequence[str], of_format: str) -> NoReturn:
        """Tell which condition no line meets, and what stands in its column; or that no line meets all of them."""
        where = self._wanted.where
        if self._failed:
            self._fail(
                f"{self._failed} requests, which all failed", 'one that did not; or expected_response: "false"'
            )
        there = {name: set[str]() for name, _ in where}
        rows = self._rows(csv.reader(self._counted(self._lines()), delimiter=self._delimiter(of_format)))
        for row in islice(rows, 1, None):
            for name, values in there.items():
                values.add(row[names.index(name)].strip())
        for name, text in where:
            if text not in there[name] and there[name]:
                told = [_shown(value) for value in sorted(there[name])]
                more = ", …" if len(told) > _VALUES_TOLD_MAX else ""
                self._line = 1  # which names the columns
                self._fail(f"no line where {name}: {text}", f"{', '.join(told[:_VALUES_TOLD_MAX])}{more}")
        asked = ", ".join(f"{name}: {text}" for name, text in where)
        self._fail(f"no line{f' where {asked}' if asked else ''}", "at least one value")

    def _rows(self, rows: Iterator[_Row]) -> Iterator[_Row]:
        try:
            yield from rows
        except csv.Error as error:
            self._fail(f"what is no CSV ({str(error).partition(' - ')[0]})", "lines of values with a delimiter")

    def _delimiter(self, of_format: str) -> str:
        if of_format == K6:
            return ","
        try:
            first = next(self._counted(self._lines()), "")
        finally:
            self._line = 0
        return max(",;\t", key=first.count)

    def _column(self, names: Sequence[str]) -> tuple[int, str | None]:
        """Which column, and its unit; `None`: each value says it."""
        wanted = self._wanted
        if wanted.column is not None:
            place = self._place_of(names, wanted.column)
        else:
            with_unit = [place for place, name in enumerate(names) if _unit_in(name)]
            if len(with_unit) != 1 and len(names) > 1:
                self._fail(f"columns {', '.join(names)}", f"column: one of {', '.join(names)}")
            place = with_unit[0] if with_unit else 0
        return place, wanted.unit or _unit_in(names[place])

    def _place_of(self, names: Sequence[str], name: str) -> int:
        if name not in names:
            self._fail(f"no column {name!r}", ", ".join(names))
        return names.index(name)

    def _us(self, cell: str, scale: float | None) -> int:
        match = _CELL.fullmatch(cell.strip())
        unit = None if match is None else match["unit"]
        if match is None or (unit is None and scale is None):
            hint = f"a number; with a unit, or unit: one of {UNITS}" if scale is None else "a number"
            self._fail(_shown(cell), hint)
        of_unit = UNITS_US[unit] if unit else scale
        assert of_unit is not None
        try:
            value = float(match["number"]) * of_unit
        except ValueError:
            self._fail(_shown(cell), "a number")
        if not 0 <= value <= DURATION_US_MAX:
            self._fail(_shown(cell), "0 to 30 days")
        return math.floor(value + 0.5)

    def _add(self, us: int) -> None:
        if us > DURATION_US_MAX:
            self._fail(f"{us} us", "0 to 30 days")
        self._counts[us] = self._counts.get(us, 0) + 1

    def _measurements(self, of_format: str, column: str, unit: str) -> Measurements:
        count = sum(self._counts.values())
        if not count:
            self._fail("no samples", "at least one value")
        samples = thinned(self._counts)
        return Measurements(samples, count, of_format, column, unit, self._passed_over, failed=self._failed)

    # -- summaries ---------------------------------------------------------------------------------

    def _redis_benchmark(self, lines: Iterable[str]) -> Measurements:
        if self._wanted.unit not in (None, "ms"):
            self._fail(f"unit {self._wanted.unit} for a {REDIS_BENCHMARK}", "ms")
        if self._wanted.column:
            self._fail(f"column for a {REDIS_BENCHMARK}", "none: all its quantiles are taken")
        rows = list(self._rows(csv.DictReader(self._counted(lines))))
        tests = [str(row["test"]) for row in rows]
        where = dict(self._wanted.where)
        chosen = [row for row in rows if all(row.get(name) == text for name, text in where.items())]
        if len(chosen) != 1:
            self._fail(
                f"{len(chosen)} tests" if where else f"{len(rows)} tests",
                f"where: {{test: one of {', '.join(tests)}}}",
            )
        points = {}
        for name, value in chosen[0].items():
            match = re.fullmatch(r"(min|max|p\d+)_latency_ms", name or "")
            if match is not None:
                points[match[1]] = self._us(str(value), 1_000)
        samples = between(self._quantiles(points))
        return Measurements(samples, 1, REDIS_BENCHMARK, "quantiles", "ms", len(rows) - 1, is_summary=True)

    def _quantiles(self, points: Mapping[str, int]) -> tuple[tuple[float, int], ...]:
        try:
            return quantiles_of(points)
        except ValueError as error:
            self._fail(", ".join(points) or "no quantiles", str(error))

    def _histogram(self, lines: Iterable[str]) -> Measurements:
        unit = self._wanted.unit
        if self._wanted.column or self._wanted.where:
            self._fail(f"column or where for {HDR}", "neither: it has one column of latencies")
        if unit is None:
            self._fail(f"no unit in {HDR}", f"unit: one of {UNITS}")
        scale = UNITS_US[unit]
        points: list[tuple[float, int]] = []
        total, is_in_table = 0, False
        for line in self._counted(lines):
            if _HDR_HEADER.fullmatch(line):
                is_in_table = True
                continue
            parts = line.split()
            if not is_in_table or len(parts) not in (3, 4):
                self._passed_over += 1
                is_in_table = is_in_table and not points
                continue
            points.append((float(self._number(parts[1])), self._us(parts[0], scale)))
            total = int(self._number(parts[2]))
        if not points:
            self._fail("no percentiles", "lines of Value, Percentile, TotalCount")
        samples = between(tuple(points))
        return Measurements(samples, total, HDR, "Value", unit, self._passed_over, is_summary=True)

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            self._fail(_shown(text), "a number")


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text) if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]!r}…"


def thinned(counts: Mapping[int, int]) -> tuple[int, ...]:
    """Values by how often each occurs: all, or `KEPT_MAX` of them that are equally spaced in their order."""
    values = sorted(counts)
    total = sum(counts.values())
    if total <= KEPT_MAX:
        return tuple(value for value in values for _ in range(counts[value]))
    ends = list(accumulate(counts[value] for value in values))
    kept, place = [], 0
    for number in range(KEPT_MAX):
        rank = number * (total - 1) // (KEPT_MAX - 1)
        while ends[place] <= rank:
            place += 1
        kept.append(values[place])
    return tuple(kept)


_QUANTILE = re.compile(r"p(?P<percent>\d{1,2}(\.\d{1,6})?)")
QUANTILES_ALLOWED = "min, max, and quantiles such as p50, p95, p99.9; max is needed, and one of the others"


def quantiles_of(points: Mapping[str, int]) -> tuple[tuple[float, int], ...]:
    """Probabilities with their values, from `min`, `p50`, `p99.9`, `max`; raises `ValueError`, what is allowed."""
    found: dict[float, int] = {}
    for name, us in points.items():
        match = _QUANTILE.fullmatch(name)
        if name not in ("min", "max") and match is None:
            raise ValueError(QUANTILES_ALLOWED)
        probability = 0.0 if name == "min" else 1.0 if match is None else float(match["percent"]) / 100
        found[probability] = us
    if "max" not in points or len(found) < 2:
        raise ValueError(QUANTILES_ALLOWED)
    ordered = tuple(sorted(found.items()))
    if any(second < first for (_, first), (_, second) in pairwise(ordered)):
        raise ValueError("quantiles that do not decrease")
    return ordered


def between(points: Sequence[tuple[float, int]]) -> tuple[int, ...]:
    """`KEPT_MAX` equally likely values of which these are quantiles, on straight lines between them."""
    known = sorted(dict(points).items())
    if known[0][0] > 0:
        known.insert(0, (0.0, known[0][1] // 2))
    values, place = [], 0
    for number in range(KEPT_MAX):
        probability = number / (KEPT_MAX - 1)
        while place + 1 < len(known) - 1 and known[place + 1][0] < probability:
            place += 1
        (low, low_us), (high, high_us) = known[place], known[min(place + 1, len(known) - 1)]
        share = 1.0 if high <= low else min(1.0, (probability - low) / (high - low))
        values.append(math.floor(low_us + share * (high_us - low_us) + 0.5))
    return tuple(values)
