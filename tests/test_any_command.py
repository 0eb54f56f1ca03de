"""Any command, under any policy, faults and verdicts, comes to an answer, or says why it has none."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from batchsim.analysis.findings import ONCE
from batchsim.batch.operations import names_done_by
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.switches import SWITCHES
from batchsim.batch.verdicts import VERDICTS
from tests.commands import command
from tests.short import short_pages
from tests.trying import examples

COMMANDS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "run": (
        "run",
        (
            "run",
            "s.yaml",
            "--timeline",
            "--report",
            "r",
            "--html",
            "r.html",
            "--csv",
            "r.csv",
            "--mermaid",
            "r.mmd",
        ),
    ),
    "spans": ("run", ("run", "s.yaml", "--perfetto", "r.pftrace", "--otlp", "r.otlp", "--json", "-")),
    "sweep": ("run", ("sweep", "s.yaml", "--runs", "6", "--workers", "1", "--html", "s.html")),
    "explore": ("explore", ("explore", "s.yaml", "--max-states", "3000", "--witness", "w", "--html", "e.html")),
    "reduce": ("explore", ("explore", "s.yaml", "--reduce", "--max-states", "2000")),
    "timed": ("timed", ("explore", "s.yaml", "--timed", "--max-states", "150")),
    "exact": ("exact", ("explore", "s.yaml", "--exact", "--max-states", "2000")),
    "window": (None, ("window", "s.yaml", "--max-states", "2000")),
    "worth": (
        "run",
        (
            *("worth", "s.yaml", "--runs", "2", "--workers", "1"),
            *("--delay", "1ms..9ms:2", "--execution", "1s..2s:2"),
        ),
    ),
    "findings": (
        None,
        ("findings", "--scenario", "s.yaml", "--max-states", "1500", "--walks", "3", "--workers", "1"),
    ),
    "check": ("run", ("check", "s.yaml", "--runs", "4", "--workers", "1", "--max-states", "2000")),
    "explain": ("run", ("explain", "s.yaml")),
    "report": ("run", ("report", "s.yaml", "--out", "pages")),
}
"""Each with the kind of faults that it takes, and bounds at which it has done all that it does."""
ROOT = Path(__file__).parents[1]
MEMORYLESS = {
    name: value
    for name, value in yaml.safe_load((ROOT / "scenarios/memoryless.yaml").read_text()).items()
    if name in ("items", "latency")
}
SHIPPED = st.sampled_from(list(POLICIES))
CHECKS = [each.name for each in fields(Policy) if each.name.startswith("on_")]
HEAD = """
from dataclasses import replace
from batchsim import POLICIES, Property
AGAIN = Property("again", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)
"""


@st.composite
def policies(draw: st.DrawFn) -> str:
    """A policy that is shipped, or the code of one with any switches and checks, below `own.py:ANY`."""
    if draw(st.booleans()):
        return draw(SHIPPED)
    few = st.lists(st.sampled_from(list(SWITCHES)), max_size=4, unique=True)
    on = draw(st.one_of(few, st.lists(st.sampled_from(list(SWITCHES)), unique=True)))
    given = [f"{name}={name in on}" for name in SWITCHES]
    given += [f"ingest_concurrency={draw(st.sampled_from([1, 1, 2]))}"]
    given += [f"{name}=POLICIES[{draw(SHIPPED)!r}].{name}" for name in CHECKS]
    return f"ANY = replace(POLICIES['pr3777'], name='any', {', '.join(given)})\n"


OCCURS: dict[str, SearchStrategy[dict[str, Any]]] = {
    "run": st.sampled_from([{}, {}, {"at": "5 ms"}, {"at": "61 s"}, {"probability": "30%"}]),
    "explore": st.sampled_from([{}, {"at_most": 1}]),
    "timed": st.sampled_from([{}, {"at": "5 ms"}, {"at_most": 1}]),
    "exact": st.sampled_from([{}, {"probability": "30%"}]),
}
"""When a fault happens, for those who run with time, who explore, and who explore with it."""


@st.composite
def faults(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """One fault, as a scenario has it; some are refused."""
    handler = kind == "exact" or draw(st.booleans())
    who = draw(st.sampled_from(["handler", "handler-1"] if handler else ["consumer", "consumer-0"]))
    operation = draw(st.sampled_from(names_done_by("handler" if handler else "consumer")))
    occurs = draw(OCCURS[kind])
    is_pinned = not {"at_most", "probability"}.intersection(occurs)
    attempt = {"attempt": draw(st.sampled_from([1, 2]))} if is_pinned else {}
    where = {"actor": who} if is_pinned or draw(st.booleans()) else {}
    is_placed = "at" in occurs
    effect = draw(st.sampled_from([{}, {"effect": "before"}, {"effect": "after"}]))
    pinned = {} if is_placed or not is_pinned else {"operation": operation}
    moment = draw(st.sampled_from([{"at": "0 s"}, {"at": "61 s"}]))
    lasts = {} if kind == "explore" else {**moment, "lasts": "2 s"}
    often = occurs if occurs and not is_placed else {"at_most": 1} if kind == "explore" else {}
    possible: list[dict[str, Any]] = [
        {"lost_response": {**attempt, **({} if is_placed else occurs)}},
        {"store_error": {**where, **pinned, **effect, **occurs}},
    ]
    if kind != "exact":
        possible += [
            {"disconnect": {**attempt, **occurs}},
            {"cut": {**attempt, **({"after_items": 0} if is_pinned else often)}},
            {"redeliver": {**({"item": 0} if is_pinned else {}), **occurs}},
            {"crash": {**where, **({"before": operation} if pinned else {}), **occurs}},
            {"slow": {"operation": operation, "delay": "5 s"}},
            {"outage": {"group": "redis" if handler else "postgres", **(often or lasts)}},
            {"outage": {"group": "redis" if handler else "postgres", "delay": "2 s", **(often or lasts)}},
            {"lost_state": {"keys": ["batch:B:*"], **(often or ({} if kind == "explore" else moment))}},
        ]
    return draw(st.sampled_from(possible))


@st.composite
def scenarios(draw: st.DrawFn, kind: str | None) -> dict[str, Any]:
    """Any scenario of one item or two, under faults that suit who looks at it; `None`: none."""
    batch: dict[str, Any] = {"items": draw(st.sampled_from([1, 1, 2]))}
    batch["call"] = draw(st.sampled_from(["batchTrigger", "batchTriggerAndWait"]))
    base = MEMORYLESS if kind == "exact" else {}
    if kind == "run":
        batch |= draw(st.sampled_from([{}, {}, {"phase_1": "stepwise"}, {"calls": 2}]))
    kinds = ["ok", "pre_failed", "rejected", *(["expires"] if kind != "exact" else [])]
    items = {**base.get("items", {}), "kind": draw(st.sampled_from(kinds))}
    found = {**base, "name": "any", "batch": batch, "items": items, "consumers": draw(st.sampled_from([1, 2]))}
    found["faults"] = [] if kind is None else draw(st.lists(faults(kind), max_size=2))
    return found


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=examples(2, searched=12))
@given(st.data(), policies(), st.sampled_from([None, "any", *VERDICTS]), st.booleans())
def test_any_command_comes_to_an_answer(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    data: st.DataObject,
    policy: str,
    forbidden: str | None,
    is_verdict_added: bool,
) -> None:
    kind, words = COMMANDS[name]
    scenario = data.draw(scenarios(kind))
    folder = tmp_path_factory.mktemp("any")
    is_own = policy not in POLICIES
    (folder / "own.py").write_text(HEAD + policy * is_own)
    if is_own:
        policy = "own.py:ANY"
    if words[0] in ("worth", "check", "report"):
        scenario["policies"] = [policy]
    else:
        words += ("--policy", policy)
    if words[0] == "worth":
        count = {"request": "5 ms", "response": "1 ms"}
        scenario["latency"] = {"operations": {"redis.enqueued_count": count}}
    if words[0] == "findings":
        words += ("--fault", ",".join(data.draw(st.lists(st.sampled_from(list(ONCE)), min_size=1, max_size=2))))
    if words[0] == "check":
        scenario |= {"expect": {policy: "ok"}, "expect_rate": {policy: {"ok": {"at_least": "1%"}}}}
    if forbidden is not None and words[0] in ("run", "explore", "sweep"):
        words += ("--fail-on", forbidden)
    if is_verdict_added and words[0] in ("run", "explore", "sweep", "findings"):
        words += ("--verdict", "own.py:AGAIN")
    (folder / "s.yaml").write_text(json.dumps(scenario))
    with pytest.MonkeyPatch.context() as patch:
        short_pages(patch)
        ended = command(words, folder)
    assert "Traceback" not in ended.err
    assert ended.code in (0, 1, 2, 3), ended.err
    if ended.code == 2 and words[0] == "check" and ended.out:
        # What cannot be checked stands in the table, beside what can.
        assert "; allowed: " in ended.out
    elif ended.code == 2:
        assert ended.out == ""
        refusals = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
        assert refusals, ended.err
        assert all("; allowed: " in line for line in refusals), ended.err
    # Some pairs of faults are refused, which is no answer.
    assume(ended.code != 2)
