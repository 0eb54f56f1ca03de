"""Latencies from the files of load generators, recognised by their content; errors are told by their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.scenario import InvalidScenario, scenario_from_data
from batchsim.scenario.latencies import Empirical, RoundTrip
from batchsim.scenario.measurements import (
    KEPT_MAX,
    Measurements,
    Wanted,
    between,
    quantiles_of,
    read_measurements,
    recognised,
    thinned,
)
from batchsim.scenario.samples import read_samples_us

K6 = """\
metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,\
status,subproto,tls_version,url,extra_tags,metadata
http_reqs,1732753802,1.000000,,,,true,,GET,http://localhost/,HTTP/1.1,default,,200,,,http://localhost/,,
http_req_duration,1732753802,109.434300,,,,true,,GET,http://localhost/,HTTP/1.1,default,,200,,,http://localhost/,,
http_req_blocked,1732753802,0.004000,,,,true,,GET,http://localhost/,HTTP/1.1,default,,200,,,http://localhost/,,
http_req_duration,1732753803,12.0005,,,,true,,GET,http://localhost/,HTTP/1.1,default,,200,,,http://localhost/,,
http_req_waiting,1732753804,40.1,,,,true,,POST,http://localhost/,HTTP/1.1,default,,202,,,http://localhost/,,
http_req_duration,1732753804,40.5,,,,true,,POST,http://localhost/,HTTP/1.1,default,,202,,,http://localhost/,,
http_req_duration,1732753864,60000.1,,request timeout,1050,false,,POST,http://localhost/,HTTP/1.1,default,,0,,,,,
"""
PGBENCH = """\
0 199 2241 0 1175850568 995598
0 200 2465 0 1175850568 998079
0 201 skipped 1 1175850569 608
1 202 failed 0 1175850569 700
"""
REDIS_BENCHMARK = """\
"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"SET","161290.33","0.168","0.056","0.159","0.247","0.455","1.167"
"GET","178571.42","0.150","0.048","0.143","0.215","0.303","0.687"
"""
HDR = """\
#[Overall Latency Distribution]
       Value     Percentile   TotalCount 1/(1-Percentile)

       0.921     0.000000000            1         1.00
       2.053     0.500000000        49966         2.00
       4.115     0.990000000        98932       100.00
      10.223     1.000000000        99932          inf
#[Mean    =        2.100, StdDeviation   =        0.810]
#[Max     =       10.223, Total count    =        99932]
"""
TABLE = "# measured at night\nid;latency_ms;of\n1;1.5;a\n2;0.0004;b\n\n3;2,;b\n".replace("2,", "2.25")


def read(tmp_path: Path, text: str, wanted: Wanted = Wanted()) -> Measurements:  # noqa: B008 - it never changes
    file = tmp_path / "measured"
    file.write_text(text)
    return read_measurements(file, wanted)


@pytest.mark.parametrize(
    ("text", "wanted", "of_format", "samples_us", "passed_over"),
    [
        (K6, Wanted(), "k6 CSV", (12_001, 40_500, 109_434), 4),
        (K6, Wanted(where=(("metric_name", "http_req_blocked"),)), "k6 CSV", (4,), 6),
        # Who asks for a method wants how long its requests took, and no count, nor what failed.
        (K6, Wanted(where=(("method", "POST"),)), "k6 CSV", (40_500,), 6),
        (K6, Wanted(where=(("method", "POST"), ("expected_response", "false"))), "k6 CSV", (60_000_100,), 6),
        (PGBENCH, Wanted(), "pgbench log", (2241, 2465), 2),
        (TABLE, Wanted(), "CSV", (0, 1500, 2250), 0),
        (TABLE, Wanted(where=(("of", "b"),)), "CSV", (0, 2250), 1),
        (TABLE, Wanted("id", unit="s"), "CSV", (1_000_000, 2_000_000, 3_000_000), 0),
        ("took,x\n1.5 ms,1\n20 us,2\n", Wanted("took"), "CSV", (20, 1500), 0),
        ("\ufefftime (us)\n7\n3\n", Wanted(), "CSV", (3, 7), 0),
    ],
)
def test_single_values(
    tmp_path: Path, text: str, wanted: Wanted, of_format: str, samples_us: tuple[int, ...], passed_over: int
) -> None:
    found = read(tmp_path, text, wanted)
    assert (found.format, found.samples_us, found.passed_over) == (of_format, samples_us, passed_over)
    assert found.count == len(samples_us)
    assert recognised(tmp_path / "measured") in (of_format, None)


@pytest.mark.parametrize(
    ("text", "wanted", "of_format", "quantiles_us"),
    [
        (REDIS_BENCHMARK, Wanted(where=(("test", "GET"),)), "redis-benchmark CSV", (48, 143, 303, 687)),
        (HDR, Wanted(unit="ms"), "HdrHistogram percentiles", (921, 2053, 4115, 10_223)),
    ],
)
def test_summaries_keep_their_quantiles(
    tmp_path: Path, text: str, wanted: Wanted, of_format: str, quantiles_us: tuple[int, ...]
) -> None:
    found = read(tmp_path, text, wanted)
    assert (found.format, found.is_summary, len(found.samples_us)) == (of_format, True, KEPT_MAX)
    places = (0, 0.5, 0.99, 1)
    assert [found.samples_us[round(each * (KEPT_MAX - 1))] for each in places] == pytest.approx(quantiles_us, 0.01)
    assert (found.samples_us[0], found.samples_us[-1]) == (quantiles_us[0], quantiles_us[-1])


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        (REDIS_BENCHMARK, Wanted(), "found 2 tests; allowed: where: {test: one of SET, GET}"),
        (HDR, Wanted(), "no unit in HdrHistogram percentiles; allowed: unit: one of us, ms, s"),
        (K6, Wanted("nope"), "1:1: found no column 'nope'; allowed: metric_name"),
        (K6, Wanted(where=(("metric_name", "nope"),)), "found no line where metric_name: nope"),
        (K6, Wanted(unit="h"), "the unit 'h'; allowed: us, ms, s, ns"),
        ("a,b\n1,2\n", Wanted(), "found columns a, b; allowed: column: one of a, b"),
        ("a\n1\n", Wanted("a"), "2:1: found '1'; allowed: a number; with a unit, or unit: one of us"),
        ("a_ms\n1\n-2\n", Wanted(), "3:1: found '-2'; allowed: 0 to 30 days"),
        ("a_ms\n1\nnan\n", Wanted(), "3:1: found 'nan'; allowed: a number"),
        ("a_ms,b\n1,2\n3\n", Wanted(where=(("b", "2"),)), "3:1: found 1 columns; allowed: 2, as the first"),
        ("1175850568 100 2241 56 1 90\n", Wanted(), "sums over intervals; allowed: a log of single transactions"),
        (PGBENCH + "0 1\n", Wanted(), "5:1: found '0 1'; allowed: client, transaction, microseconds"),
        (PGBENCH, Wanted("time"), "column or where for a pgbench log; allowed: neither"),
        (HDR, Wanted("x", unit="ms"), "column or where for HdrHistogram percentiles; allowed: neither"),
        (REDIS_BENCHMARK, Wanted("x", (("test", "GET"),)), "column for a redis-benchmark CSV; allowed: none"),
        ("a_ms\n1\n2\r3\n", Wanted(), "found what is no CSV (new-line character seen in unquoted field)"),
        ("", Wanted(), "found no samples"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path: Path, text: str, wanted: Wanted, told: str) -> None:
    with pytest.raises(InvalidScenario) as refused:
        read(tmp_path, text, wanted)
    assert told in str(refused.value)
    assert "measured" in str(refused.value)


def test_what_is_no_text_and_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "measured"
    file.write_bytes(b"a_ms\n1\n\xff\n")
    with pytest.raises(InvalidScenario, match=r"measured:3:1: found what is not text"):
        read_measurements(file)
    with pytest.raises(InvalidScenario, match="no readable file"):
        read_measurements(tmp_path / "missing")
    monkeypatch.setattr("batchsim.scenario.measurements.BYTES_MAX", 10)
    file.write_text("a_ms\n1\n2\n3\n4\n")
    with pytest.raises(InvalidScenario, match="found a file of more than 10 bytes"):
        read_measurements(file)
    monkeypatch.setattr("batchsim.scenario.samples.BYTES_MAX", 10)
    file.write_text("1 us\n2 us\n3 us\n")
    with pytest.raises(InvalidScenario, match="no name of a column; allowed: a first line such as latency_ms"):
        read_samples_us(file)
    file.write_bytes(b"a_ms\r1\n")
    assert recognised(file) is None


def test_a_scenario_takes_them_by_file_column_where_and_unit(tmp_path: Path) -> None:
    (tmp_path / "k6.csv").write_text(K6)
    (tmp_path / "plain.csv").write_text("1 ms\n2 ms\n")

    def redis(written: object) -> object:
        scenario = scenario_from_data(
            {"name": "x", "batch": {"items": 1}, "latency": {"redis": written}}, tmp_path
        )
        return scenario.latency_of("redis.record")

    assert redis({"empirical": "k6.csv"}) == RoundTrip(Empirical((12_001, 40_500, 109_434)))
    failed = {"file": "k6.csv", "where": {"expected_response": False}}
    assert redis({"empirical": failed}) == RoundTrip(Empirical((60_000_100,)))
    assert redis({"empirical": "plain.csv"}) == RoundTrip(Empirical((1000, 2000)))
    source = {"file": "k6.csv", "column": "metric_value", "where": {"metric_name": "http_reqs"}, "unit": "us"}
    assert redis({"empirical": source}) == RoundTrip(Empirical((1,)))
    for written, told in (
        ({"empirical": {"file": "k6.csv", "unit": "weeks"}}, "found weeks; allowed: unit: one of"),
        ({"empirical": {"column": "a"}}, "allowed: the path of a CSV file, or a mapping with file"),
        (
            {"empirical": {"file": "k6.csv", "column": "b"}},
            "k6.csv:1:1: latency.redis.empirical: found no column 'b'",
        ),
        ({"empirical": {"file": "none.csv"}}, "no readable file"),
        (
            {"empirical": {"file": "k6.csv", "colum": "b"}},
            "found the unknown key 'colum'; allowed: file, column, where, unit; did you mean 'column'?",
        ),
        (
            {"empirical": {"file": "k6.csv", "where": {"method": "post"}}},
            "k6.csv:1:1: latency.redis.empirical: found no line where method: post; allowed: 'GET', 'POST'",
        ),
        (
            {"empirical": {"file": "k6.csv", "where": {"metric_name": "http_reqs"}}},
            "found metric_name: http_reqs, which is no time; allowed: one that is, such as http_req_duration",
        ),
        ({"quantiles": {"p50": "1 ms"}}, "max is needed"),
        ({"quantiles": {"p50": "3 ms", "max": "2 ms"}}, "quantiles that do not decrease"),
        ({"quantiles": {"p50": 3, "max": "2 ms"}}, "add a unit"),
    ):
        with pytest.raises(InvalidScenario) as refused:
            redis(written)
        assert told in str(refused.value)
    found = redis({"quantiles": {"p50": "1 ms", "p95": "3 ms", "p99": "9 ms", "max": "20 ms"}})
    assert isinstance(found, RoundTrip)
    assert found.total.support_us == (500, 20_000)


@given(st.dictionaries(st.integers(0, 10_000), st.integers(1, 3000), min_size=1, max_size=30))
def test_of_many_values_every_percentile_stays(counts: dict[int, int]) -> None:
    whole = [value for value in sorted(counts) for _ in range(counts[value])]
    kept = thinned(counts)
    assert (kept[0], kept[-1]) == (whole[0], whole[-1])
    assert len(kept) == min(len(whole), KEPT_MAX)
    for percent in (1, 50, 95, 99):
        rank = percent / 100
        near = whole[max(0, int(rank * len(whole)) - len(whole) // 5000 - 2) : int(rank * len(whole)) + 3]
        assert near[0] <= kept[round(rank * (len(kept) - 1))] <= max(near[-1], near[0])


@given(
    st.dictionaries(
        st.sampled_from(["min", "p1", "p50", "p90", "p99", "p99.9"]), st.integers(0, 10**6), min_size=1
    ),
    st.integers(0, 10**6),
)
def test_values_between_quantiles_lie_between_them(points: dict[str, int], longest: int) -> None:
    order = ["min", "p1", "p50", "p90", "p99", "p99.9", "max"]
    names = [name for name in order if name in points or name == "max"]
    values = sorted([*points.values(), longest])
    sound = dict(zip(names, values, strict=True))
    quantiles = quantiles_of(sound)
    samples = between(quantiles)
    assert list(samples) == sorted(samples)
    assert samples[-1] == sound["max"]
    for probability, us in quantiles:
        place = probability * (KEPT_MAX - 1)
        assert samples[int(place)] <= us <= samples[min(KEPT_MAX - 1, int(place) + 1)]
