"""A sweep counts what single runs come to, whoever makes them and in which order."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from batchsim import POLICIES, Property, Scenario, load_scenario, scenario_from_data, simulate, sweep, verdicts_of
from batchsim.analysis.pool import InThisProcess
from batchsim.analysis.sweep import Point, Sweep, executing, storing
from batchsim.analysis.sweep.identity import digest_of, seed_stream
from batchsim.analysis.sweep.intervals import share_interval
from batchsim.analysis.sweep.pieces import Piece, PieceDone, run_piece
from batchsim.bad_input import BadInputError
from batchsim.batch.decision import Decision
from batchsim.batch.policy import Policy
from batchsim.engines.streams import draw
from batchsim.scenario import find_verdict

INCIDENT = load_scenario("scenarios/incident.yaml", ["batch.items=1"])
HERE = Point()
VARY = "latency.operations.redis.enqueued_count.request=5 ms..45 ms:3"


class Shuffled(Executor):
    """Does what it was given in another order, when it is asked for a result."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []
        self._random = random.Random(1)
        self._pool = ThreadPoolExecutor(1)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.append(lambda: future.set_result(function(*args, **kwargs)))
        if len(self._waiting) >= 5:
            self._random.shuffle(self._waiting)
        self._pool.submit(self._do_one)
        return future

    def _do_one(self) -> None:
        self._waiting.pop()()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=wait)


def seeds_of(scenario: Scenario, point: Point, runs: int) -> list[int]:
    return [draw(seed_stream(scenario, point.key), index) for index in range(runs)]


def test_shares_are_those_of_single_runs() -> None:
    result = sweep(INCIDENT, ["pre3427", "pr3766"], runs=60, workers=1)
    for cell in result.cells:
        given = [
            verdicts_of(simulate(replace(INCIDENT, seed=seed), POLICIES[cell.policy]).outcome)
            for seed in seeds_of(INCIDENT, HERE, 60)
        ]
        assert cell.runs == 60
        for name, share in cell.verdicts.items():
            assert share.count == sum(name in verdicts for verdicts in given)
            assert share.interval == share_interval(share.count, 60)
    assert 0 < result.cells[0].verdicts["false_failure"].count < 60


def test_differences_are_those_of_pairs() -> None:
    result = sweep(INCIDENT, ["pre3427", "pr3427", "pr3766"], runs=60, workers=1)
    failures = result.cell("pre3427", HERE).verdicts["false_failure"].count
    found = {
        (each.policy, each.other): (each.only_policy, each.only_other)
        for each in result.differences
        if each.verdict == "false_failure"
    }
    assert found == {
        ("pr3427", "pre3427"): (0, 0),
        ("pr3766", "pre3427"): (0, failures),
        ("pr3766", "pr3427"): (0, failures),
    }


def test_the_result_depends_on_no_worker_no_order_and_no_size_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = ["pre3427", "pr3766"]
    alone = sweep(INCIDENT, policies, runs=60, vary=[VARY], workers=1)
    assert alone == sweep(INCIDENT, policies, runs=60, vary=[VARY], workers=2)
    assert alone == sweep(INCIDENT, policies, runs=60, vary=[VARY], executor=Shuffled(), workers=3)
    for name in ("PIECE_S", "GIVEN_OUT_S"):
        monkeypatch.setattr(executing, name, 1e-9)  # so that a piece is one run
    assert alone == sweep(INCIDENT, policies, runs=60, vary=[VARY], executor=Shuffled(), workers=3)


def test_each_point_is_its_own_scenario_with_seeds_of_its_own() -> None:
    result = sweep(INCIDENT, ["pre3427"], runs=40, vary=[VARY], workers=1)
    counts = [each.verdicts["false_failure"].count for each in result.cells]
    assert counts[0] < counts[1] < counts[2]
    assert len({seed for point in result.points for seed in seeds_of(INCIDENT, point, 40)}) == 120


def test_the_seeds_depend_on_the_content_and_on_nothing_else(tmp_path: Path) -> None:
    assert digest_of(INCIDENT) == digest_of(replace(INCIDENT, name="x", summary="y", file="z", policies=()))
    others = [
        replace(INCIDENT, seed=2),
        replace(INCIDENT, setting=replace(INCIDENT.setting, consumers=4)),
        load_scenario("scenarios/incident.yaml", ["latency.redis=1 ms"]),
        load_scenario("scenarios/incident.yaml", ["items.overrides=[{index: 1, upload: 1 s}]"]),
    ]
    assert len({digest_of(each) for each in (INCIDENT, *others)}) == 5
    data = {"name": "n", "batch": {"items": 1}, "latency": {"operations": {"queue.push": "1 ms"}}}
    again = {"latency": {"operations": {"queue.push": "1000 us"}}, "batch": {"items": 1}, "name": "m"}
    assert digest_of(scenario_from_data(data)) == digest_of(scenario_from_data(again))
    with_faults = Path("scenarios/crash-and-redelivery.yaml")
    elsewhere = tmp_path / "copy.yaml"
    elsewhere.write_text(f"# a line more\n{with_faults.read_text()}")
    assert digest_of(load_scenario(with_faults)) == digest_of(load_scenario(elsewhere))


@pytest.mark.parametrize("workers", [1, 3])
def test_it_stops_at_the_first_block_that_is_narrow_enough(workers: int) -> None:
    # Most runs fail, so the interval narrows sooner than at a half; the other workers are ahead of the decision.
    result = sweep(INCIDENT, ["pre3427"], runs=2000, until_width=0.12, executor=Shuffled(), workers=workers).cells[
        0
    ]
    assert result.runs % 100 == 0
    assert result.verdicts["ok"].interval.width <= 0.12
    before = sweep(INCIDENT, ["pre3427"], runs=result.runs - 100, workers=1).cells[0]
    assert before.verdicts["ok"].interval.width > 0.12


def widest(result: Sweep) -> float:
    return max(share.interval.width for cell in result.cells for share in cell.verdicts.values())


def test_the_widest_interval_of_all_policies_decides() -> None:
    policies = ["pr3766", "pre3427"]  # the first never fails: its intervals are narrow soon
    result = sweep(INCIDENT, policies, runs=2000, until_width=0.12, workers=1)
    assert widest(result) <= 0.12
    assert widest(sweep(INCIDENT, policies, runs=result.cells[0].runs - 100, workers=1)) > 0.12


def test_a_width_out_of_reach_is_said_to_be() -> None:
    assert not sweep(INCIDENT, ["pre3427"], runs=130, until_width=0.01, workers=1).is_narrow
    assert sweep(INCIDENT, ["pr3766"], runs=130, until_width=0.04, workers=1).is_narrow


def test_a_sweep_that_was_stopped_goes_on_and_makes_no_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = ["pre3427", "pr3766"]
    database = tmp_path / "out.sqlite"
    looks = iter([True, True, True, False])
    part = sweep(INCIDENT, policies, runs=300, workers=1, database=database, watch=lambda *_: next(looks))
    assert not part.is_complete
    known = part.cells[0].runs
    assert 0 < known < 300

    made: list[int] = []

    def counted(piece: Piece) -> PieceDone:
        made.append(piece.count)
        return run_piece(piece)

    monkeypatch.setattr(executing, "run_piece", counted)
    whole = sweep(INCIDENT, policies, runs=300, workers=1, database=database, resume=True)
    assert sum(made) == 300 - known
    assert whole == sweep(INCIDENT, policies, runs=300, workers=1)

    del made[:]
    more = sweep(INCIDENT, [*policies, "pr4397"], runs=310, workers=1, database=database, resume=True)
    assert sum(made) == 10 + 310
    assert more == sweep(INCIDENT, [*policies, "pr4397"], runs=310, workers=1)


def test_what_lies_before_and_between_what_is_known_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a process was killed while later pieces had ended and earlier ones had not."""
    monkeypatch.setattr(executing, "_PIECE_LONGEST", 20)
    database = tmp_path / "out.sqlite"
    whole = sweep(INCIDENT, ["pre3427"], runs=120, workers=1, database=database)
    with closing(sqlite3.connect(database)) as connection, connection:
        firsts = [first for (first,) in connection.execute("SELECT first FROM record ORDER BY first")]
        lost = [firsts[0], *firsts[2:4], firsts[-2]]
        connection.executemany("DELETE FROM record WHERE first = ?", [(first,) for first in lost])
    known: list[int] = []

    def seen(runs: int, total: int) -> bool:
        known.append(runs)
        return True

    again = sweep(INCIDENT, ["pre3427"], runs=120, workers=1, database=database, resume=True, watch=seen)
    assert again == whole
    assert known[0] < known[-1] == 120


def test_of_more_runs_than_were_asked_for_only_those_count(tmp_path: Path) -> None:
    database = tmp_path / "out.sqlite"
    sweep(INCIDENT, ["pre3427"], runs=120, workers=1, database=database)
    seen: list[tuple[int, int]] = []

    def look(known: int, total: int) -> bool:
        seen.append((known, total))
        return True

    fewer = sweep(INCIDENT, ["pre3427"], runs=70, workers=1, database=database, resume=True, watch=look)
    assert fewer == sweep(INCIDENT, ["pre3427"], runs=70, workers=1)
    assert seen == [(70, 70)]


def test_who_stops_a_sweep_leaves_no_work_behind() -> None:
    class Idle(Executor):
        futures: ClassVar[list[Future[Any]]] = []

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            self.futures.append(Future())
            return self.futures[-1]

    looks = iter([True, False])
    sweep(INCIDENT, ["pre3427"], runs=300, executor=Idle(), workers=2, watch=lambda *_: next(looks))
    assert len(Idle.futures) > 2
    assert all(future.cancelled() for future in Idle.futures)


def test_pieces_are_short_at_the_end_so_that_workers_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counted(piece: Piece) -> PieceDone:
        counts.append(piece.count)
        return replace(run_piece(piece), took_s=0.0)  # as fast as can be: so only the end is a reason to be short

    monkeypatch.setattr(executing, "run_piece", counted)
    with ThreadPoolExecutor(1) as executor:
        sweep(INCIDENT, ["pr3766"], runs=1000, executor=executor, workers=2)
    assert sum(counts) == 1000
    assert max(counts) > 100
    assert max(counts[-3:]) <= executing._PIECE_SHORTEST


def test_what_is_kept_survives_an_error_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "out.sqlite"
    add, kept = storing.Store.add, [0]

    def fail_at_the_third(store: storing.Store, records: Any) -> None:
        kept[0] += 1
        if kept[0] == 3:
            raise RuntimeError("power cut")
        add(store, records)

    monkeypatch.setattr(storing.Store, "add", fail_at_the_third)
    with pytest.raises(RuntimeError, match="power cut"):
        sweep(INCIDENT, ["pr3766"], runs=300, workers=1, database=database)
    monkeypatch.undo()
    whole = sweep(INCIDENT, ["pr3766"], runs=300, workers=1, database=database, resume=True)
    assert whole == sweep(INCIDENT, ["pr3766"], runs=300, workers=1)


OWN = """
from dataclasses import replace
from batchsim import POLICIES, Decision
TRUSTING = replace(POLICIES["pre3427"], name="trusting", on_count_mismatch=lambda row: Decision.OK)
"""


def test_policies_and_verdicts_of_your_own_take_part(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    patient = Property("patient", "More than three attempts.", lambda outcome: outcome.call.attempts > 3)
    arguments: dict[str, Any] = {"runs": 40, "workers": 2, "properties": [patient], "directory": tmp_path}
    result = sweep(INCIDENT, ["pre3427", "own.py:TRUSTING"], **arguments)
    assert result.policies == ("pre3427", "trusting")
    assert result.cell("trusting", HERE).verdicts["false_failure"].count == 0
    cell = result.cell("pre3427", HERE)
    assert cell.verdicts["patient"].count == cell.verdicts["false_failure"].count > 0


def test_an_edited_policy_is_another_one(tmp_path: Path) -> None:
    own, database = tmp_path / "own.py", tmp_path / "out.sqlite"
    own.write_text(OWN)
    failures: list[int] = []
    for text in (OWN, OWN.replace("Decision.OK", "Decision.NOT_SEALED")):
        own.write_text(text)
        result = sweep(
            INCIDENT, ["own.py:TRUSTING"], runs=20, workers=1, directory=tmp_path, database=database, resume=True
        )
        failures.append(result.cells[0].verdicts["false_failure"].count)
    assert failures[0] == 0 < failures[1]


OWN_VERDICT = """
from batchsim import Property
HASTY = Property("hasty", "One attempt.", lambda outcome: outcome.call.attempts == 1)
"""


def test_an_edited_verdict_is_another_one(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"runs": 20, "workers": 1, "database": tmp_path / "out.sqlite", "resume": True}
    for text in (OWN_VERDICT, OWN_VERDICT):
        (tmp_path / "own.py").write_text(text)
        sweep(INCIDENT, ["pre3427"], properties=[find_verdict("own.py:HASTY", tmp_path)], **arguments)
    (tmp_path / "own.py").write_text(OWN_VERDICT.replace("== 1", "> 1"))
    with pytest.raises(BadInputError, match="found a sweep of another set of verdicts"):
        sweep(INCIDENT, ["pre3427"], properties=[find_verdict("own.py:HASTY", tmp_path)], **arguments)


def trusting(decision: Decision) -> Policy:
    return replace(POLICIES["pre3427"], on_count_mismatch=lambda row: decision)


def test_runs_of_what_was_in_no_file_are_not_taken_for_others(tmp_path: Path) -> None:
    database = tmp_path / "out.sqlite"
    arguments: dict[str, Any] = {"runs": 20, "workers": 1, "database": database, "resume": True}
    shipped = sweep(INCIDENT, ["pre3427"], **arguments)
    own = sweep(INCIDENT, [trusting(Decision.OK)], **arguments)
    assert own.cells[0].verdicts["false_failure"].count == 0 < shipped.cells[0].verdicts["false_failure"].count
    with pytest.raises(BadInputError, match="runs under a policy 'pre3427' that was in no file"):
        sweep(INCIDENT, [trusting(Decision.NOT_SEALED)], **arguments)
    assert sweep(INCIDENT, ["pre3427"], **arguments) == shipped

    patient = Property("patient", "Many attempts.", lambda outcome: outcome.call.attempts > 3)
    arguments |= {"database": tmp_path / "other.sqlite", "properties": [patient]}
    sweep(INCIDENT, ["pre3427"], **arguments)
    with pytest.raises(BadInputError, match="runs under a verdict 'patient' that was in no file"):
        sweep(INCIDENT, ["pre3427"], **arguments)


def test_every_point_that_cannot_be_is_told_at_once() -> None:
    with pytest.raises(BadInputError) as error:
        sweep(INCIDENT, vary=["batch.items=0..3:4", "consumers=0..1:2"])
    assert "--vary batch.items=0: batch.items: found 0" in str(error.value)
    assert "--vary consumers=0: consumers: found 0" in str(error.value)


def test_an_unknown_policy_is_one_message() -> None:
    with pytest.raises(BadInputError, match="policies: found 'pr99'; allowed: pre3427, "):
        sweep(INCIDENT, ["pr99"])


def test_a_scenario_that_was_changed_by_hand_is_not_varied_as_if_it_were_not() -> None:
    reseeded: Sweep = sweep(replace(INCIDENT, seed=9), ["pre3427"], runs=20, vary=[VARY], workers=1)
    assert reseeded != sweep(INCIDENT, ["pre3427"], runs=20, vary=[VARY], workers=1)
    changed = replace(INCIDENT, setting=replace(INCIDENT.setting, consumers=1))
    with pytest.raises(ValueError, match="changed since it was loaded"):
        sweep(changed, ["pre3427"], runs=20, vary=[VARY])


def test_pieces_are_longer_where_many_take_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives them out needs a while for each: with forty workers they take a second in place of a quarter."""
    counts: list[int] = []

    def counted(piece: Piece) -> PieceDone:
        counts.append(piece.count)
        done = run_piece(replace(piece, count=1))
        return replace(done, codes=(done.codes[0] * piece.count,), took_s=piece.count / 1000)

    monkeypatch.setattr(executing, "run_piece", counted)
    longest = []
    for workers in (10, 40):
        counts.clear()
        sweep(INCIDENT, ["pr3766"], runs=100_000, executor=InThisProcess(), workers=workers)
        longest.append(max(counts))
    assert longest == [250, 1000]


def ends_of(done: PieceDone) -> list[Any]:
    return [[done.ends[code] for code in codes] for codes in done.codes]


def test_a_worker_that_runs_several_pieces_at_once_comes_to_the_same() -> None:
    policies = (POLICIES["pre3427"], POLICIES["pr3766"])
    parts = [Piece(INCIDENT, 1, policies, number * 30, 30) for number in range(4)]
    one_by_one = [ends_of(run_piece(each)) for each in parts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert [ends_of(each) for each in pool.map(run_piece, parts)] == one_by_one
    finally:
        sys.setswitchinterval(interval)


def test_what_is_known_of_a_system_is_forgotten_once_its_file_was_edited(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nsystem: own.py:OWN\nlatency: {redis: 1 ms}\n")
    scenarios = []
    for number in (1, 2):
        (tmp_path / "own.py").write_text(COUNTING.replace("NUMBER", str(number)))
        scenarios.append(load_scenario(tmp_path / "own.yaml"))
    for scenario, number in zip(scenarios, (1, 2), strict=True):
        (end,) = run_piece(Piece(scenario, 1, (scenario.policy_named("own"),), 0, 2)).ends
        outcome: Any = end.outcome
        assert outcome.results == (("one", number),)


COUNTING = """
from batchsim.model import Actor, System
from batchsim.stores import redis

async def program():
    return await redis.incr("n", NUMBER)

OWN = System("own", (Actor("one", None, program, is_judged=True),), cells=("n",))
"""
