"""Batches that run freely: the model explains each, nothing that is wrong is explained, and latencies predict."""

from __future__ import annotations

import time
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from threading import local
from typing import Any, ClassVar

import pytest

from batchsim import load_scenario, scenario_of
from batchsim.analysis.calibration import Measured, OfBatch, Share, calibrated, measured, predicted, shares_of
from batchsim.analysis.hammering import hammer
from batchsim.analysis.sweep.pieces import OwnPolicy
from batchsim.bad_input import BadInputError
from batchsim.engines.live import redis_cells
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.explaining import explain
from batchsim.engines.live.hammer import Hammer, Observed, Seen
from batchsim.engines.live.performing import LiveSystem
from batchsim.engines.live.servers import Servers, embedded
from batchsim.engines.streams import draw
from batchsim.model.operation import Footprint, Operation, touches
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario
from batchsim.scenario.latencies import Constant, Empirical, Legs
from batchsim.stores import redis

SCENARIO = """
name: three
batch: {items: 3}
items: {upload: 10 ms, execution: 100 ms}
latency:
  http: {request: 2 ms, response: 2 ms}
  operations:
    redis.enqueued_count: {request: {uniform: [0 ms, 120 ms]}}
    queue.take: {response: {uniform: [0 ms, 50 ms]}}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    file = tmp_path / "three.yaml"
    file.write_text(SCENARIO)
    return load_scenario(file)


def hammered(scenario: Scenario, policy: str, lines: Lines, batches: int, speed: float = 1) -> list[Observed]:
    observed: list[Observed] = []
    found = scenario.find_policy(policy, scenario.directory)
    Hammer(scenario, found, lines, workers=4, speed=speed, note=observed.append).run(batches)
    return observed


def test_every_batch_is_explained_and_what_was_changed_is_not(scenario: Scenario, lines: Lines) -> None:
    observed = hammered(scenario, "pr4397", lines, 24, speed=2)
    assert sorted(each.number for each in observed) == list(range(24))
    system = scenario.system(scenario.find_policy("pr4397", scenario.directory))
    for each in observed:
        explanation = explain(system, each)
        assert explanation.unexplained is None
        assert len(explanation.order) == len(each.seen) > 30
        assert system.verdicts_of(each.outcome) == ("ok",)
    changed = 0
    for each, (name, answer) in zip(
        observed, (("redis.record", 9), ("redis.mark_enqueued", False), ("redis.cleanup", 2)), strict=False
    ):
        place = next(
            i for i, seen in enumerate(each.seen) if isinstance(seen, Seen) and seen.operation.name == name
        )
        seen: Any = each.seen[place]
        other = each._replace(seen=(*each.seen[:place], seen._replace(answer=answer), *each.seen[place + 1 :]))
        unexplained = explain(system, other).unexplained
        assert unexplained is not None
        assert len(unexplained.explained) < len(each.seen)
        assert any(told.operation.name == name and answer not in answers for told, answers in unexplained.next)
        changed += 1
    assert changed == 3
    first = observed[0]
    lost = first._replace(contents={**first.contents, "batch:B:meta": 3})
    unexplained = explain(system, lost).unexplained
    assert unexplained is not None
    assert unexplained.cells == (("batch:B:meta", None, 3),)


def test_a_timer_that_is_started_anew_meanwhile_is_not_taken_for_the_one_that_ran_out(
    scenario: Scenario, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, perform, at_work = Hammer._act, LiveSystem.perform, local()

    def acts(self: Hammer, lane: Any) -> int | None:
        at_work.batch = lane.batch
        return act(self, lane)

    def performs(self: LiveSystem, operation: Operation[Any], *choices: Any) -> Any:
        answer = perform(self, operation, *choices)
        timers = at_work.batch.timers
        if operation.name == "jobs.take_completion":
            for key, timer in timers.items():
                timers[key] = timer._replace(started_us=at_work.batch.hammer.clock.now_us())
        return answer

    monkeypatch.setattr(Hammer, "_act", acts)
    monkeypatch.setattr(LiveSystem, "perform", performs)
    taken = measured(hammered(scenario, "pr3427", lines, 4))["jobs.take_completion"].request_us
    assert len(taken) >= 4
    assert min(taken) >= 150_000  # it is scheduled 200 ms ahead


def test_a_second_batch_is_worked_on_and_not_the_first_one_again(lines: Lines) -> None:
    """Handlers, jobs and runs of the second batch do what they always do, on cells under other names."""
    scenario = load_scenario("scenarios/retried-parent.yaml")
    system = scenario.system(scenario.find_policy("pre3427", scenario.directory))
    for batch in hammered(scenario, "pre3427", lines, 4):
        assert explain(system, batch).unexplained is None
        assert set(system.verdicts_of(batch.outcome)) == {"duplicate_run", "false_failure"}


def test_transactions_that_do_not_look_are_found(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether somebody else was there since they read."""
    text = redis_cells.WRITE.replace("~= wish[3]", "== 'never'")
    monkeypatch.setattr(redis_cells, "WRITE", text)
    system = _contenders()
    observed: list[Observed] = []
    Hammer(scenario_of(system), None, lines, workers=2, speed=1, note=observed.append).run(30)
    assert any(explain(system, each).unexplained is not None for each in observed)


@dataclass(frozen=True, slots=True)
class Enlarge(Operation[int]):
    name: ClassVar[str] = "redis.enlarge"
    group: ClassVar[str | None] = "redis"
    by: str

    def footprint(self) -> Footprint:
        return touches(writes=("list",))

    def apply(self, world: Any) -> int:
        held = world.cells.modify("list", list)
        held.append(f"{self.by}{len(held)}")
        return len(held)


def _contenders() -> System[Any]:
    """Several who add to one list in two commands that are to be one."""

    async def worker(by: str) -> None:
        for _ in range(5):
            await Enlarge(by)
        await redis.llen("list")

    def program(by: str) -> Any:
        return lambda: worker(by)

    return System("contenders", tuple(Actor("w", n, program("abcd"[n])) for n in range(4)), cells=("list",))


def test_transactions_of_contenders_are_explained(lines: Lines) -> None:
    system = _contenders()
    observed: list[Observed] = []
    Hammer(scenario_of(system), None, lines, workers=2, speed=1, note=observed.append).run(10)
    for each in observed:
        assert explain(system, each).unexplained is None
        assert len(each.contents["list"]) == 20


def test_measured_latencies_predict_what_the_scenario_does_not(scenario: Scenario, servers: Servers) -> None:
    policy = scenario.find_policy("pre3427", scenario.directory)
    result, observed = hammer(scenario, policy, servers, batches=120, workers=4, speed=1, predicts=False)
    assert not result.findings
    calibrating = [each for each in observed if each.number % 3 == 0]
    prediction = predicted(scenario, policy, calibrating, 80, runs=600, resamples=6)["false_failure"]
    assert 0.1 < result.verdicts["false_failure"].value < 0.9
    # Once in a hundred times it is further away than that, so twice as far is allowed.
    assert abs(result.of_test["false_failure"].value - prediction.share) < 2 * prediction.half_width
    assert prediction.half_width < 0.35
    slow = load_scenario(Path(scenario.file), ("latency.operations={redis.enqueued_count: {request: 300 ms}}",))
    misled = shares_of(slow, policy, 100).get("false_failure", Share(0, 100))
    assert not prediction._replace(half_width=0.15).admits(misled)


def test_explanations_can_be_looked_for_elsewhere(
    scenario: Scenario, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process takes all that it needs, and finds an answer that was changed."""
    policy = scenario.find_policy("pr4397", scenario.directory)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:

        def falsified(look: Any, works: list[Any]) -> Any:
            first, *others = works
            place = next(i for i, seen in enumerate(first.observed.seen) if isinstance(seen, Seen))
            seen = list(first.observed.seen)
            seen[place] = seen[place]._replace(answer=None)
            return Executor.map(
                pool, look, [first._replace(observed=first.observed._replace(seen=tuple(seen))), *others]
            )

        monkeypatch.setattr(pool, "map", falsified)
        result, observed = hammer(
            scenario,
            policy,
            servers,
            batches=4,
            workers=4,
            speed=2,
            predicts=False,
            executor=pool,
            portable=OwnPolicy("pr4397", scenario.directory),
        )
    assert len(observed) == 4
    assert [each.batch for each in result.findings] == [observed[0].number]


def test_legs_are_told_apart(scenario: Scenario, lines: Lines) -> None:
    found = measured(hammered(scenario, "pr3427", lines, 6))
    assert 10_000 <= min(found["store.upload"].request_us) < 40_000
    assert min(found["run.finish"].request_us) >= 100_000
    assert min(found["jobs.take_completion"].request_us) >= 200_000
    assert 2_000 <= min(found["http.deliver"].response_us) < 30_000
    assert max(found["redis.get_meta"].calls_us) < 500_000
    of = calibrated(scenario, found).latencies.of_operation["redis.get_meta"]
    assert isinstance(of, Legs)
    assert isinstance(of.request, Empirical)
    assert calibrated(scenario, {}, 2).latencies.of_operation["store.upload"] == Legs(Constant(5_000), Constant(0))


def test_whoever_waited_goes_on_from_the_effect_that_woke_him(
    scenario: Scenario, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not from its answer, which is here later: in a simulation everything after it would come too soon."""
    perform = LiveSystem.perform

    def performs(self: LiveSystem, operation: Operation[Any], *choices: Any) -> Any:
        answer = perform(self, operation, *choices)
        if operation.name == "queue.push":
            time.sleep(0.12)
        return answer

    monkeypatch.setattr(LiveSystem, "perform", performs)
    observed = hammered(scenario, "pr3427", lines, 4)
    waited = [
        each._replace(seen=(seen,))
        for each in observed
        for seen in each.seen
        if isinstance(seen, Seen) and seen.operation.name == "queue.take" and seen.ready_us is not None
    ]
    assert waited
    assert min(measured(waited)["queue.take"].response_us) >= 60_000  # half of the call


def test_a_server_that_is_lost_is_one_message(scenario: Scenario) -> None:
    with embedded() as servers:
        lines = Lines(servers)
        observed: list[Observed] = []

        def note(each: Observed) -> None:
            observed.append(each)
            if len(observed) == 2:
                with suppress(Exception):  # it does not answer that
                    lines.redis().shutdown(nosave=True)

        policy = scenario.find_policy("pr3427", scenario.directory)
        with pytest.raises(BadInputError, match=r"^Redis: "):
            Hammer(scenario, policy, lines, workers=2, speed=2, note=note).run(50)
        lines.close()


def test_a_run_has_each_latency_that_its_batch_had_and_none_twice(scenario: Scenario) -> None:
    """The slowest of several items decides: were one value drawn for two of them, it would be too quick."""
    slow = [1_000, 20_000, 50_000]
    latencies = OfBatch(scenario, {"queue.take": Measured(response_us=slow)})
    for seed in range(20):
        sample = latencies.begun_anew()["queue.take"]
        assert sample is not None
        first = [sample(draw(seed, use))[1] for use in range(3)]
        assert sorted(first) == slow
        assert sample(draw(seed, 3))[1] in slow  # what it needs beyond that is drawn from all again
