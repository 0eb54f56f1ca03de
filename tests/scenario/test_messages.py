"""Every kind of bad input gives its message, with the place and what is allowed."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from batchsim.batch.policies import POLICIES
from batchsim.batch.verdicts import VERDICTS
from batchsim.scenario import InvalidScenario, Problem, load_scenario
from batchsim.scenario.names import nameable_operations

Complaints = Callable[..., list[str]]

HEAD = "name: x\nbatch: {items: 3}\n"
KEYS = (
    "name, summary, batch, items, consumers, ingest_concurrency, limits, policies, verdicts, latency, faults, "
    "seed, expect, expect_explore, expect_timed, expect_rate"
)
DURATION = "a number with a unit (us, ms, s, min, h), such as 200 ms"
A_FILE = "a file of at most 1000000 bytes"
SPREADS = "uniform, normal, lognormal, exponential, empirical, quantiles"
POLICY = f"{', '.join(POLICIES)}, path/to/file.py:NAME"
VERDICT = ", ".join(sorted(VERDICTS))

# Below HEAD, so the first line is line 3.
IN_A_FIELD = [
    (
        "consumer: 2",
        f"3:1: consumer: found the unknown key 'consumer'; allowed: {KEYS}; did you mean 'consumers'?",
    ),
    ("systm: x.py:M", f"3:1: systm: found the unknown key 'systm'; allowed: {KEYS}; did you mean 'system'?"),
    (
        "latency: {redis.get: 1 ms}",
        "3:11: latency.redis.get: found the unknown key 'redis.get'; allowed: redis, postgres, http, stream_end, "
        "operations; put it below latency.operations",
    ),
    ("zzzzzz: 2", f"3:1: zzzzzz: found the unknown key 'zzzzzz'; allowed: {KEYS}"),
    ("consumers: 0", "3:12: consumers: found 0; allowed: a whole number from 1 to 10000"),
    ("limits: {concurrency: 0}", "3:23: limits.concurrency: found 0; allowed: a whole number from 1 to 10000"),
    ("limits: 5", "3:9: limits: found 5; allowed: a mapping with concurrency, stream, request_timeout"),
    ("consumers: 10001", "3:12: consumers: found 10001; allowed: a whole number from 1 to 10000"),
    ("consumers: '3'", "3:12: consumers: found '3'; allowed: a whole number from 1 to 10000"),
    ("consumers: true", "3:12: consumers: found true; allowed: a whole number from 1 to 10000"),
    ("consumers: 2.0", "3:12: consumers: found 2.0; allowed: a whole number from 1 to 10000"),
    ("consumers: 010", "3:12: consumers: found '010'; allowed: a whole number from 1 to 10000"),
    ("consumers: 1:30", "3:12: consumers: found '1:30'; allowed: a whole number from 1 to 10000"),
    ("consumers: yes", "3:12: consumers: found 'yes'; allowed: a whole number from 1 to 10000"),
    ("consumers: 2026-04-23", "3:12: consumers: found '2026-04-23'; allowed: a whole number from 1 to 10000"),
    ("consumers: [1]", "3:12: consumers: found a list; allowed: a whole number from 1 to 10000"),
    ("consumers:", "3:11: consumers: found nothing; allowed: a value, or no such key"),
    (
        "ingest_concurrency: 1001",
        "3:21: ingest_concurrency: found 1001; allowed: a whole number from 1 to 1000",
    ),
    ("seed: -1", "3:7: seed: found -1; allowed: a whole number from 0 to 18446744073709551615"),
    ("summary: 5", "3:10: summary: found 5; allowed: text without control characters; put it in quotes"),
    ('summary: "\\e[2J"', r"3:10: summary: found '\x1b[2J'; allowed: text without control characters"),
    (
        "items: {kind: okay}",
        "3:15: items.kind: found 'okay'; allowed: ok, expires, pre_failed, rejected; did you mean 'ok'?",
    ),
    (
        "items: {failed_attempts: 6}",
        "3:26: items.failed_attempts: found 6; allowed: a whole number from 0 to 5",
    ),
    (
        "items: 3",
        "3:8: items: found 3; allowed: a mapping with kind, upload, execution, failed_attempts, overrides",
    ),
    (
        "items: {upload: 3}",
        f"3:17: items.upload: found 3; allowed: {DURATION}, or a mapping with {SPREADS}; add a unit",
    ),
    (
        "items: {upload: 1.5 us}",
        "3:17: items.upload: found '1.5 us'; allowed: a whole number of microseconds",
    ),
    (
        "items: {upload: 31000 min, execution: 800 h}",
        "3:39: items.execution: found '800 h'; allowed: at most 30 days (720 h)",
    ),
    ("items: {overrides: {}}", "3:20: items.overrides: found a mapping; allowed: a list"),
    (
        "items:\n  overrides:\n    - {index: 3}",
        "5:15: items.overrides[0].index: found 3; allowed: 0 to 2, as batch.items is 3",
    ),
    (
        "items:\n  overrides:\n    - {index: -1}",
        "5:15: items.overrides[0].index: found -1; allowed: a whole number from 0 to batch.items - 1",
    ),
    (
        "items:\n  overrides:\n    - {index: [0, 1]}\n    - {index: 1}",
        "6:15: items.overrides[1].index: found 1 again; allowed: each item once",
    ),
    (
        "items: {overrides: [{index: []}]}",
        "3:29: items.overrides[0].index: found 0 values; allowed: at least 1 value",
    ),
    (
        "items: {overrides: [{kind: ok}]}",
        "3:21: items.overrides[0].index: missing; allowed: a whole number from 0 to batch.items - 1",
    ),
    ("policies: []", "3:11: policies: found 0 values; allowed: at least 1 value"),
    ("policies: pr3427", "3:11: policies: found 'pr3427'; allowed: a list"),
    ("policies: [pr342]", f"3:12: policies[0]: found 'pr342'; allowed: {POLICY}; did you mean 'pr3427'?"),
    ("policies: [pr3427, pr3427]", "3:20: policies[1]: found 'pr3427' again; allowed: each policy once"),
    (
        "policies: [mine.py:MINE]",
        "3:12: policies[0]: found 'mine.py:MINE'; allowed: a Policy of your own;"
        " mine.py: no readable file (No such file or directory)",
    ),
    ("verdicts: [stuck]", "3:12: verdicts[0]: found 'stuck'; allowed: path/to/file.py:NAME"),
    (
        "latency: {redis: {unifrom: [1 ms, 2 ms]}}",
        f"3:19: latency.redis.unifrom: found the unknown key 'unifrom'"
        f"; allowed: {SPREADS}, request, response;"
        " did you mean 'uniform'?",
    ),
    (
        "latency: {redis: {}}",
        f"3:18: latency.redis: found an empty mapping; allowed: one of {SPREADS}; or request and response",
    ),
    (
        "latency: {redis: {uniform: [0, 1 s], request: 1 s}}",
        f"3:18: latency.redis: found uniform and request; allowed: one of {SPREADS}; or request and response",
    ),
    (
        "latency: {redis: {uniform: [2 ms, 1 ms]}}",
        "3:28: latency.redis.uniform: found 2 ms before 1 ms; allowed: [shortest, longest]",
    ),
    ("latency: {redis: {uniform: [2 ms]}}", "3:28: latency.redis.uniform: found 1 value; allowed: 2 values"),
    (
        "latency: {redis: {uniform: [0, 0, 0]}}",
        "3:28: latency.redis.uniform: found 3 values; allowed: 2 values",
    ),
    (
        "latency: {redis: {uniform: [1 ms, 2 mss]}}",
        f"3:35: latency.redis.uniform[1]: found '2 mss'; allowed: {DURATION}",
    ),
    (
        "latency: {redis: {normal: {mean: 1 s, sd: 0}}}",
        "3:43: latency.redis.normal.sd: found 0; allowed: longer than 0",
    ),
    (
        "latency: {redis: {normal: {sd: 1 s}}}",
        f"3:27: latency.redis.normal.mean: missing; allowed: {DURATION}",
    ),
    (
        "latency: {redis: {normal: {mean: 3 s, sd: 1 s, min: 5 s, max: 4 s}}}",
        "3:27: latency.redis.normal: found max 4 s below min 5 s; allowed: max at least min",
    ),
    (
        "latency: {redis: {exponential: {mean: 3 s, min: 5 s}}}",
        "3:32: latency.redis.exponential: found mean 3 s below min 5 s; allowed: mean at least min",
    ),
    (
        "latency: {redis: {lognormal: {median: 3 s, p99: 5 s, max: 2 s}}}",
        "3:30: latency.redis.lognormal: found max 2 s below median 3 s; allowed: max at least median",
    ),
    (
        "latency: {redis: {lognormal: {median: 3 s, p99: 3 s}}}",
        "3:30: latency.redis.lognormal: found median 3 s, p99 3 s; allowed: a p99 above the median",
    ),
    (
        "latency: {redis: {empirical: no.csv}}",
        "3:30: latency.redis.empirical: found 'no.csv'; allowed: a CSV file with a duration in each line;"
        " no readable file (No such file or directory)",
    ),
    (
        "latency: {redis: {empirical: slow.csv}}",
        f"slow.csv:3:1: latency.redis.empirical: found '7'; allowed: {DURATION}",
    ),
    (
        "latency:\n  operations:\n    redis.enqueued_cont: 1 ms",
        f"5:5: latency.operations.redis.enqueued_cont: found 'redis.enqueued_cont'"
        f"; allowed: {', '.join(nameable_operations())};"
        " did you mean 'redis.enqueued_count'?",
    ),
    (
        "expect: {pr3428: ok}",
        f"3:10: expect.pr3428: found 'pr3428'; allowed: {POLICY}; did you mean 'pr3427'?",
    ),
    (
        "expect: {pr3427: stuk}",
        f"3:18: expect.pr3427: found 'stuk'; allowed: {VERDICT}; did you mean 'stuck'?",
    ),
    ("expect: {pr3427: []}", "3:18: expect.pr3427: found 0 values; allowed: at least 1 value"),
    (
        "expect: {pr3427: [ok, stuck]}",
        "3:18: expect.pr3427: found ok, stuck; allowed: ok alone, as it means that no other verdict is given",
    ),
    (
        "expect_explore: {pr3427: [ok, fale_failure]}",
        f"3:31: expect_explore.pr3427[1]: found 'fale_failure'; allowed: {VERDICT}; did you mean 'false_failure'?",
    ),
]


@pytest.mark.parametrize(("text", "message"), IN_A_FIELD)
def test_a_bad_field(text: str, message: str, complaints: Complaints, folder: Path) -> None:
    (folder / "slow.csv").write_text("latency\n5 ms\n7\n")
    assert [line.removeprefix("s.yaml:") for line in complaints(HEAD + text)] == [message]


IN_THE_TEXT = [
    ("", "1:1: found an empty file; allowed: a scenario; its name and batch.items are required"),
    ("# nothing\n", "1:1: found an empty file; allowed: a scenario; its name and batch.items are required"),
    ("- x", f"1:1: found a list; allowed: a mapping with {KEYS}"),
    ("a: 1\n---\nb: 2", "2:1: found a second document; allowed: one document per file"),
    (b"\x1f\x8b\x08", " found what is compressed; allowed: the same unpacked, as by gunzip"),
    (b"a: 1\nb: \xe9", "2:4: found what is not text; allowed: UTF-8 text without control characters"),
    (b"a: 1\nb: \x00", "2:4: found what is not text; allowed: UTF-8 text without control characters"),
    ("a: 1\nb: \x85\x9b", r"3:1: found the character '\x9b'; allowed: printable characters"),
    ("root:$6$secret:19000:0", f"1:1: found no mapping; allowed: a mapping with {KEYS}"),
    (
        "root: $6$secret\nroot: again",
        f"1:1: found a mapping with none of the keys of a scenario; allowed: a mapping with {KEYS}",
    ),
    ("a: *" + "b" * 99, f"1:4: found the alias *{'b' * 60}; allowed: the name of an anchor (&name) above it"),
    ("a: *b", "1:4: found the alias *b; allowed: the name of an anchor (&name) above it"),
    ("a: &b [*b]", "1:8: found the alias *b inside of what it stands for; allowed: no such circle"),
    (
        "a: [1, 2\nb: 3",
        "2:2: found a list […] that is not closed, or that lacks a comma; it starts in line 1, column 4",
    ),
    (
        "a: {b: 1\n",
        "2:1: found a mapping {…} that is not closed, or that lacks a comma; it starts in line 1, column 4",
    ),
    ("a: 'b\n", "2:1: found a quoted text that is not closed; it starts in line 1, column 4"),
    ("a: b: c", "1:5: found a ': ' where no key can be (quote a text that contains ': ')"),
    (
        "a: @b",
        "1:4: found a character that no unquoted text can start with (a tab, or one of @ ` % & * ! | > } ])",
    ),
    (
        "a: 1\n\tb: 2",
        "2:1: found a tab in the indentation (indent with spaces)",
    ),
    ("[" * 100_000, "1:65: found lists and mappings nested too deep; allowed: 64 levels"),
    ("- " * 100_000, "1:129: found lists and mappings nested too deep; allowed: 64 levels"),
    (
        "\n".join(
            [
                "a: &a [x, x]",
                *(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=False)),
            ]
        ),
        "6:20: found aliases that grow too large; allowed: 100000 values from aliases in all",
    ),
    (
        "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 30 + "*a" + "]" * 30,
        "2:34: found lists and mappings nested too deep; allowed: 64 levels",
    ),
    ("#" * 1_000_001, f" found a file of more than 1000000 bytes; allowed: {A_FILE}"),
]


@pytest.mark.parametrize(("text", "message"), IN_THE_TEXT)
def test_a_bad_text(text: str | bytes, message: str, complaints: Complaints) -> None:
    assert complaints(text) == [f"s.yaml:{message}"]


def test_problems_of_the_text_and_of_its_fields_come_together_in_order(complaints: Complaints) -> None:
    text = (
        "name: x\nbatch: {items: 2, items: 3}\n1: x\n[a]: x\nseed: !!int 5\n"
        "items: &i {kind: okay}\n<<: *i\nconsumers: 0\n"
    )
    assert complaints(text, "items.failed_attempts=9", "batch", "seed=[", seed=-2) == [
        "--seed -2: seed: found -2; allowed: a whole number from 0 to 18446744073709551615",
        "--set batch: found no '='; allowed: KEY=VALUE, such as batch.items=5",
        "--set items.failed_attempts=9: items.failed_attempts: found 9; allowed: a whole number from 0 to 5",
        "--set seed=[: seed: found a comma, a bracket or the end where a value must be",
        "s.yaml:2:19: batch.items: found the key 'items' again; allowed: each key once",
        "s.yaml:3:1: found 1 as a key; allowed: text; put it in quotes if it is meant as text",
        "s.yaml:4:1: found a list as a key; allowed: text",
        "s.yaml:5:7: seed: found the tag '!!int'; allowed: no tags",
        "s.yaml:6:18: items.kind: found 'okay'; allowed: ok, expires, pre_failed, rejected; did you mean 'ok'?",
        f"s.yaml:7:1: <<: found the unknown key '<<'; allowed: {KEYS}",
        "s.yaml:8:12: consumers: found 0; allowed: a whole number from 1 to 10000",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.yaml", f"no.yaml: found no readable file (No such file or directory); allowed: {A_FILE}"),
        (".", f".: found no readable file (Is a directory); allowed: {A_FILE}"),
        (
            "a\0b",
            "'a\\x00b': found no file, and no scenario of this name that is shipped; batchsim scenarios lists "
            "them",
        ),
        ("fifo.yaml", f"fifo.yaml: found no readable file (it is a FIFO); allowed: {A_FILE}"),
        ("/dev/zero", f"/dev/zero: found no readable file (it is a device); allowed: {A_FILE}"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, message: str, folder: Path) -> None:
    os.mkfifo(folder / "fifo.yaml")
    with pytest.raises(InvalidScenario) as caught:
        load_scenario(name)
    assert str(caught.value) == message
    assert folder.is_dir()


def test_what_a_user_wrote_reaches_no_terminal_raw(complaints: Complaints) -> None:
    text = 'name: x\nbatch: {items: 1}\n"\\e[31m\\n": 1\n' + "k" * 500 + ": 1"
    for message in complaints(text):
        assert message.isprintable()
        assert len(message) < 500


def test_very_many_problems_are_counted_not_listed(complaints: Complaints) -> None:
    messages = complaints(HEAD + "".join(f"k{number}: 1\n" for number in range(60)))
    assert len(messages) == 51
    assert messages[-1] == "… and 10 more problems"


def test_problems_survive_the_way_from_another_process() -> None:
    error = InvalidScenario([Problem("s.yaml", 1, 2, "a", None, "b")])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.problems) == ("s.yaml:1:2: a: missing; allowed: b", error.problems)
