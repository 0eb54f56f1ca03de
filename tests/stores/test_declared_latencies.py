"""What classes of operations say of their latency, and what a scenario says over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from batchsim import scenario_of, simulate
from batchsim.bad_input import BadInputError
from batchsim.model import operation
from batchsim.model.operation import Footprint, Operation, touches
from batchsim.model.system import Actor, System
from batchsim.scenario import Constant, Legs, RoundTrip, Uniform, load_scenario


@pytest.fixture(autouse=True)
def _forget_classes() -> Iterator[None]:
    known = {name: dict(classes) for name, classes in operation._CLASSES.items()}
    yield
    operation._CLASSES.clear()
    operation._CLASSES.update(known)


def make(name: str, *, kind: str = "Take", **fields: Any) -> type[Operation[None]]:
    """A class of operations as a user would write it."""

    class Take(Operation[None]):
        def footprint(self) -> Footprint:
            return touches(writes=("lock",))

        def apply(self, world: Any) -> None:
            world.cells.write("lock", value=True)

    return type(kind, (Take,), {"name": name, "__module__": __name__, **fields})


def system(kind: type[Operation[None]]) -> System[Any]:
    async def take() -> None:
        await kind()

    return System("lock", (Actor("worker", None, take),), cells=("lock",))


def test_the_order_is_operation_group_given_class_default_of_the_group() -> None:
    taking = system(make("redis.take_it", default_latency="2 ms"))
    assert scenario_of(taking).latency_of("redis.take_it") == RoundTrip(Constant(2000))
    assert scenario_of(taking, redis="3 ms").latency_of("redis.take_it") == RoundTrip(Constant(3000))
    assert scenario_of(taking, redis="3 ms", operations={"redis.take_it": "4 ms"}).latency_of(
        "redis.take_it"
    ) == RoundTrip(Constant(4000))
    make("redis.take_that")
    assert scenario_of(taking).latency_of("redis.take_that") == RoundTrip(Uniform(200, 1000))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("300 us", RoundTrip(Constant(300))),
        (0, RoundTrip(Constant(0))),
        ({"uniform": ["1 ms", "2 ms"]}, RoundTrip(Uniform(1000, 2000))),
        ({"request": "1 ms", "response": "2 ms"}, Legs(Constant(1000), Constant(2000))),
    ],
)
def test_a_default_is_written_as_in_a_scenario(written: Any, meant: Any) -> None:
    taking = system(make("lock.take", default_latency=written))
    assert scenario_of(taking).latency_of("lock.take") == meant
    simulate(scenario_of(taking))


def test_a_wait_is_spent_before_the_effect_as_a_whole() -> None:
    waiting = system(make("lock.wait", is_wait=True, default_latency="2 ms"))
    assert scenario_of(waiting).latency_of("lock.wait") == Legs(Constant(2000), Constant(0))
    (step,) = simulate(scenario_of(waiting, operations={"lock.wait": "5 ms"})).steps
    assert step.at_us == 5000


def test_a_class_names_its_group_and_a_scenario_gives_it() -> None:
    taking = system(make("lock.take", group="postgres"))
    assert scenario_of(taking).latency_of("lock.take") == RoundTrip(Uniform(1000, 5000))
    assert scenario_of(taking, postgres="3 ms").latency_of("lock.take") == RoundTrip(Constant(3000))
    own = system(make("lock.take", group="etcd", default_latency="1 ms"))
    assert scenario_of(own).latency_of("lock.take") == RoundTrip(Constant(1000))
    assert scenario_of(own, etcd="7 ms").latency_of("lock.take") == RoundTrip(Constant(7000))
    with pytest.raises(BadInputError, match=r"latency\.etcd: found 7; allowed: a number with a unit"):
        scenario_of(own, etcd=7)


def test_an_operation_with_neither_is_told_with_its_class_and_what_to_write() -> None:
    taking = system(make("lock.take"))
    allowed = r"allowed: latency: operations: \{lock\.take: 1 ms\} in the scenario, or default_latency"
    with pytest.raises(
        BadInputError, match=rf"test_declared_latencies\.py: Take \(lock\.take\): no latency; {allowed}"
    ):
        simulate(scenario_of(taking))
    simulate(scenario_of(taking, operations={"lock.take": "1 ms"}))


def test_what_no_scenario_could_hold_is_refused() -> None:
    taking = system(make("lock.take", default_latency="2 miles"))
    with pytest.raises(
        BadInputError, match=r"Take: default_latency: found '2 miles'; allowed: a number with a unit"
    ):
        simulate(scenario_of(taking))


def test_classes_of_one_name_agree() -> None:
    make("lock.take", kind="One", default_latency="1 ms")
    taking = system(make("lock.take", kind="Other", default_latency="2 ms"))
    with pytest.raises(BadInputError, match=r"Other: default_latency: found '2 ms'; allowed: '1 ms', as in .*One"):
        simulate(scenario_of(taking))
    make("lock.take", kind="One", default_latency="2 ms")
    simulate(scenario_of(taking))


def test_a_dataclass_with_slots_is_one_class() -> None:
    @dataclass(frozen=True, slots=True)
    class Take(Operation[None]):
        name: ClassVar[str] = "lock.take"
        default_latency: ClassVar[Any] = "1 ms"

    assert operation.classes_named("lock.take") == (Take,)


def test_a_scenario_gives_the_latency_of_a_class_in_the_file_of_its_policy(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "examples" / "fixes.py"
    (tmp_path / "one.yaml").write_text(
        f"name: one\nbatch: {{items: 1}}\npolicies: ['{file}:ONE_STEP']\n"
        "latency: {operations: {postgres.count_and_seal: 9 ms}}\n"
    )
    scenario = load_scenario(tmp_path / "one.yaml")
    assert scenario.latency_of("postgres.count_and_seal") == RoundTrip(Constant(9000))


def test_a_wait_in_words_that_is_no_duration_is_told() -> None:
    async def doze() -> None:
        await operation.sleep("long")

    with pytest.raises(BadInputError, match=r"sleep: found 'long'; allowed: a number with a unit"):
        simulate(scenario_of(System("doze", (Actor("a", None, doze),), cells=())))
