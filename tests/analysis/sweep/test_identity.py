"""What a sweep is of is told by the content of its scenario, and by no name that the code gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

import batchsim
from batchsim import Scenario, explore, load_scenario, scenario_from_data
from batchsim.analysis.sweep import identity
from batchsim.analysis.sweep.identity import digest_of
from batchsim.scenario.loading import varied


def scenario(**given: Any) -> Scenario:
    return scenario_from_data({"name": "x", "batch": {"items": 2}} | given)


def test_the_digest_of_the_incident_is_what_it_was() -> None:
    """Should this fail, every sampled number changes: only a scenario that means something else may do that."""
    assert digest_of(load_scenario("scenarios/incident.yaml")) == "4de06aa3ca83ac7b309b318fa8c29071"


def test_what_is_said_for_people_and_what_is_said_though_it_is_so_anyway_plays_no_part() -> None:
    plain = digest_of(scenario())
    told = scenario(
        name="y",
        summary="S.",
        consumers=3,
        policies=["proposed"],
        latency={"redis": {"uniform": ["200 us", "1 ms"]}, "operations": {"jobs.take_completion": "200 ms"}},
        expect={"proposed": "ok"},
    )
    assert digest_of(told) == plain
    others = [
        scenario(consumers=2),
        scenario(latency={"redis": "1 ms"}),
        scenario(faults=[{"lost_response": {"attempt": 1}}]),
        scenario(faults=[{"disconnect": {"attempt": 1}}]),
        scenario(faults=[{"cut": {"attempt": 1}}]),
        scenario(items={"upload": {"normal": {"mean": "3 s", "sd": "1 s"}}}),
        scenario(items={"upload": {"lognormal": {"median": "3 s", "p99": "4 s"}}}),
    ]
    assert len({plain, *map(digest_of, others)}) == 1 + len(others)


def test_no_class_is_named_and_no_field_at_its_default() -> None:
    @dataclass(frozen=True)
    class Before:
        word: ClassVar[str] = "thing"
        size: int

    @dataclass(frozen=True)
    class After:
        word: ClassVar[str] = "thing"
        size: int
        colour: str = "red"

    text = identity._canonical
    assert text(Before(1)) == text(After(1)) == "thing(size=1)"
    assert text(After(1, "blue")) != text(After(1))
    with pytest.raises(TypeError, match="no canonical text of a object"):
        text(object())


HIDING = """\
from dataclasses import dataclass, field
from batchsim import Property
from batchsim.model.model import Model
from batchsim.model.system import Actor, System
from batchsim.stores import redis

@dataclass(frozen=True)
class Sizes:
    workers: int = field(default=2, repr=False, compare=False)
    tags: frozenset[str] = frozenset()

async def work():
    await redis.incr("done")

def system(_, sizes):
    workers = tuple(Actor("worker", number, work, is_twin=True) for number in range(sizes.workers))
    return System("hiding", workers, cells=("done",))

HIDING = Model("hiding", system, {"only": None}, parameters=Sizes)
"""


def test_parameters_that_their_class_does_not_show_make_another_system(tmp_path: Path) -> None:
    (tmp_path / "hiding.py").write_text(HIDING)
    (tmp_path / "hiding.yaml").write_text("{name: hiding, system: 'hiding.py:HIDING'}")
    usual = load_scenario(tmp_path / "hiding.yaml")
    other = varied(usual, ["parameters.workers=3"])
    assert [explore(each).outcomes[0].outcome["done"] for each in (usual, other)] == [2, 3]
    assert digest_of(usual) != digest_of(other)


def test_a_set_among_the_parameters_has_one_digest_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "hiding.py").write_text(HIDING)
    written = "{name: hiding, system: 'hiding.py:HIDING', parameters: {tags: [red, green, blue, black, white]}}"
    (tmp_path / "hiding.yaml").write_text(written)
    code = (
        "from batchsim import load_scenario; from batchsim.analysis.sweep.identity import digest_of; "
        "print(digest_of(load_scenario('hiding.yaml')))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(batchsim.__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(told) == 1
