"""From a file, or from plain data, to a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from batchsim.scenario.building import built
from batchsim.scenario.overrides import Override, applied, parse_override
from batchsim.scenario.problems import InvalidScenario, Place, Problem, fail
from batchsim.scenario.scenario import Scenario
from batchsim.scenario.schema.validation import validated
from batchsim.scenario.text_file import read_text
from batchsim.scenario.tree import Node, planted
from batchsim.scenario.yaml_file import parse_yaml


def load_scenario(path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Scenario:
    """The scenario in a YAML file, changed by `--set` options (`batch.items=5`) and then by `--seed`.

    Raises `InvalidScenario` with everything that is wrong with the file, the options, and the files it names.
    """
    file = str(path)
    document = parse_yaml(read_text(Path(path), file), file)
    if document.root is None:
        allowed = "a scenario; its name and batch.items are required"
        fail(Place(file, 1, 1), "an empty file", allowed)
    problems = list(document.problems)
    root = _overridden(document.root, overrides, seed, problems)
    return built(validated(root, Path(path).parent, problems), root, file, Path(path).parent)


def scenario_from_data(data: Mapping[str, Any], directory: str | Path = ".") -> Scenario:
    """The scenario in plain data, as a file would hold it; raises `InvalidScenario` by the same rules."""
    file = "scenario"
    root = planted(data, Place(file))
    return built(validated(root, Path(directory)), root, file, Path(directory))


def _overridden(root: Node, options: Iterable[str], seed: int | None, problems: list[Problem]) -> Node:
    """The tree with every option that can be applied; what is wrong with the others joins `problems`."""
    for option in options:
        try:
            root = applied(root, parse_override(option))
        except InvalidScenario as error:
            problems.extend(error.problems)
    if seed is None:
        return root
    return applied(root, Override(("seed",), planted(seed, Place(f"--seed {seed}"))))
