"""A run as a sequence diagram for Mermaid, which GitHub draws in Markdown.

Each step is a message of its actor to the store that it is an operation of, or to the one whom it lets go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from batchsim.report.page.policies import with_gloss
from batchsim.rounding import instant
from batchsim.visible import in_one_line

if TYPE_CHECKING:
    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.model.run import Step

STEPS_MAX = 200
"""A longer diagram is no help to anybody: of the others the first and the last are told."""


def mermaid_text(scenario_runs: Iterable[ScenarioRun]) -> str:
    """One diagram for each run, each a file of Mermaid by itself once the lines between them are cut."""
    diagrams = [_diagram(each, run) for each in scenario_runs for run in each.runs]
    return "\n".join(diagrams)


def _diagram(scenario_run: ScenarioRun, run: PolicyRun) -> str:
    steps = list(run.trace.steps)
    left = len(steps) - STEPS_MAX
    head, tail = (steps, []) if left <= 0 else (steps[: STEPS_MAX // 2], steps[-STEPS_MAX // 2 :])
    names = _Names()
    lines = [line for step in head for line in _message(step, run, names)]
    if left > 0:
        lines.append(f"Note over {names.of(steps[0].actor)}: {left:,} steps are left out here")
        lines += [line for step in tail for line in _message(step, run, names)]
    title = f"{scenario_run.scenario.name}, {with_gloss(run.policy)}: {', '.join(run.verdicts)}"
    # A title is YAML between lines of hyphens: the quotation marks are those of JSON.
    return "\n".join(
        [
            "---",
            f"title: {_quoted(title)}",
            "---",
            "sequenceDiagram",
            *(f"  {kind} {name} as {label}" for name, (kind, label) in names.all.items()),
            *(f"  {line}" for line in lines),
            "",
        ]
    )


def _message(step: Step, run: PolicyRun, names: _Names) -> Iterator[str]:
    actor = names.of(step.actor)
    store, dot, operation = step.name.partition(".")
    target = names.of_store(store) if dot else actor
    answer = f": {step.description}" if step.description else ""
    told = _label(f"{operation or step.name}{answer}")
    yield f"{actor}->>{target}: {told}"
    if step.number in run.decisive:
        yield f"Note over {actor}: decisive, at {instant(step.at_us)}"


class _Names:
    """Names that Mermaid takes, and what they stand for."""

    def __init__(self) -> None:
        self.all: dict[str, tuple[str, str]] = {}
        self._known: dict[tuple[str, str], str] = {}

    def of(self, actor: str) -> str:
        return self._name("actor", actor)

    def of_store(self, store: str) -> str:
        return self._name("participant", store)

    def _name(self, kind: str, label: str) -> str:
        key = (kind, label)
        if key not in self._known:
            self._known[key] = f"{kind[0]}{len(self._known)}"
            self.all[self._known[key]] = (kind, _label(label))
        return self._known[key]


_ACTING = re.compile(r"[^\w .,:/()\[\]=+*'@!?-]")


def _label(text: str) -> str:
    """Text that is no syntax of Mermaid's: what could be is written by its number, as Mermaid has it."""
    return _ACTING.sub(lambda found: f"#{ord(found[0])};", in_one_line(text)) or "-"


def _quoted(text: str) -> str:
    import json  # noqa: PLC0415

    return json.dumps(in_one_line(text), ensure_ascii=False)
