"""From a file, or from plain data, to a scenario."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchsim.batch.setting import Setting
from batchsim.model.system import System
from batchsim.scenario import declared, defaults
from batchsim.scenario.building import built, moments_of
from batchsim.scenario.latencies import Latency
from batchsim.scenario.overrides import FieldOverride, applied, parse_override
from batchsim.scenario.problems import InvalidScenario, Place, Problem, fail
from batchsim.scenario.scenario import Scenario
from batchsim.scenario.schema.validation import is_own, validated, validated_own
from batchsim.scenario.shipped import file_meant
from batchsim.scenario.text_file import read_text
from batchsim.scenario.tree import Node, planted
from batchsim.scenario.yaml_file import parse_yaml


def load_scenario(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    seed: int | None = None,
    policies: Iterable[str] | None = None,
) -> Scenario:
    """The scenario in a YAML file, changed by `--set` options (`batch.items=5`) and then by `--seed`.

    `path`: the file, or the name of a scenario that batchsim ships (`incident`) where no file is called so.
    `policies`: names of policies of your own that are compared instead of those of the file; then it may expect
    something of policies that are neither.
    Raises `InvalidScenario` with everything that is wrong with the file, the options, and the files it names.
    """
    if not os.fspath(path):
        fail(Place("scenario"), "an empty path", "a file, or the name of a scenario that is shipped")
    path = file_meant(Path(path))
    file = str(path)
    document = parse_yaml(read_text(path, file), file)
    if document.root is None:
        allowed = "a scenario; its name and batch.items are required"
        fail(Place(file, 1, 1), "an empty file", allowed)
    problems = list(document.problems)
    root = _overridden(document.root, overrides, seed, problems)
    return _built(root, file, path.parent, problems, policies)


def scenario_from_data(data: Mapping[str, Any], directory: str | Path = ".") -> Scenario:
    """The scenario in plain data, as a file would hold it; raises `InvalidScenario` by the same rules."""
    file = "scenario"
    return _built(planted(data, Place(file)), file, Path(directory), [])


def scenario_of(system: System[Any], *, seed: int = defaults.SEED, **latency: Any) -> Scenario:
    """A system of the user's own, to be given to engines in place of a scenario; they need no policy then.

    `latency`: as in a file, `redis="300 us"`, `operations={"redis.incr": {"uniform": ["1 ms", "2 ms"]}}`; or of a
    group that classes of one's own name. Raises `InvalidScenario` for latencies that no file could hold.
    """
    from batchsim.model.model import model_of  # noqa: PLC0415 - start-up is felt
    from batchsim.scenario.own_systems import OwnModel  # noqa: PLC0415

    own = {name: latency.pop(name) for name in declared.own_groups() & latency.keys()}
    plain = {"name": system.name, "batch": {"items": 1}, "latency": latency, "seed": seed}
    usual = scenario_from_data(plain)
    groups = {**usual.latencies.of_group, **{name: _of_group(name, each) for name, each in own.items()}}
    return replace(
        usual,
        setting=Setting(items=(), consumers=0, faults=system.faults),
        policies=(system.name,),
        own=OwnModel(model_of(system)),
        latencies=replace(usual.latencies, of_group=groups, of_item=moments_of(system.faults)),
        written=None,
    )


def _of_group(name: str, written: Any) -> Latency:
    # As of a group that is not of one's own.
    plain = {"name": name, "batch": {"items": 1}, "latency": {"redis": written}}
    try:
        return scenario_from_data(plain).latencies.of_group["redis"]
    except InvalidScenario as error:
        raise InvalidScenario(
            replace(each, field=each.field.replace("latency.redis", f"latency.{name}")) for each in error.problems
        ) from None


def varied(scenario: Scenario, options: Sequence[str]) -> Scenario:
    """A loaded scenario with fields overridden, as by `--set` in addition to what it was loaded with.

    Raises `InvalidScenario` like `load_scenario`, and `ValueError` for a scenario that is not as it was loaded
    (but for its seed).
    """
    if scenario.written is None:
        raise ValueError(f"{scenario.name}: found a scenario that was not loaded; allowed: one that was")
    # Whose names its expectations are was checked when it was loaded, maybe with policies that are not in it.
    policies = (*scenario.expect, *scenario.expect_explore, *scenario.expect_timed, *scenario.expect_rate)
    original = _built(scenario.written, scenario.file, scenario.directory, [], policies)
    if replace(original, seed=scenario.seed) != scenario:
        raise ValueError(f"{scenario.name}: found a scenario that was changed since it was loaded")
    problems: list[Problem] = []
    root = _overridden(scenario.written, (f"seed={scenario.seed}", *options), None, problems)
    return _built(root, scenario.file, scenario.directory, problems, policies)


def _built(
    root: Node, file: str, directory: Path, problems: list[Problem], policies: Iterable[str] | None = None
) -> Scenario:
    if is_own(root):
        # What only these scenarios need is imported where one is read.
        from batchsim.scenario.building_own import built_own  # noqa: PLC0415

        scenario = built_own(validated_own(root, directory, problems), root, file, directory, policies)
    else:
        scenario = built(validated(root, directory, problems, policies), root, file, directory)
    return replace(scenario, written=root)


def _overridden(root: Node, options: Iterable[str], seed: int | None, problems: list[Problem]) -> Node:
    """The tree with every option that can be applied; what is wrong with the others joins `problems`."""
    for option in options:
        try:
            root = applied(root, parse_override(option))
        except InvalidScenario as error:
            problems.extend(error.problems)
    if seed is None:
        return root
    return applied(root, FieldOverride(("seed",), planted(seed, Place(f"--seed {seed}"))))
