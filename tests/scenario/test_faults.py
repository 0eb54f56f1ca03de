"""Entries of `faults`: what each means, and what each wrong one is told."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.batch.faults import BEFALLEN, CRASHING, Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.operations import names_befallen, names_done_by
from batchsim.model.faults import Effect, Fault
from batchsim.scenario import InvalidScenario, Scenario, Slow, json_schema, load_scenario, scenario_from_data
from batchsim.scenario.names import nameable_operations
from batchsim.scenario.tree import plain
from batchsim.scenario.yaml_file import parse_yaml

Complaints = Callable[..., list[str]]

HEAD = "name: x\nbatch: {items: 3}\nconsumers: 2\n"
SCHEMA = json_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
MS, S = 1_000, 1_000_000


def data_of(entry: str) -> dict[str, Any]:
    root = parse_yaml(f"{HEAD}faults:\n  - {entry}\n", "s.yaml").root
    assert root is not None
    data = plain(root)
    assert isinstance(data, dict)
    return data


def scenario(*entries: dict[str, Any]) -> Scenario:
    return scenario_from_data({"name": "x", "batch": {"items": 3}, "consumers": 2, "faults": list(entries)})


# -- what is right -----------------------------------------------------------------------------

MEANT: list[tuple[str, Fault | Slow]] = [
    ("lost_response: {attempt: 1}", LostResponse(attempt=1)),
    ("lost_response: {probability: 1%}", LostResponse(probability=0.01)),
    ("lost_response: {at_most: 9, attempt: 5}", LostResponse(attempt=5, at_most=9)),
    ("disconnect: {attempt: 1, at: 300 ms}", Disconnect(attempt=1, at_us=300 * MS)),
    ("disconnect: {at: 0}", Disconnect(at_us=0)),
    ("cut: {attempt: 1, after_items: 2}", Cut(attempt=1, after_items=2)),
    ("cut: {after_items: 0, probability: 100 %}", Cut(after_items=0, probability=1.0)),
    ("redeliver: {item: 0, at: 61 s}", Redeliver(item=0, at_us=61 * S)),
    ("redeliver: {at_most: 1}", Redeliver(at_most=1)),
    ("crash: {actor: consumer-1, before: redis.cleanup}", Crash(actor="consumer-1", before="redis.cleanup")),
    ("crash: {before: queue.push, actor: handler, item: 2}", Crash(actor="handler", before="queue.push", item=2)),
    ("crash: {actor: handler-5, at: 1 s}", Crash(actor="handler-5", at_us=S)),
    ("crash: {actor: consumer, at_most: 1}", Crash(actor="consumer", at_most=1)),
    ("crash: {actor: sdk, at_most: 1}", Crash(actor="sdk", at_most=1)),
    ("crash: {actor: dispatcher, before: queue.offer}", Crash(actor="dispatcher", before="queue.offer")),
    ("crash: {actor: run-2}", Crash(actor="run-2")),
    ("store_error: {actor: job, at_most: 2}", StoreError(actor="job", at_most=2)),
    ("store_error: {operation: postgres.abort}", StoreError(operation="postgres.abort")),
    (
        "store_error: {operation: postgres.completion_update, effect: after}",
        StoreError(operation="postgres.completion_update", effect=Effect.AFTER),
    ),
    (
        "store_error: {actor: consumer-0, operation: queue.read, item: 1, at: 2 s}",
        StoreError(actor="consumer-0", operation="queue.read", item=1, at_us=2 * S),
    ),
    ("store_error: {probability: 0.25}", StoreError(probability=0.25)),
    ("slow: {operation: run.finish, delay: 5 s}", Slow(operation="run.finish", delay_us=5 * S)),
    ("slow: {operation: queue.complete, delay: 1 ms}", Slow(operation="queue.complete", delay_us=MS)),
    (
        "slow: {operation: redis.get_meta, delay: 1 us, actor: handler, item: 1, attempt: 2, probability: 12.5%}",
        Slow(operation="redis.get_meta", delay_us=1, actor="handler", item=1, attempt=2, probability=0.125),
    ),
]


@pytest.mark.parametrize(("entry", "meant"), MEANT)
def test_an_entry_is_a_value(entry: str, meant: Fault | Slow) -> None:
    data = data_of(entry)
    VALIDATOR.validate(data)
    built = scenario_from_data(data)
    assert (*built.setting.faults, *built.injected_delays) == (meant,)
    assert isinstance(meant, Slow) == bool(built.injected_delays)


def test_faults_come_in_the_order_of_the_file_and_as_often_as_they_stand_there() -> None:
    slow = {"slow": {"operation": "redis.cleanup", "delay": "1 s"}}
    again = {"redeliver": {"item": 1}}
    built = scenario(again, slow, {"crash": {"at_most": 1}}, again, slow)
    assert built.setting.faults == (Redeliver(item=1), Crash(at_most=1), Redeliver(item=1))
    assert built.injected_delays == (Slow(operation="redis.cleanup", delay_us=S),) * 2
    assert [written.field for written in built.written_faults] == [
        "faults[0].redeliver",
        "faults[2].crash",
        "faults[3].redeliver",
    ]
    assert pickle.loads(pickle.dumps(built)) == built


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        ("faults.0.crash.before=redis.cleanup", Crash(actor="consumer-0", before="redis.cleanup")),
        ("faults[0].crash.at=3 s", Crash(actor="consumer-0", at_us=3 * S)),
        ("faults.0={lost_response: {attempt: 2}}", LostResponse(attempt=2)),
    ],
)
def test_an_option_changes_an_entry(option: str, fault: Fault, complaints: Complaints) -> None:
    assert complaints(HEAD + "faults:\n  - crash: {actor: consumer-0}\n", option) == []
    assert load_scenario("s.yaml", [option]).setting.faults == (fault,)


def test_an_option_adds_an_entry(complaints: Complaints) -> None:
    assert complaints(HEAD) == []
    options = ["faults.0.slow.operation=redis.cleanup", "faults.0.slow.delay=5 s"]
    slow = Slow(operation="redis.cleanup", delay_us=5 * S)
    assert load_scenario("s.yaml", options).injected_delays == (slow,)


# -- what is wrong -----------------------------------------------------------------------------

KINDS = "lost_response, disconnect, cut, redeliver, crash, store_error, slow, outage, lost_state"
POSITION = "a whole number from 0 to batch.items - 1"
HANDLERS = (
    "handler, creator, consumer, dispatcher, job, reaper, run, sdk, handler-1 to handler-5, creator-1 to creator-5"
)
CONSUMERS, RUNS = "consumer-0 to consumer-1", "run-0 to run-2"
"""Those of `HEAD`."""
PROBABILITY = "a percentage above 0 % up to 100 %, such as 1%, or a number above 0 up to 1"
OF_A_HANDLER = f"what a handler does: {', '.join(names_done_by('handler'))}"
OF_A_CONSUMER = f"what a consumer does: {', '.join(names_done_by('consumer'))}"
OF_CRASHING = ", ".join(names_befallen(*CRASHING))
OF_BEFALLEN = ", ".join(names_befallen(*BEFALLEN))
OF_ALL = ", ".join(nameable_operations())

# The entry, the column of the problem in it (from 0), the field below `faults[0]`, and the rest of the message.
# What the JSON Schema cannot say, because it depends on another field of the file, stands below.
WRONG = [
    ("crash", 0, "", f"found 'crash'; allowed: a mapping with {KINDS}"),
    ("{}", 0, "", f"found an empty mapping; allowed: one of {KINDS}, path/to/file.py:NAME"),
    (
        "{redeliver: {item: 0}, crash: {at: 0}}",
        0,
        "",
        f"found redeliver and crash; allowed: one of {KINDS}, path/to/file.py:NAME",
    ),
    (
        "crush: {at_most: 1}",
        0,
        ".crush",
        f"found the unknown key 'crush'; allowed: {KINDS}; did you mean 'crash'?",
    ),
    ("crash:", 6, ".crash", "found nothing; allowed: a value, or no such key"),
    ("crash: 1", 7, ".crash", "found 1; allowed: a mapping with actor, before, item, at, at_most, probability"),
    (
        "lost_response: {}",
        15,
        ".lost_response",
        "found an empty mapping; allowed: what pins it (phase, attempt), or at_most, or probability",
    ),
    (
        "crash: {}",
        7,
        ".crash",
        "found an empty mapping; allowed: what pins it (actor, before, item, at), or at_most, or probability",
    ),
    ("lost_response: {phase: 3}", 23, ".lost_response.phase", "found 3; allowed: 1 or 2"),
    ("lost_response: {attempt: 0}", 25, ".lost_response.attempt", "found 0; allowed: a whole number from 1 to 5"),
    (
        "lost_response: {attempt: 6}",
        25,
        ".lost_response.attempt",
        "found 6; allowed: a whole number from 1 to 5, as batch.calls is 1",
    ),
    (
        "lost_response: {at: 1 s}",
        16,
        ".lost_response.at",
        "found the unknown key 'at'; allowed: phase, attempt, at_most, probability",
    ),
    ("redeliver: {at_most: 0}", 21, ".redeliver.at_most", "found 0; allowed: a whole number from 1 to 9"),
    ("redeliver: {at_most: 10}", 21, ".redeliver.at_most", "found 10; allowed: a whole number from 1 to 9"),
    ("redeliver: {item: -1}", 18, ".redeliver.item", f"found -1; allowed: {POSITION}"),
    ("redeliver: {item: true}", 18, ".redeliver.item", f"found true; allowed: {POSITION}"),
    (
        "redeliver: {at: 61}",
        16,
        ".redeliver.at",
        "found 61; allowed: a number with a unit (us, ms, s, min, h), such as 200 ms; add a unit",
    ),
    *(
        (
            f"redeliver: {{probability: {text}}}",
            25,
            ".redeliver.probability",
            f"found {found}; allowed: {PROBABILITY}",
        )
        for text, found in [
            ("0%", "'0%'"),
            ("0.00 %", "'0.00 %'"),
            ("100.1%", "'100.1%'"),
            ("101%", "'101%'"),
            ("-1%", "'-1%'"),
            ("0.0", "0.0"),
            ("1.01", "1.01"),
            ("2", "2"),
            ("true", "true"),
            ("'1'", "'1'"),
            ("[]", "a list"),
        ]
    ),
    (
        "redeliver: {at: 1 s, at_most: 1}",
        11,
        ".redeliver",
        "found at and at_most; allowed: one of at, at_most, probability",
    ),
    (
        "redeliver: {probability: 1%, at: 1 s, at_most: 1}",
        11,
        ".redeliver",
        "found at and at_most and probability; allowed: one of at, at_most, probability",
    ),
    (
        "cut: {at_most: 1, probability: 1%}",
        5,
        ".cut",
        "found at_most and probability; allowed: one of at_most, probability",
    ),
    *(
        (
            f"crash: {{actor: {name}}}",
            15,
            ".crash.actor",
            f"found {found}; allowed: {HANDLERS}, {CONSUMERS}, {RUNS}{hint}",
        )
        for name, found, hint in [
            ("parent", "'parent'", ""),
            ("job-0", "'job-0'", "; did you mean 'job'?"),
            ("run-00", "'run-00'", "; did you mean 'run'?"),
            ("handler-0", "'handler-0'", "; did you mean 'handler-1'?"),
            ("handler-11", "'handler-11'", "; did you mean 'handler-1'?"),
            ("consumer-00", "'consumer-00'", "; did you mean 'consumer-0'?"),
            ("Handler", "'Handler'", "; did you mean 'handler'?"),
            ("[handler]", "a list", ""),
        ]
    ),
    (
        "crash: {actor: handler-6}",
        15,
        ".crash.actor",
        "found 'handler-6'; allowed: handler-1 to handler-5, as batch.calls is 1",
    ),
    (
        "crash: {before: redis.clenup}",
        16,
        ".crash.before",
        f"found 'redis.clenup'; allowed: {OF_CRASHING}; did you mean 'redis.cleanup'?",
    ),
    ("crash: {before: run.finish}", 16, ".crash.before", f"found 'run.finish'; allowed: {OF_CRASHING}"),
    (
        "store_error: {actor: sdk}",
        21,
        ".store_error.actor",
        f"found 'sdk'; allowed: {HANDLERS.replace('sdk, ', '')}, consumer-0, consumer-1, …, run-0, run-1, …; "
        "the process of the SDK can only crash",
    ),
    (
        "store_error: {operation: http.deliver}",
        25,
        ".store_error.operation",
        f"found 'http.deliver'; allowed: {OF_BEFALLEN}; did you mean 'http.read_item'?",
    ),
    (
        "crash: {actor: dispatcher, before: queue.take}",
        35,
        ".crash.before",
        "found 'queue.take'; allowed: what a dispatcher does: queue.claim, queue.offer; "
        "did you mean 'queue.claim'?",
    ),
    (
        "crash: {actor: handler-1, before: redis.cleanup}",
        34,
        ".crash.before",
        f"found 'redis.cleanup'; allowed: {OF_A_HANDLER}",
    ),
    (
        "store_error: {operation: store.upload, actor: consumer}",
        25,
        ".store_error.operation",
        f"found 'store.upload'; allowed: {OF_A_CONSUMER}",
    ),
    (
        "store_error: {effect: afer}",
        22,
        ".store_error.effect",
        "found 'afer'; allowed: before, after; did you mean 'after'?",
    ),
    (
        "slow: {operation: redis.cleanup}",
        6,
        ".slow.delay",
        "missing; allowed: a number with a unit (us, ms, s, min, h), such as 200 ms, longer than 0",
    ),
    ("slow: {delay: 1 s}", 6, ".slow.operation", f"missing; allowed: {OF_ALL}"),
    ("slow: {operation: run.finish, delay: 0}", 37, ".slow.delay", "found 0; allowed: longer than 0"),
    (
        "slow: {operation: run.finish, delay: 1 s, actor: consumer-0}",
        18,
        ".slow.operation",
        f"found 'run.finish'; allowed: {OF_A_CONSUMER}",
    ),
    (
        "slow: {operation: run.finish, delay: 1 s, at_most: 1}",
        42,
        ".slow.at_most",
        "found the unknown key 'at_most'; allowed: actor, operation, delay, item, attempt, probability",
    ),
]
WRONG_FOR_THE_FILE = [
    ("redeliver: {item: 3}", 18, ".redeliver.item", "found 3; allowed: 0 to 2, as batch.items is 3"),
    ("cut: {after_items: 3}", 19, ".cut.after_items", "found 3; allowed: 0 to 2, as batch.items is 3"),
    (
        "crash: {actor: consumer-2}",
        15,
        ".crash.actor",
        f"found 'consumer-2'; allowed: {HANDLERS}, consumer-0 to consumer-1, as consumers is 2",
    ),
    (
        "crash: {actor: run-3}",
        15,
        ".crash.actor",
        f"found 'run-3'; allowed: {HANDLERS}, run-0 to run-2, as batch.items is 3",
    ),
]


@pytest.mark.parametrize(("entry", "column", "field", "rest"), [*WRONG, *WRONG_FOR_THE_FILE])
def test_a_wrong_entry(entry: str, column: int, field: str, rest: str, complaints: Complaints) -> None:
    (message,) = complaints(f"{HEAD}faults:\n  - {entry}\n")
    assert message == f"s.yaml:5:{column + 5}: faults[0]{field}: {rest}"


@pytest.mark.parametrize("entry", [entry for entry, *_ in WRONG])
def test_the_schema_refuses_what_the_validator_refuses(entry: str) -> None:
    assert not VALIDATOR.is_valid(data_of(entry))


def test_a_list_it_must_be(complaints: Complaints) -> None:
    assert complaints(HEAD + "faults: {crash: {at: 0}}") == [
        "s.yaml:4:9: faults: found a mapping; allowed: a list"
    ]


def test_how_many_consumers_there_are_may_stand_below_or_nowhere(complaints: Complaints) -> None:
    faults = "name: x\nbatch: {items: 3}\nfaults: [{crash: {actor: consumer-3}}]\n"
    assert complaints(faults + "consumers: 4\n") == []
    assert [line.rpartition(", ")[2] for line in complaints(faults)] == ["as consumers is 3"]
    for wrong in ("0", "", "x"):
        assert [line.split(": ")[1] for line in complaints(f"{faults}consumers: {wrong}\n")] == ["consumers"]


def test_every_problem_comes_at_once(complaints: Complaints) -> None:
    text = HEAD + "faults:\n  - crash: {actor: worker, befor: redis.cleanup, at: 5}\n  - redeliver: {item: 9}\n"
    assert [line.split(": ")[1] for line in complaints(text)] == [
        "faults[0].crash.actor",
        "faults[0].crash.befor",
        "faults[0].crash.at",
        "faults[1].redeliver.item",
    ]


# -- the schema says what the validator says ---------------------------------------------------

VALUES: dict[str, st.SearchStrategy[object]] = {
    "phase": st.integers(0, 3),
    "attempt": st.integers(0, 6),
    "item": st.integers(-1, 2),
    "after_items": st.integers(-1, 2),
    "actor": st.sampled_from(
        [
            "handler",
            "consumer",
            "handler-5",
            "handler-6",
            "consumer-1",
            "consumer-01",
            "run",
            "run-2",
            "sdk",
            "job",
        ]
    ),
    "before": st.sampled_from(["redis.get_meta", "postgres.seal", "queue.complete", "run.finish", "x"]),
    "operation": st.sampled_from(["redis.get_meta", "postgres.seal", "queue.complete", "run.finish", "x"]),
    "effect": st.sampled_from(["before", "after", "both"]),
    "at": st.sampled_from(["1 s", 0, 5]),
    "delay": st.sampled_from(["1 s", 0, 5]),
    "at_most": st.integers(0, 10),
    "group": st.sampled_from(["redis", "postgres", "http"]),
    "lasts": st.sampled_from(["1 s", 0, 5]),
    "keys": st.sampled_from(["batch:B:meta", ["batch:B:*", "batch:B:runs"], []]),
    "last_writes": st.integers(0, 10),
    "probability": st.floats(-0.5, 1.5)
    | st.sampled_from([0, 1, True])
    | st.builds("{}{}%".format, st.decimals(-1, 101, places=2), st.sampled_from(["", " ", "  "])),
}
KEYS_OF = {
    kind: tuple(SCHEMA["$defs"][definition["$ref"].rpartition("/")[2]]["properties"])
    for kind, definition in SCHEMA["$defs"]["Entry"]["properties"].items()
}


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(KEYS_OF)))
    known = list(KEYS_OF[kind])
    keys = draw(st.lists(st.sampled_from(known + known + ["attempt", "item"]), unique=True, max_size=3))
    keys += {"slow": ["operation", "delay"], "outage": ["group"], "lost_state": ["keys"]}.get(kind, [])
    return {kind: {key: draw(VALUES[key]) for key in keys}}


@given(entries())
def test_the_schema_agrees_with_the_validator(entry: dict[str, Any]) -> None:
    try:
        built = scenario(entry)
    except InvalidScenario:
        built = None
    data = {"name": "x", "batch": {"items": 3}, "consumers": 2, "faults": [entry]}
    assert VALIDATOR.is_valid(data) == (built is not None)
    if built is not None:
        assert scenario(entry) == built
        assert replace(built, written_faults=()) == built
