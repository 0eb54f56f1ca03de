"""Every command on a system of the user's own, as a user runs it: what comes out, and what is refused how."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest

from batchsim.cli import main

ROOT = Path(__file__).parent.parent
SPREAD = "latency: {redis: {request: {uniform: [0.2 ms, 2 ms]}, response: 1 ms}}\n"
HEAD = f"name: chord\nsystem: chord.py:CHORD\n{SPREAD}"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Ran = Callable[..., Ended]


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Ran:
    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return Ended(int(str(ended.value.code)), captured.out, captured.err)

    return run


@pytest.fixture(autouse=True)
def _in_a_folder_with_the_chord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples" / "chord.py", tmp_path)
    Path("chord.yaml").write_text(HEAD)


def scenario(more: str = "", head: str = HEAD, name: str = "s.yaml") -> str:
    Path(name).write_text(head + more)
    return name


def document(ran: Ran, *command: str) -> Any:
    ended = ran(*command, "--json", "-")
    assert ended.code in (0, 1), ended.err
    return json.loads(ended.out)


# -- what comes out --------------------------------------------------------------------------------


def test_it_is_explored_with_exact_counts_and_every_policy_is_a_row(ran: Ran) -> None:
    found = document(ran, "explore", "chord.yaml")["explorations"]
    assert {each["policy"]: each["schedules"] for each in found} == {
        "as_published": "184",
        "half_fixed": "1586",
        "fixed": "3760",
    }
    (lost, _) = found[0]["outcomes"]
    assert lost["verdicts"] == ["callback_lost"]
    assert lost["outcome"] == {
        "cells": {"chord:done": 2, "chord:size": 2},
        "results": {},
        "waiting": [],
        "raised": [],
    }


def test_all_engines_and_a_sweep_agree(ran: Ran) -> None:
    verdicts = {
        each["policy"]: {name for outcome in each["outcomes"] for name in outcome["verdicts"]}
        for each in document(ran, "explore", "chord.yaml")["explorations"]
    }
    for option in ("--reduce", "--timed"):
        for each in document(ran, "explore", "chord.yaml", option)["explorations"]:
            assert {name for outcome in each["outcomes"] for name in outcome["verdicts"]} == verdicts[
                each["policy"]
            ]
    exponential = "name: chord\nsystem: chord.py:CHORD\nlatency: {redis: {request: {exponential: {mean: 1 ms}}}}\n"
    file = scenario(head=exponential)
    exact = {
        each["policy"]: each["verdicts"] for each in document(ran, "explore", file, "--exact")["explorations"]
    }
    cells = document(ran, "sweep", file, "--runs", "2000")["sweep"]
    for cell in cells:
        for name, probability in exact[cell["policy"]].items():
            assert cell["verdicts"][name]["low"] <= probability <= cell["verdicts"][name]["high"]
    assert exact["fixed"] == {"ok": pytest.approx(1)}


def test_a_run_says_what_decided_and_by_how_much(ran: Ran) -> None:
    (example,) = [
        each
        for each in document(ran, "sweep", "chord.yaml", "--runs", "300")["examples"]
        if each["verdict"] == "callback_lost"
    ]
    ended = ran(*example["command"].split()[1:])
    text = " ".join(ended.out.split())
    assert "the verdict is callback_lost: all tasks have ended, and the callback never runs." in text
    assert "it came before redis.set of publisher" in text
    assert "both touch chord:size" in text
    assert "lost by" in text


def test_a_witness_replays_and_a_report_has_its_picture(ran: Ran) -> None:
    assert ran("explore", "chord.yaml", "--witness", "w", "-q", "--policy", "as_published").code == 0
    ended = ran("replay", "w/as_published-1-callback_lost.json", "--report", "r")
    assert (ended.code, "the verdict is as the witness expects" in ended.out) == (0, True)
    assert sorted(path.name for path in Path("r").iterdir()) == ["README.md", "chord-as_published.svg", "chord.md"]
    page = Path("r/chord.md").read_text()
    assert "| system | `chord.py:CHORD` |" in page
    assert "### What decided" in page
    assert str(Path.cwd()) not in page + Path("r/chord-as_published.svg").read_text()


def test_a_window_is_a_formula_and_conditions_that_compare_the_same_latencies_are_one(ran: Ran) -> None:
    Path("limiter.py").write_text(
        "from batchsim import Property\nfrom batchsim.model.model import Model\n"
        "from batchsim.model.system import Actor, System\nfrom batchsim.stores import redis\n\n\n"
        "async def naive():\n    used = await redis.get('used') or 0\n    await redis.set('used', used + 1)\n\n\n"
        "async def atomic():\n    await redis.incr('used')\n\n\n"
        "LOST = Property('lost_update', 'Two are counted as one.', lambda end: end['used'] != 2)\n\n\n"
        "def limiter(worker):\n"
        "    workers = [Actor('worker', number, worker) for number in range(2)]\n"
        "    return System('limiter', workers, ('used',), properties=(LOST,))\n\n\n"
        "LIMITER = Model('limiter', limiter, {'naive': naive, 'atomic': atomic})\n"
    )
    legs = "{request: {uniform: [0.2 ms, 2 ms]}, response: 1 ms}"
    operations = f"latency: {{operations: {{redis.get: {legs}, redis.set: {legs}}}}}\n"
    file = scenario(head=f"name: l\nsystem: limiter.py:LIMITER\n{operations}")
    text = ran("window", file, "--policy", "naive").out
    told = [line.strip() for line in text.splitlines()]
    begin = told.index("lost_update occurs exactly if")
    assert told[begin + 1 : begin + 4] == [
        "get.request < get + set.request",
        "redis.get (worker-1) before redis.set (worker-0)",
        "and 1 more such pair of steps, all with the same latencies: one condition",
    ]
    assert not [line for line in told if line.startswith("and get")]
    solved = ran("window", file, "--policy", "naive", "--solve", "latency.operations.redis.set.request").out
    assert "lost_update" in solved
    assert "no schedule gives any verdict but ok" in ran("window", file, "--policy", "atomic").out


CALLING = """\
from batchsim.model import Actor, Model, System
from batchsim.stores import http


async def client():
    await http.post("api")


async def server():
    while True:
        await http.respond(await http.serve("api"))


def system(_):
    actors = (Actor("client", None, client), Actor("server", None, server, WAITS=True))
    return System("calling", actors, cells=("x",), parts=(http.service("api"),))


CALLING = Model("calling", system, {"only": None})
"""


def test_a_deadlock_says_who_is_in_the_background_and_may_be_waited_for(ran: Ran) -> None:
    file = scenario(head="name: c\nsystem: calling.py:CALLING\n")
    Path("calling.py").write_text(CALLING.replace("WAITS", "is_background"))
    told = " ".join(ran("run", file).out.split())
    assert "no run goes on for server in the background: if somebody waits for that, it has serves=True" in told
    Path("calling.py").write_text(CALLING.replace("WAITS", "serves"))
    assert "deadlock" not in ran("run", file).out
    Path("calling.py").write_text(
        CALLING.replace("WAITS", "serves").replace('"api")\n\n', '"api", timeout="5 s")\n\n', 1)
    )
    # Delays are no steps, and defaults of them decide as much.
    names = {line.split("  ")[0] for line in ran("explain", file).out.splitlines()}
    assert {"http.request", "http.response", "http.timeout(5 s)"} <= names


TWINS = """\
from batchsim import Property
from batchsim.model import Actor, Model, System
from batchsim.stores import redis


async def main():
    await redis.set("left", 2)
    await redis.rpush("queue", "a")
    await redis.rpush("queue", "b")
    await redis.set("size", 2)


async def loader():
    await redis.blpop("queue")
    if await redis.decr("left") == 0 and await redis.get("size") is None:
        await redis.set("lost", True)


def system(_):
    twins = tuple(Actor("loader", number, loader, is_twin=True) for number in range(2))
    lost = Property("lost_it", "It is lost.", lambda end: end["lost"] is True)
    actors = (Actor("main", None, main), *twins)
    return System("load", actors, cells=("left", "queue", "size", "lost"), properties=(lost,))


LOAD = Model("load", system, {"naive": None})
"""


def test_a_condition_between_twins_says_that_they_are_interchangeable(ran: Ran) -> None:
    Path("load.py").write_text(TWINS)
    told = ran("window", scenario(head=f"name: l\nsystem: load.py:LOAD\n{SPREAD}"), "--policy", "naive").out
    lines = [line.strip() for line in told.splitlines()]
    twins = lines.index("loader-0 and loader-1 are interchangeable: it says only which of them comes first")
    assert lines[twins - 1] == "redis.decr (loader-0) before redis.decr (loader-1)"
    assert told.count("are interchangeable") == 1
    assert "the formula says which latencies lead to one of these orders\n" in told


LAST = """\
from functools import partial

from batchsim import Property
from batchsim.model import Actor, Model, System
from batchsim.stores import redis


async def write(number):
    await redis.set("last", number)


FIRST = Property("first", "It is the first one.", lambda end: end["last"] == 0)
ACTORS = tuple(Actor("worker", number, partial(write, number)) for number in range(2))
LAST = Model("last", lambda _: System("last", ACTORS, ("last",), properties=(FIRST,)), {"only": None})
"""


def test_a_condition_of_equal_sides_says_that_it_is_left_to_chance(ran: Ran) -> None:
    Path("last.py").write_text(LAST)
    told = ran("window", scenario(head=f"name: l\nsystem: last.py:LAST\n{SPREAD}"), "--policy", "only").out
    lines = [line.strip() for line in told.splitlines()]
    begin = lines.index("first occurs exactly if")
    assert lines[begin + 2 : begin + 4] == [
        "redis.set (worker-1) before redis.set (worker-0)",
        "both sides are the same latencies in two uses: which use takes less is left to chance",
    ]
    ran("window", "s.yaml", "--policy", "only", "--json", "window.json", "--quiet")
    (found,) = json.loads(Path("window.json").read_text())["windows"]
    assert [[each["same_latencies"] for each in case] for case in found["window"]["cases"]] == [[True]]


def test_findings_judge_its_policies_under_the_faults_of_any_system_and_its_own(ran: Ran) -> None:
    file = scenario("faults: [{lost_state: {keys: 'chord:done'}}, {outage: {group: redis}}]\n")
    faults = "crash, store_error, outage of redis, lost_state#0, outage#1"
    assert f"allowed: {faults}" in ran("findings", "--scenario", file, "--fault", "all").err
    found = document(ran, "findings", "--scenario", file, "--fault", "crash,lost_state#0", "--out", "f")
    assert found["against"] == "as_published"
    cells = {(each["policy"], *each["faults"]): each for each in found["cells"]}
    assert [each["verdict"] for each in cells["fixed", "crash"]["verdicts"]] == ["callback_lost"]
    assert [each["verdict"] for each in cells["fixed", "lost_state#0"]["verdicts"]] == ["callback_lost"]
    assert cells["fixed",]["verdicts"] == []
    assert cells["fixed",]["known"] == "proved"
    assert "## `fixed`, held against `as_published`" in Path("f/findings.md").read_text()
    (replay,) = [each["explore"] for each in cells["fixed", "lost_state#0"]["verdicts"]]
    assert ran(*replay.replace("'", "").split()[1:][:2]).code == 0


def test_parameters_are_set_and_varied_and_have_a_schema(ran: Ran) -> None:
    found = document(ran, "explore", "chord.yaml", "--set", "parameters.tasks=1", "--policy", "as_published")
    assert found["explorations"][0]["schedules"] != "184"
    swept = document(ran, "sweep", "chord.yaml", "--runs", "20", "--vary", "parameters.tasks=1..3:3")
    assert {each["point"]["parameters.tasks"] for each in swept["sweep"]} == {"1", "2", "3"}
    schema = json.loads(ran("schema", "chord.py:CHORD").out)
    jsonschema_rs.meta.validate(schema)
    data = {"name": "x", "system": "chord.py:CHORD", "parameters": {"tasks": 3}, "policies": ["fixed"]}
    jsonschema_rs.validate(schema, data)
    for wrong in ({"parameters": {"task": 3}}, {"policies": ["fixd"]}, {"batch": {"items": 1}}):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schema, {**data, **wrong})
    of_any = json.loads(ran("schema", "--system").out)
    jsonschema_rs.meta.validate(of_any)
    jsonschema_rs.validate(of_any, {**data, "parameters": {"whatever": 1}, "policies": ["mine"]})
    for field, value in (("system", "chord"), ("batch", {"items": 1})):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(of_any, {**data, field: value})
    both = ran("schema", "chord.py:CHORD", "--system")
    assert (both.code, both.err) == (2, "schema: found --system with chord.py:CHORD; allowed: one of them\n")


@pytest.mark.parametrize("command", [["explore"], ["run"], ["sweep", "--runs", "9"]], ids=" ".join)
def test_a_model_may_call_its_policies_as_the_batch_calls_its_own(ran: Ran, command: list[str]) -> None:
    text = Path("chord.py").read_text()
    Path("chord.py").write_text(text.replace('"as_published"', '"bug"').replace('"fixed"', '"tombstone"'))
    file = scenario()
    for name in ("bug", "tombstone"):
        ended = ran(*command, file, "--policy", name)
        assert (ended.code, name in ended.out, "alternative" in ended.out) == (0, True, False), ended.err


def test_where_runs_come_round_again_there_is_no_window_and_each_schedule_says_what_of(ran: Ran) -> None:
    with Path("chord.py").open("a") as file_of_chord:
        file_of_chord.write(
            "\n\nfrom dataclasses import replace\n\n\n"
            "async def beat():\n    while True:\n        await redis.set('beat', 1)\n"
            "        await redis.delete('beat')\n\n\n"
            "def beating(policy, sizes):\n    quiet = CHORD.system(policy, sizes)\n"
            "    heart = Actor('heart', None, beat, is_background=True)\n"
            "    return replace(quiet, actors=(*quiet.actors, heart), cells=(*quiet.cells, 'beat'))\n\n\n"
            "BEATING = replace(CHORD, system=beating)\n"
        )
    file = scenario(head="name: beating\nsystem: chord.py:BEATING\npolicies: [as_published]\n")
    assert "callback_lost: a schedule, " in ran("explore", file).out
    ended = ran("window", file, "--policy", "as_published")
    assert ended.code == 3
    assert "callback_lost has no window: a run can come back to a state that it was in" in ended.out
    text = Path("chord.py").read_text().replace("is_background=True", "is_background=False")
    Path("chord.py").write_text(text)
    line = text.splitlines().index("        await redis.set('beat', 1)") + 1
    ended = ran("explore", file)
    assert (ended.code, "no schedule comes to an end" in ended.err) == (3, True)
    assert f"these go on after 20,000 events of a run: heart (chord.py:{line}); who never ends" in ended.err


# -- the gate --------------------------------------------------------------------------------------


def test_expectations_and_what_is_forbidden_are_gates(ran: Ran) -> None:
    expected = "expect_explore: {as_published: [ok, callback_lost], half_fixed: [ok, callback_twice], fixed: ok}\n"
    file = scenario(expected)
    assert ran("explore", file, "-q") == Ended(0, "", "")
    assert ran("explore", file, "-q", "--fail-on", "callback_twice").err == (
        "chord, half_fixed: got callback_twice, which --fail-on forbids\n"
    )
    unmet = scenario("expect_explore: {fixed: [ok, callback_lost]}\n")
    ended = ran("explore", unmet, "-q")
    assert ended.code == 1
    assert "chord, fixed: expected callback_lost, ok, got ok" in ended.err
    assert ran("sweep", "chord.yaml", "--runs", "200", "-q", "--fail-on", "callback_twice>1%").code == 1


def test_a_claim_that_nothing_is_about_is_vacuous(ran: Ran) -> None:
    text = Path("chord.py").read_text().replace("properties=(LOST, TWICE)", "properties=(LOST, TWICE, NEVER)")
    never = 'NEVER = sometimes("thrice", "It runs thrice.", lambda end: end[CALLBACK] == 3)\n\n\ndef chord('
    Path("chord.py").write_text(
        text.replace("def chord(", never, 1).replace("import Property,", "import Property, sometimes,")
    )
    for option in ([], ["--reduce"], ["--timed"]):
        ended = ran("explore", "chord.yaml", "--policy", "fixed", *option)
        assert (ended.code, "; but that is vacuous: no schedule comes to thrice  (" in ended.out) == (1, True)
        assert ended.err == "chord, fixed: no schedule comes to thrice, which some run is to (sometimes)\n"


def test_where_nothing_can_be_found_wrong_every_command_says_so(ran: Ran) -> None:
    code = Path("chord.py").read_text()
    Path("chord.py").write_text(code.replace("properties=(LOST, TWICE)", "properties=()"))
    Path("chord.yaml").write_text(f"{HEAD}expect: {{fixed: ok}}\n")
    nothing = "the system has no properties, so nothing was looked for but deadlock and raises"
    one = ["chord.yaml", "--policy", "fixed"]
    for asked, told in (
        (["explore", *one, "--witness", "found"], nothing),
        (["explore", *one, "--timed"], nothing),
        (["run", *one], nothing),
        (["sweep", *one, "--runs", "2"], nothing),
        (["replay", "found/fixed-1-ok.json"], nothing),
        (["window", *one], nothing),
        (["check", "chord.yaml", "--no-cache", "--workers", "1"], f"chord.yaml: {nothing}"),
        (["findings", "--scenario", *one, "--fault", "crash", "--workers", "1"], f"chord.yaml: {nothing}"),
    ):
        ended = ran(*asked, "--json", "-")
        assert ended.err.count(f"warning: chord.yaml: {nothing}\n") == 1, asked
        assert json.loads(ended.out)["warnings"] == [told]
    assert nothing not in ran("run", *one, "--quiet").err
    Path("mine.py").write_text(
        "from batchsim import Property\nMINE = Property('none', 'Nothing.', lambda end: False)\n"
    )
    assert nothing not in ran("run", *one, "--verdict", "mine.py:MINE").err


def test_a_verdict_that_always_occurs_says_so(ran: Ran) -> None:
    code = Path("chord.py").read_text()
    always = 'Property("set", "It is set.", lambda end: end[SIZE] is not None)'
    Path("chord.py").write_text(code.replace("properties=(LOST, TWICE)", f"properties=({always},)"))
    ended = ran("window", "chord.yaml", "--policy", "fixed")
    assert "\nset occurs in every schedule, whatever takes how long: proved\n" in ended.out
    (found,) = document(ran, "window", "chord.yaml", "--policy", "fixed")["windows"]
    assert (found["window"]["at_means"], found["window"]["slack_us"]) == ("open", None)
    ended = ran("explore", "chord.yaml", "--policy", "fixed", "--policy", "half_fixed", "--timed")
    assert re.search(r"^set +always +always$", ended.out, re.MULTILINE)
    assert re.search(r"^parameters.tasks +2 +default$", ran("explain", "chord.yaml").out, re.MULTILINE)


VERDICTS_BY_SIZE = """\
from dataclasses import dataclass

from batchsim import Property
from batchsim.model import Actor, Model, System
from batchsim.stores import redis


@dataclass(frozen=True)
class Sizes:
    workers: int = 2


async def work():
    await redis.set("used", (await redis.get("used") or 0) + 1)


def lost(number, sizes):
    return Property(f"lost_{number}", "So many are lost.", lambda end: end["used"] == sizes.workers - number)


def counter(_, sizes):
    workers = tuple(Actor("worker", number, work, is_twin=True) for number in range(sizes.workers))
    verdicts = tuple(lost(number, sizes) for number in range(1, sizes.workers))
    return System("counter", workers, cells=("used",), properties=verdicts)


COUNTER = Model("counter", counter, {"naive": None}, parameters=Sizes)
"""


def test_a_sweep_counts_verdicts_that_only_other_parameters_have(ran: Ran) -> None:
    Path("sizes.py").write_text(VERDICTS_BY_SIZE)
    latency = "latency: {redis: {request: {uniform: [0.2 ms, 2 ms]}, response: 1 ms}}\n"
    Path("sizes.yaml").write_text(f"name: sizes\nsystem: sizes.py:COUNTER\n{latency}")
    swept = ("sweep", "sizes.yaml", "--vary", "parameters.workers=2..3:2", "--runs", "50")
    ended = ran(*swept, "--fail-on", "lost_2")
    assert (ended.code, ended.err) == (1, "sizes, naive: got lost_2, which --fail-on forbids\n")
    assert "lost_2   batchsim run sizes.yaml --run " in ended.out
    assert ran(*swept, "--fail-on", "lost_3").code == 2
    again = re.search(r"^lost_2   batchsim (run .*)$", ended.out, re.MULTILINE)
    assert again is not None
    assert ran(*again[1].split(), "--fail-on", "lost_2", "-q").code == 1
    none = ran("run", "sizes.yaml", "--set", "parameters.workers=0")
    assert none.code == 2
    assert (
        "with parameters {\"workers\": 0}: sizes.py:COUNTER: system under 'naive': actors: found none" in none.err
    )


def test_verdicts_that_one_step_decides_are_explained_once(ran: Ran) -> None:
    both = """\
from batchsim import Property
from batchsim.model import Actor, System
from batchsim.stores import redis

async def first():
    await redis.set("x", 1)

async def second():
    await redis.set("y", await redis.get("x") or 7)

bad, worse = (Property(name, f"It is {name}.", lambda end: end["y"] == 7) for name in ("bad", "worse"))
actors = (Actor("first", None, first), Actor("second", None, second))
BOTH = System("both", actors, ("x", "y"), properties=(bad, worse))
"""
    Path("both.py").write_text(both)
    slow = "latency: {operations: {redis.set: 3 ms, redis.get: 1 ms}}"
    Path("both.yaml").write_text(f"name: both\nsystem: both.py:BOTH\n{slow}\n")
    told = ran("run", "both.yaml").out
    assert "the verdict is bad: it is bad.\n  the verdict is worse: it is worse.\n" in told
    assert told.count("it was decided at") == 1
    assert "in the other order bad and worse could" in " ".join(told.split())
    timed = ran("explore", "both.yaml", "--timed").out
    assert "fails: all latencies within these intervals give bad, worse  (" in timed


def test_where_it_went_wrong_is_told_with_file_and_line(ran: Ran) -> None:
    head = "from batchsim.model import Actor, Model, System\nfrom batchsim.stores import redis\n\n"
    work = "async def work():\n    await redis.set('x', 1)\n    await redis.set('y', 1)\n\n"
    system = "System('s', (Actor('one', None, work),), cells=('x',))"
    Path("own.yaml").write_text("name: own\nsystem: own.py:OWN\nlatency: {redis: 1 ms}\n")
    for own, message in (
        (f"OWN = {system}", "own.py:6: redis.set by one touches the cell 'y'; allowed: a cell that is listed (x)"),
        ("OWN = Model('s', lambda policy: 1 / 0, {'p': None})", "division by zero (own.py:8)"),
        ("OWN = Model('s', lambda: None, {'p': None})", "was given (own.py:8); allowed: a function of the policy"),
    ):
        Path("own.py").write_text(f"{head}{work}{own}\n")
        for command in (("explore",), ("explore", "--timed"), ("run",)):
            ended = ran(command[0], "own.yaml", *command[1:])
            assert ended.code == 2
            assert message in ended.err


SAGA = """\
from batchsim import Property
from batchsim.model import Actor, System, sleep
from batchsim.stores import http, postgres


async def serve():
    while True:
        request = await http.serve("payments")
        await postgres.insert("charge", 1, on_conflict="nothing", amount=10)
        await http.respond(request, 201)


async def order():
    await sleep("1 s")
    return (await http.post("payments/charges")).status_code


PAID = Property("unpaid", "Nobody has paid.", lambda end: end.result_of("order") != 201)
ACTORS = (Actor("order", None, order, is_judged=True), Actor("server", 0, serve, is_twin=True))
CELLS, PARTS = ("postgres:charge:1",), (http.service("payments"),)
SAGA = System("saga", ACTORS, cells=CELLS, properties=(PAID,), parts=PARTS)
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "respond(request, 201)",
            "respond(201)",
            "saga.py:10: http.respond: found 201; allowed: first the request",
        ),
        ('"nothing"', '"ignore"', "saga.py:9: postgres.insert: on_conflict: found 'ignore'; allowed: nothing, up"),
        ('sleep("1 s")', "sleep(1)", "saga.py:14: sleep: found 1; allowed: a number with a unit"),
        ("amount=10", "amount=[10]", "saga.py:9: postgres.insert is given Insert(table='charge'"),
        (", is_judged=True", "", "no result of 'order'; allowed: of an actor with is_judged=True (saga.py:18)"),
        ('"server", 0', '"server", "0"', "server: found the number '0'; allowed: a whole number from 0, or None"),
        ('("postgres:charge:1",)', '"charge"', "cells: found the text 'charge'; allowed: a tuple, ('charge',)"),
    ],
)
def test_slips_in_a_system_are_told_with_what_would_do(ran: Ran, right: str, wrong: str, message: str) -> None:
    Path("saga.yaml").write_text("name: saga\nsystem: saga.py:SAGA\n")
    Path("saga.py").write_text(SAGA)
    assert ran("explore", "saga.yaml", "-q").code == 0
    assert SAGA.count(right) == 1
    Path("saga.py").write_text(SAGA.replace(right, wrong))
    ended = ran("explore", "saga.yaml", "-q")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_what_is_about_the_batch_alone_says_so(ran: Ran) -> None:
    ended = ran("worth", "chord.yaml")
    assert ended.code == 2
    assert ended.err.startswith("chord.yaml: system: found chord.py:CHORD; allowed: a scenario of the batch")
    ended = ran("findings", "--scenario", "chord.yaml", "--items", "2")
    assert ended.err == "--items: found with a system of your own; allowed: --set parameters.NAME=VALUE\n"


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "schedules"),
    [
        ("crash: {actor: worker-0, before: redis.get}", "5168"),
        ("lost_state: {keys: 'chord:*'}", "38604"),
        ("lost_state: {keys: 'chord:done', last_writes: 1}", "40290"),
        ("outage: {group: redis}", "78731"),
        ("store_error: {at_most: 1}", "36617"),
        ("mine.py:SizeIsForgotten: {at_most: 1}", "4878"),
    ],
)
def test_faults_of_any_system_and_of_ones_own_happen_anywhere(ran: Ran, fault: str, schedules: str) -> None:
    Path("mine.py").write_text(OWN_FAULT)
    (found,) = document(ran, "explore", scenario(f"faults: [{{{fault}}}]\n"), "--policy", "fixed")["explorations"]
    assert found["schedules"] == schedules
    assert [each["occurs"] for each in found["faults"]] == [True]
    assert {name for each in found["outcomes"] for name in each["verdicts"]} > {"ok"}


OWN_FAULT = '''
from dataclasses import dataclass
from typing import ClassVar

from batchsim.model.exposure import Exposure
from batchsim.model.faults import Fault
from batchsim.model.operation import touches


class Forgets(Exposure):
    """In place of `SET` of the size: it is answered, and not kept."""

    def concerns(self, operation):
        return operation.name == "redis.set" and "chord:size" in operation.footprint().writes

    def ways(self, world, operation, usual):
        return (self.way("forgotten"),) if usual and self.is_left(world) else ()

    def apply(self, world, operation, way):
        self.use_up(world)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeIsForgotten(Fault):
    """The size of the chord is not kept."""

    word: ClassVar[str] = "size_is_forgotten"

    def exposure(self, number, actor):
        return Forgets(number, self)
'''


@pytest.mark.parametrize(
    ("method", "does", "said"),
    [
        (
            "concerns(self, operation)",
            "raise StopIteration",
            "Forgets.concerns raised StopIteration (mine.py:LINE)",
        ),
        (
            "concerns(self, operation)",
            "return 42",
            "Forgets.concerns returned 42, of type int; allowed: True, False",
        ),
        ("ways(self, *_)", "return 42", "Forgets.ways returned 42, of type int; allowed: a tuple"),
        ("ways(self, *_)", "return (1,)", "Forgets.ways returned (1,); allowed: a tuple of Alternative"),
        ("apply(self, *_)", "raise SystemExit(0)", "Forgets.apply raised SystemExit: 0 (mine.py:LINE)"),
        ("apply(self, *_)", "raise KeyboardInterrupt", "Forgets.apply raised KeyboardInterrupt (mine.py:LINE)"),
        (
            "apply(self, *_)",
            "return type('Odd', (), {'__eq__': None, '__repr__': lambda self: 'odd'})()",
            "Forgets.apply returned odd, which raised TypeError: unhashable type: 'Odd'; allowed: what can be "
            "compared and hashed (a tuple, no list)",
        ),
        (
            "apply(self, *_)",
            "return float('nan')",
            "Forgets.apply returned nan, which is not equal to itself; allowed: what can be compared and hashed "
            "(a tuple, no list)",
        ),
        (
            "ways(self, *_)",
            "return (self.way(type('Odd', (str,), {'__eq__': None})('odd')),)",
            "Forgets.ways gave 'odd', of type Odd; allowed: text, or None, to tell a way and what it waits for",
        ),
        (
            "footprint(self, _)",
            "return touches(writes=(self.key, type('Odd', (str,), {})('odd')))",
            "Forgets.footprint gave 'odd', of type Odd; allowed: names of cells",
        ),
        (
            "footprint(self, _)",
            "return None",
            "Forgets.footprint returned None, of type NoneType; allowed: a Footprint",
        ),
    ],
)
@pytest.mark.parametrize(
    ("command", "field"),
    [
        (["explore"], "at_most: 1"),
        (["run"], "probability: 1"),
        (["sweep", "--runs", "2", "--workers", "1"], "probability: 1"),
    ],
)
def test_what_a_fault_of_ones_own_does_wrong_is_told_with_its_file(
    ran: Ran, command: list[str], field: str, method: str, does: str, said: str
) -> None:
    name = method.partition("(")[0]
    Path("mine.py").write_text(f"{OWN_FAULT}\n\ndef {method}:\n    {does}\n\n\nForgets.{name} = {name}\n")
    said = said.replace("LINE", str(OWN_FAULT.count("\n") + 4))
    file = scenario(f"faults: [{{mine.py:SizeIsForgotten: {{{field}}}}}]\n")
    ended = ran(*command, file, "--policy", "fixed")
    assert (ended.code, ended.out, ended.err) == (2, "", f"mine.py:SizeIsForgotten: {said}\n")


COUNTING = """
from dataclasses import dataclass
from typing import ClassVar
from batchsim.model.operation import Operation, touches
from batchsim.model.system import Actor, System

TIMES = []


@dataclass(frozen=True)
class Count(Operation):
    name: ClassVar[str] = "redis.count"

    def footprint(self):
        return touches(writes=("mine",))

    def apply(self, world):
        TIMES.append(1)
        DOES


async def act():
    await Count()


MINE = System("mine", (Actor("mine", None, act),), cells=("mine",))
"""


@pytest.mark.parametrize(
    "command",
    [["explore"], ["explore", "--timed"], ["explore", "--reduce"], ["window", "--policy", "mine"]],
)
@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("return len(TIMES)", r"apply returned \d, and \d"),
        ("world.cells.write('mine', len(TIMES))", r"apply wrote to mine \d, and \d"),
    ],
)
def test_an_operation_of_ones_own_depends_on_its_cells_alone(
    ran: Ran, command: list[str], does: str, said: str
) -> None:
    Path("mine.py").write_text(COUNTING.replace("DOES", does))
    ended = ran(*command, scenario(head="name: m\nsystem: mine.py:MINE\n"))
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(
        r"mine.py:\d+: mine.py: Count \(redis.count\): (.+) from the same cells; allowed: what is .*\n", ended.err
    )
    assert re.search(said, ended.err)


def test_so_does_a_fault_of_ones_own(ran: Ran) -> None:
    Path("mine.py").write_text(OWN_FAULT.replace("return True", "return object()"))
    file = scenario("faults: [{mine.py:SizeIsForgotten: {at_most: 1}}]\n")
    ended = ran("explore", file, "--policy", "fixed")
    assert (ended.code, ended.out) == (2, "")
    assert "redis.set under mine.py:SizeIsForgotten: Forgets: apply returned <object object>, and" in ended.err


def test_a_fault_of_ones_own_happens_in_other_processes_too(ran: Ran) -> None:
    Path("mine.py").write_text(OWN_FAULT)
    file = scenario("faults: [{mine.py:SizeIsForgotten: {probability: 20%}}]\n")
    sweep = ("sweep", file, "--policy", "fixed", "--runs", "60", "--json", "-", "--workers")
    alone, shared = (ran(*sweep, workers) for workers in "12")
    assert (shared.code, shared.out) == (0, alone.out)
    (cell,) = json.loads(shared.out)["sweep"]
    assert 0 < cell["faults"][0]["count"] < 60


def test_with_time_an_outage_and_a_loss_come_when_they_are_due(ran: Ran) -> None:
    faults = (
        "faults: [{outage: {group: redis, at: 2 ms, lasts: 1 ms}}, {lost_state: {keys: 'chord:*', at: 9 ms}}]\n"
    )
    (run,) = document(ran, "run", scenario(faults), "--policy", "fixed")["runs"]
    at = {step["operation"]: step["at_us"] for step in run["steps"]}
    assert (at["outage.begin"], at["outage.end"], at["lost_state.begin"]) == (2000, 3000, 9000)
    assert [each["times"] for each in run["faults"]] == [1, 1]


def test_a_slow_service_makes_later_what_is_sent_to_it_meanwhile(ran: Ran) -> None:
    faults = "faults: [{outage: {group: redis, delay: 5 s, at: 2 ms, lasts: 20 ms}}]\n"
    plain, slow = (
        {(step["actor"], step["operation"]): step["at_us"] for step in run["steps"]}
        for text in ("", faults)
        for run in document(ran, "run", scenario(text), "--policy", "fixed")["runs"]
    )
    late = {key for key in plain if slow[key] > 5_000_000}
    assert late
    assert all(slow[key] == at_us for key, at_us in plain.items() if at_us <= 2000)
    told = ran("run", scenario(faults), "--policy", "fixed").out
    assert "fault 0: slow redis, 5 s later for 20 ms, from 2 ms on: happened once" in told
    refused = ran("run", scenario("faults: [{outage: {group: redis, delay: 0 s, at: 1 s, lasts: 1 s}}]\n"))
    assert (refused.code, "faults[0].outage.delay: found" in refused.err) == (2, True)


# -- what is refused -------------------------------------------------------------------------------

WRONG = [
    ("parameters: {tasks: two}", "4:21: parameters.tasks: found 'two'; allowed: a whole number"),
    (
        "parameters: {task: 2}",
        "4:14: parameters.task: found the unknown key 'task'; allowed: tasks, workers",
    ),
    (
        "policies: [fixd]",
        "4:12: policies[0]: found 'fixd'; allowed: as_published, half_fixed, fixed, path/to/file.py",
    ),
    ("latency: {operations: {redis.blpp: 1 ms}}", "latency.operations.redis.blpp: found 'redis.blpp'; allowed: "),
    ("latency: {sqs: 1 ms}", "latency.sqs: found the unknown key 'sqs'; allowed: redis, postgres, http"),
    ("faults: [{crash: {actor: worker-9}}]", "found 'worker-9'; allowed: publisher, worker, worker-0, worker-1"),
    (
        "faults: [{lost_state: {keys: celry}}]",
        "found 'celry'; allowed: celery, chord:done, chord:size",
    ),
    ("faults: [{outage: {group: reds}}]", "found 'reds'; allowed: redis, postgres"),
    (
        "faults: [{cut: {at_most: 1}}]",
        "found the unknown key 'cut'; allowed: crash, store_error, slow",
    ),
    ("faults: [{chord.py:CHORD: {}}]", "allowed: a fault of your own; chord.py: CHORD is of type Model, not type"),
    (
        "expect: {fixed: callback_lst}",
        "found 'callback_lst'; allowed: ok, callback_lost, callback_twice",
    ),
    ("batch: {items: 2}", "batch: found the unknown key 'batch'; allowed: name, summary, system, parameters"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_in_a_scenario_is_told_with_its_place(ran: Ran, text: str, said: str) -> None:
    head = "name: chord\nsystem: chord.py:CHORD\n" + ("" if text.startswith("latency") else SPREAD)
    ended = ran("explore", scenario(f"{text}\n", head))
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


SYSTEMS = [
    ("def system(_): raise KeyError('boom')", "m.py:M: system under 'p': raised KeyError: 'boom'"),
    ("def system(_): return 3", "m.py:M: system under 'p': found 3, of type int; allowed: a System"),
    ("def system(_): return System('x', (), ('a',))", "actors: found none; allowed: at least one Actor"),
    ("def system(_): return System('x', [Actor('w', None, ok)] * 2, ('a',))", "actors: found 'w' twice"),
    ("def system(_): return System('x', [Actor('w.1', None, ok)], ('a',))", "allowed: a name without a dot"),
    (
        "def system(_): return System('x', [Actor('w', None, ok)], ('a',), outcome=lambda world, results: [1])",
        "outcome returned [1], which raised TypeError: unhashable type: 'list'; allowed: what can be compared",
    ),
    (
        "L = []\ndef begin(cells): L.append(1); cells.write('a', len(L))\n"
        "def system(_): return System('x', [Actor('w', None, ok)], ('a',), begin=begin)",
        "to 'a', and 2 another time; allowed: the same each time",
    ),
    (
        "def b(cells): cells.write('b', 1)\n"
        "def system(_): return System('x', [Actor('w', None, ok)], ('a',), begin=b)",
        "begin writes the cell 'b'; allowed: one that is listed (a)",
    ),
    (
        "def system(_): return System('x', [Actor('outage', None, ok)], ('a',))",
        "found 'outage'; allowed: a name that no fault has",
    ),
    (
        "async def w(): await redis.set('a', [1])\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('a',))",
        "m.py:8: redis.set is given Command(verb='set', keys=('a',), arguments=([1], False), expires=None",
    ),
    (
        "async def w(): await redis.sadd('a', {'line': 1})\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('a',))",
        "arguments=({'line': 1},), expires=None, about=None); allowed: what has a hash",
    ),
    (
        "async def w(): await redis.sadd('a', 1, 'b'); await redis.smembers('a')\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('a',))",
        "m.py:8: redis.smembers is given",
    ),
    (
        "async def w(): await redis.hset('a', 1, 1); await redis.hset('a', 'b', 1); await redis.get('b')\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('a', 'b'))",
        "m.py:8: redis.hset: left {1: 1, 'b': 1} in a; allowed: values of one kind",
    ),
    (
        "from batchsim.stores import postgres\n"
        "async def w(): await postgres.insert('t', 1, a=1); await postgres.update('t', 1, add={'mails': 1})\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('postgres:t:1',))",
        "m.py:9: postgres.update of t 1: add: found None in column 'mails'; allowed: a number to begin with",
    ),
    (
        "from batchsim.stores import postgres\nasync def w():\n    await postgres.insert('t', 1, a=1)\n"
        "    await postgres.update('t', 1, set={'a': 2}, returning=('b',))\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('postgres:t:1',))",
        "m.py:11: postgres.update of t 1: returning: found no column 'b'; allowed: a",
    ),
    (
        "from dataclasses import dataclass\nfrom batchsim.model import Operation\n@dataclass(frozen=True)\n"
        "class Take(Operation[bool]):\n    item: int\n    name = 'redis.take'\n"
        "def system(_): return System('x', [Actor('w', None, ok)], ('a',))",
        "Take: item: found a field with a name that every operation has; allowed: another name, such as of_item",
    ),
    (
        "async def w(): await redis.set('a', float('nan'))\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('a',))",
        "m.py:8: redis.set: left nan in a; allowed: what equals another one",
    ),
    (
        "async def w():\n    t = ()\n    for _ in range(5000): t = (t,)\n    await redis.set('a', t)\n"
        "def system(_): return System('x', [Actor('w', None, w)], ('a',))",
        "allowed: what is nested less than a hundred times",
    ),
    (
        "def system(_): return System('x', (Actor('w', None, forgot),), ('a',))",
        "forgot, line 5: redis.incr('a')",
    ),
    (
        "def system(_): return System('x', (Actor('w', None, naps),), ('a',))",
        "naps, line 7: time.sleep(1) waits",
    ),
    (
        "def system(_): return System('x', (Actor('w', None, ok),), ('b',))",
        "redis.incr by w touches the cell 'a'; al",
    ),
    (
        "def system(_): return System('x', (Actor('w', None, len),), ('b',))",
        "allowed: a coroutine function",
    ),
    (
        "P = Property('p', 'm.', lambda _: 5)\n"
        "def system(_): return System('x', (Actor('w', None, ok),), ('a',), properties=(P,))",
        "p: holds(outcome) returned 5; allowed: True, False",
    ),
]


@pytest.mark.parametrize(
    ("line", "did"),
    [
        ("raise SystemExit(0)", "raised SystemExit: 0 (m.py:8); allowed: an Exception"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt (m.py:8); allowed: an Exception"),
        ("__import__('os')._exit(0)", "called os._exit in line 8 of m.py; allowed: to raise an error"),
    ],
)
@pytest.mark.parametrize(
    "command", [["run"], ["explore"], ["explore", "--timed"], ["sweep", "--runs", "2", "--workers", "1"]]
)
def test_an_actor_that_would_end_the_program_is_told(ran: Ran, command: list[str], line: str, did: str) -> None:
    Path("m.py").write_text(
        "from batchsim.model.model import Model\n"
        "from batchsim.model.system import Actor, System\n"
        "from batchsim.stores import redis\n\n\n"
        f"async def ends():\n    await redis.incr('a')\n    {line}\n\n\n"
        "def system(_):\n    return System('m', (Actor('w', None, ends),), ('a',))\n\n\n"
        "M = Model('m', system, {'p': 1})\n"
    )
    ended = ran(*command, scenario(head="name: x\nsystem: m.py:M\n"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"m.py:M: system under 'p': w: {did}\n"


@pytest.mark.parametrize(("text", "said"), SYSTEMS)
@pytest.mark.parametrize("command", ["run", "explore"])
def test_what_is_wrong_in_a_system_is_told_with_its_file(ran: Ran, command: str, text: str, said: str) -> None:
    Path("m.py").write_text(
        "import time\nfrom batchsim import Property\nfrom batchsim.model.model import Model\n"
        "from batchsim.model.system import Actor, System; from batchsim.stores import redis\n"
        "async def forgot(): redis.incr('a')\nasync def ok(): await redis.incr('a')\n"
        f"async def naps(): time.sleep(1)\n{text}\nM = Model('m', system, {{'p': 1}})\n"
    )
    ended = ran(command, scenario(head="name: x\nsystem: m.py:M\n"))
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


COUNTED = """\
from dataclasses import dataclass
from batchsim import Property
from batchsim.model.model import Model
from batchsim.model.system import Actor, System
from batchsim.stores import redis

@dataclass(frozen=True)
class Sizes:
    workers: int = 2

async def work():
    await redis.incr("done")

def system(_, sizes):
    wrong = Property("wrong", "Not all are counted.", lambda end: end["done"] != sizes.workers)
    workers = tuple(Actor("worker", number, work, is_twin=True) for number in range(sizes.workers))
    return System("counted", workers, cells=("done",), properties=(wrong,))

COUNTED = Model("counted", system, {"only": None}, parameters=Sizes)
"""


def test_runs_of_a_sweep_are_judged_with_the_parameters_of_their_point(ran: Ran) -> None:
    """A property asks for the parameters: those of the scenario itself are those of one point at most."""
    Path("counted.py").write_text(COUNTED)
    head = f"name: counted\nsystem: counted.py:COUNTED\n{SPREAD}expect_explore: {{only: ok}}\n"
    swept = ran("sweep", scenario(head=head), "--vary", "parameters.workers=1..4:4", "--runs", "20")
    assert (swept.code, swept.err) == (0, "")


@pytest.mark.parametrize(
    ("field", "found"), [('Field(2, alias="men")', "an alias"), ("Field(2, exclude=True)", "exclude=True")]
)
def test_parameters_that_would_silently_be_at_their_default_are_refused(ran: Ran, field: str, found: str) -> None:
    code = COUNTED.replace("@dataclass(frozen=True)\nclass Sizes:", "class Sizes(BaseModel):")
    code = code.replace("workers: int = 2", f"workers: int = {field}")
    Path("counted.py").write_text(f"from pydantic import BaseModel, Field\n{code}")
    head = f"name: counted\nsystem: counted.py:COUNTED\nparameters: {{workers: 3}}\n{SPREAD}"
    ended = ran("explore", scenario(head=head))
    assert ended.code == 2
    assert f"parameters: workers: found {found}; allowed: a field without" in ended.err


@pytest.mark.parametrize("command", ["run", "explore", "sweep --runs 3 --workers 2"])
@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("raise RuntimeError('x')", "mine.py:14: raised RuntimeError: x"),
        (
            "return world.cells['nope']",
            "mine.py: Step (mine.step) reads nope, which its footprint does not declare (declared: cell)",
        ),
        ("return world.cells['cell']", "mine.py:14: raised KeyError: 'cell'"),
        ("return next(iter(()))", "mine.py:14: raised RuntimeError: it raised StopIteration"),
        (
            "return []",
            "mine.py: Step (mine.step): apply returned [], which raised TypeError: unhashable type: 'list'; "
            "allowed: what can be compared and hashed (a tuple, no list)",
        ),
    ],
)
def test_what_an_operation_of_ones_own_does_wrong_is_told_with_its_file(
    ran: Ran, does: str, told: str, command: str
) -> None:
    Path("mine.py").write_text(OPERATION.format(does=does))
    ended = ran(*command.split(), scenario(head="name: mine\nsystem: mine.py:MINE\n"))
    if command == "run" and does == "return []":
        assert ended.code == 0  # one run compares nothing
    else:
        assert (ended.code, ended.err) == (2, f"{told}\n")


OPERATION = """\
from dataclasses import dataclass
from typing import ClassVar

from batchsim.model import Actor, Footprint, Model, Operation, System


@dataclass(frozen=True, slots=True)
class Step(Operation):
    name: ClassVar[str] = "mine.step"
    group: ClassVar[str] = "redis"
    def footprint(self):
        return Footprint(frozenset(), frozenset({{"cell"}}))
    def apply(self, world):
        {does}


async def work():
    await Step()


def system(program):
    return System("mine", (Actor("one", None, program),), cells=("cell",))


MINE = Model("mine", system, {{"a": work}})
"""


@pytest.mark.parametrize("command", [["explore"], ["explore", "--timed"]])
def test_of_too_many_outcomes_the_first_with_the_same_verdicts_are_shown(ran: Ran, command: list[str]) -> None:
    Path("m.py").write_text(
        "from batchsim import Property\nfrom batchsim.model import Actor, System, choose\n"
        "from batchsim.stores import redis\n\n\n"
        "async def w():\n    await redis.set('a', await choose(*range(64)))\n\n\n"
        "P = tuple(Property(f'bit{n}', 'm.', lambda end, n=n: bool(end['a'] >> n & 1)) for n in range(4))\n"
        "M = System('m', (Actor('w', None, w),), ('a',), properties=P)\n"
    )
    ended = ran(*command, scenario(head="name: x\nsystem: m.py:M\n"), "--csv", "all.csv", "--witness", "found")
    assert ended.code == 0, ended.err
    rows = [line for line in ended.out.splitlines() if line.startswith(("bit", "ok")) and "a = " in line]
    # One for each of the sixteen sets of verdicts; of those a witness of the first with each verdict.
    assert len(rows) == 16
    assert "and 48 more outcomes, each with the verdicts of one of these: --csv FILE has all" in ended.out
    assert 1 <= ended.out.count("replay it:") <= 4
    assert len(Path("all.csv").read_text().splitlines()) == 1 + 64
    assert len(list(Path("found").iterdir())) == 64


def test_a_sweep_tells_what_an_operation_cannot_take_with_the_line(ran: Ran) -> None:
    Path("m.py").write_text(
        "from batchsim.model import Actor, System\nfrom batchsim.stores import redis\n"
        "async def w():\n    await redis.sadd('a', {'line': 1})\n"
        "M = System('m', (Actor('w', None, w),), ('a',))\n"
    )
    ended = ran("sweep", "--runs", "3", "--workers", "1", "--quiet", scenario(head="name: x\nsystem: m.py:M\n"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("m.py:4: redis.sadd is given Command(")
