"""From a valid file to its scenario; from anything else to `InvalidScenario`, and to nothing but that."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchsim.batch.setting import Call, Item, Kind, Setting
from batchsim.scenario import (
    Empirical,
    InvalidScenario,
    Legs,
    RoundTrip,
    Scenario,
    find_policy,
    find_verdict,
    load_scenario,
    scenario_from_data,
)

Complaints = Callable[..., list[str]]

HEAD = "name: x\nbatch: {items: 3}\n"
INCIDENT = """\
name: large-payloads
summary: Three large payloads.
batch: {items: 3, call: batchTrigger}
items:
  kind: ok
  upload: 3 s
  execution: 500 ms
  failed_attempts: 0
  overrides:
    - {index: 2, upload: 200 ms}
consumers: 2
ingest_concurrency: 1
policies: [pre3427, pr3427, pr3766, pr4397]
latency:
  redis: {uniform: [200 us, 1 ms]}
  postgres: {lognormal: {median: 2 ms, p99: 12 ms, max: 200 ms}}
  http: 40 ms
  operations:
    redis.enqueued_count: {request: {uniform: [200 us, 80 ms]}, response: 300 us}
faults: []
seed: 1
expect:
  {pre3427: false_failure, pr3427: false_failure, pr3766: ok, pr4397: ok}
expect_explore:
  {pre3427: [ok, false_failure], pr3427: [ok, false_failure], pr3766: [ok], pr4397: [ok]}
"""


def test_the_scenario_of_the_design(folder: Path) -> None:
    (folder / "incident.yaml").write_text(INCIDENT)
    scenario = load_scenario("incident.yaml")
    assert (scenario.name, scenario.file, scenario.seed) == ("large-payloads", "incident.yaml", 1)
    assert scenario.setting == Setting((Item(offloaded=True),) * 3, Call.TRIGGER, 2, 1)
    assert scenario.policies == ("pre3427", "pr3427", "pr3766", "pr4397")
    assert scenario.expect["pr3427"] == {"false_failure"}
    assert scenario.expect_explore["pre3427"] == {"ok", "false_failure"}
    assert isinstance(scenario.latency_of("redis.enqueued_count"), Legs)


def test_what_is_not_said_has_a_default() -> None:
    scenario = scenario_from_data({"name": "x", "batch": {"items": 2}})
    assert scenario.setting == Setting((Item(), Item()), Call.TRIGGER, 3, None)
    assert scenario.policies == ("pre3427", "pr3427_count_only", "pr3427", "pr3766", "pr3777", "pr4397")
    assert (scenario.summary, scenario.verdicts, scenario.seed) == ("", (), 1)
    assert scenario.expect == scenario.expect_explore == {}


def test_a_shipped_policy_may_be_called_by_what_it_is() -> None:
    """As options may: and it is the same policy, whose expectations may be under either name."""
    data = {"name": "x", "batch": {"items": 1}, "policies": ["bug", "second-fix"]}
    expected = {"expect": {"bug": "false_failure", "pr3766": "ok"}}
    by_name = {"name": "x", "batch": {"items": 1}, "policies": ["pre3427", "pr3766"]}
    expected_by_name = {"expect": {"pre3427": "false_failure", "pr3766": "ok"}}
    assert scenario_from_data({**data, **expected}) == scenario_from_data({**by_name, **expected_by_name})
    with pytest.raises(InvalidScenario, match="found 'pre3427' again"):
        scenario_from_data({**data, "policies": ["bug", "pre3427"]})


def test_overrides_keep_what_they_do_not_name() -> None:
    items = {
        "kind": "pre_failed",
        "upload": "1 s",
        "failed_attempts": 2,
        "overrides": [{"index": [0, 3], "upload": 0, "failed_attempts": 0}, {"index": 1, "kind": "ok"}],
    }
    scenario = scenario_from_data({"name": "x", "batch": {"items": 4}, "items": items})
    small = Item(Kind.PRE_FAILED, offloaded=False, failed_attempts=0)
    assert scenario.setting.items == (
        small,
        Item(Kind.OK, offloaded=True, failed_attempts=2),
        Item(Kind.PRE_FAILED, offloaded=True, failed_attempts=2),
        small,
    )


@pytest.mark.parametrize(
    ("upload", "offloaded"), [(0, False), ("0 s", False), ("1 us", True), ({"uniform": [0, "1 s"]}, True)]
)
def test_no_upload_time_means_no_upload_step(upload: object, offloaded: bool) -> None:
    by_item = {"items": {"upload": upload}}
    by_operation = {"latency": {"operations": {"store.upload": upload}}}
    for way in (by_item, by_operation):
        scenario = scenario_from_data({"name": "x", "batch": {"items": 1}, **way})
        assert scenario.setting.items[0].offloaded is offloaded


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("batch.items", 1, 100_000),
        ("consumers", 1, 10_000),
        ("ingest_concurrency", 1, 1_000),
        ("items.failed_attempts", 0, 5),
        ("seed", 0, 2**64 - 1),
    ],
)
def test_limits_at_their_edges(text: str, low: int, high: int, complaints: Complaints) -> None:
    for value in (low, high):
        assert complaints(HEAD, f"{text}={value}") == []
    for value in (low - 1, high + 1):
        (message,) = complaints(HEAD, f"{text}={value}")
        assert f"found {value}; allowed: a whole number from {low} to {high}" in message


def test_a_large_batch_shares_its_items_and_is_quick() -> None:
    began = time.process_time()
    data = {
        "name": "x",
        "batch": {"items": 100_000},
        "items": {"overrides": [{"index": 7, "kind": "rejected"}]},
    }
    scenario = scenario_from_data(data)
    assert time.process_time() - began < 1
    assert len({id(item) for item in scenario.setting.items}) == 2


def test_a_scenario_is_a_value(folder: Path) -> None:
    (folder / "s.yaml").write_text(INCIDENT)
    scenario = load_scenario("s.yaml")
    assert scenario == load_scenario("s.yaml")
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    with pytest.raises(AttributeError):
        scenario.seed = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        "3 ms\n1 ms\n",
        "latency, note\r\n3 ms, a\r\n\r\n1 ms\r\n",
        '\ufeff"3 ms",1\n"1 ms"',
        "0.003 s\n1000 us",
    ],
)
def test_samples_from_the_first_column_of_a_csv_file(text: str, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "m.csv").write_text(text, encoding="utf-8", newline="")
    (folder / "in" / "s.yaml").write_text(HEAD + "latency: {redis: {empirical: m.csv}}")
    scenario = load_scenario("in/s.yaml")
    assert scenario.latency_of("redis.record") == RoundTrip(Empirical((3_000, 1_000)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"x\n1 ms\n-3 ms\n",
            "m.csv:3:1: latency.redis.empirical: found '-3 ms'; allowed: a number with a unit",
        ),
        (b"5\n", "m.csv:1:1: latency.redis.empirical: found '5'; allowed: a number with a unit"),
        (b"1 ms\n\xff", "m.csv:2:1: latency.redis.empirical: found what is not text; allowed: UTF-8 text"),
        (
            b"root:$6$secret:19000\nanother:$6$secret\n",
            "m.csv:2:1: latency.redis.empirical: found 'another:'…; allowed: a number with a unit",
        ),
        (
            b"header\n",
            "s.yaml:3:30: latency.redis.empirical: found 'm.csv'; allowed: a CSV file with a duration",
        ),
    ],
)
def test_bad_samples_are_named_with_their_file_and_line(
    data: bytes, message: str, complaints: Complaints, folder: Path
) -> None:
    (folder / "m.csv").write_bytes(data)
    (found,) = complaints(HEAD + "latency: {redis: {empirical: m.csv}}")
    assert found.startswith(message)


def test_samples_are_read_from_no_pipe_and_no_device(complaints: Complaints, folder: Path) -> None:
    os.mkfifo(folder / "m.csv")
    for name, kind in (("m.csv", "FIFO"), ("/dev/tty", "device")):
        (found,) = complaints(HEAD + f"latency: {{redis: {{empirical: {name}}}}}")
        assert found.endswith(f"a CSV file with a duration in each line; no readable file (it is a {kind})")


MINE = """\
from batchsim.batch.policies import POLICIES
from batchsim.batch.verdicts import Property
P = POLICIES["pr3427"]
V = Property("too_many", "More than three attempts.", lambda outcome: False)
TWIN = Property("stuck", "Not that one.", lambda outcome: False)
"""


def test_policies_and_verdicts_of_the_user(complaints: Complaints, folder: Path) -> None:
    (folder / "mine.py").write_text(MINE)
    fields = "policies: [pr3427, 'mine.py:P']\nverdicts: ['mine.py:V']\nexpect: {'mine.py:P': [too_many, stuck]}"
    assert complaints(HEAD + fields) == []
    scenario = load_scenario("s.yaml", ["expect.mine.py:P=too_many"])
    assert scenario.policies == ("pr3427", "mine.py:P")
    assert scenario.expect == {"mine.py:P": {"too_many"}}
    assert [find_policy(name, scenario.directory).name for name in scenario.policies] == ["pr3427", "pr3427"]
    assert find_verdict(scenario.verdicts[0], scenario.directory).name == "too_many"
    assert "'too_many'; allowed" in complaints(HEAD + "expect: {pr3427: too_many}")[0]
    assert (
        "name: found 'stuck'; allowed: a name that is not batchsim's own"
        in complaints(HEAD + "verdicts: ['mine.py:TWIN']")[0]
    )
    assert "mine.py has no Q; of type Policy it has P" in complaints(HEAD + "policies: ['mine.py:Q']")[0]


def outcome(path: Path, data: bytes, *overrides: str) -> Scenario | InvalidScenario:
    path.write_bytes(data)
    """Whatever it is that loading gives; anything but these two ends the test."""
    try:
        return load_scenario(path, overrides)
    except InvalidScenario as error:
        return error


def check(result: Scenario | InvalidScenario) -> None:
    if isinstance(result, InvalidScenario):
        assert result.problems
        assert str(result).replace("\n", "").isprintable()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "s.yaml"


@given(data=st.binary(max_size=200))
@example(b"\xef\xbb")
@example(b"? ? ?")
@example(b"%YAML 9.9\n---\n")
def test_arbitrary_bytes_end_in_a_scenario_or_in_problems(file: Path, data: bytes) -> None:
    check(outcome(file, data))


KEYS = [
    "name",
    "batch",
    "items",
    "call",
    "kind",
    "upload",
    "execution",
    "overrides",
    "index",
    "consumers",
    "policies",
    "latency",
    "redis",
    "operations",
    "expect",
    "seed",
    "uniform",
    "normal",
    "mean",
    "request",
    "empirical",
    "faults",
    "redeliver",
    "crash",
    "slow",
    "actor",
    "operation",
    "probability",
]
words = st.sampled_from(
    [*KEYS, "3", "-1", "1 ms", "ok", "pr3427", "~", "1.5", "redis.record", "mine.py:P", "'\\0'"]
)
punctuation = st.sampled_from(
    [": ", "\n", "\n  ", ", ", "[", "]", "{", "}", "- ", "&a ", "*a", "!t ", "? ", "|\n", "'", '"', "#", "<<"]
)


@given(tokens=st.lists(words | punctuation, max_size=40))
def test_arbitrary_yaml_ends_in_a_scenario_or_in_problems(file: Path, tokens: list[str]) -> None:
    check(outcome(file, HEAD.encode() + "".join(tokens).encode()))


DAMAGE = "[]{}:,-&*!|>'\"#% \n\t~01ab"
edits = st.tuples(st.integers(0, len(INCIDENT)), st.integers(0, 8), st.text(DAMAGE, max_size=2))


@settings(max_examples=300)
@given(changes=st.lists(edits, min_size=1, max_size=4))
def test_a_damaged_scenario_ends_in_a_scenario_or_in_problems(
    file: Path, changes: list[tuple[int, int, str]]
) -> None:
    text = INCIDENT
    for at, length, replacement in changes:
        text = text[:at] + replacement + text[at + length :]
    check(outcome(file, text.encode()))


scalars = st.sampled_from(
    [None, True, 0, 1, -1, 2.5, "1 ms", "2 ms", "ok", "pr3427", "x", "", "\0", "\udc80", 2**70]
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, "[key]", ""]), inner, max_size=3)
    ),
)


@given(data=st.dictionaries(st.sampled_from(KEYS), values, max_size=6))
def test_arbitrary_data_ends_in_a_scenario_or_in_problems(data: dict[str, object]) -> None:
    with contextlib.suppress(InvalidScenario):
        scenario_from_data({"name": "x", "batch": {"items": 3}, **data})


@given(
    option=st.text(max_size=40)
    | st.builds("{}={}".format, st.lists(words, max_size=4).map(".".join), st.text(max_size=20))
)
def test_an_arbitrary_option_ends_in_a_scenario_or_in_problems(file: Path, option: str) -> None:
    check(outcome(file, HEAD.encode(), option))
