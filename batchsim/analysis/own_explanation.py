"""Why a run of a system of the user's own came to its verdicts: the step that decided, and what it overtook.

The batch has words of its own (`batch/explanation.py`). Of any other system all orders of its steps are explored,
if they are not too many, and the run is followed through them: the step is told after which no order avoids a
verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from batchsim.analysis.chains import last_common_cause, legs_between
from batchsim.analysis.explanation import Explanation
from batchsim.analysis.margins import Margin
from batchsim.engines.exhaustive import Bounds, Exploration, explore
from batchsim.engines.exhaustive.fates import avoidable
from batchsim.engines.exhaustive.following import NotASchedule, follow
from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.stepping import Label
from batchsim.model.properties import OK, Property
from batchsim.model.run import Run, Step
from batchsim.model.system import DEADLOCK, System
from batchsim.rounding import exact_instant, rounded
from batchsim.scenario import InvalidScenario, Scenario

_UNKNOWN = "which step decided is not known: its orders are too many or have no end, or faults come by chance."
STATES_MAX = 100_000
"""Beyond so many states it is not said which step decided."""


class _Rival(NamedTuple):
    """What could have come in its place, disturbs it, and would have left it open."""

    label: Label
    is_enough: bool
    """Whether it would be open even with the step right after it, or the step could not come then."""


class _Overtaken(NamedTuple):
    """A rival where it came in the run, later."""

    step: Step
    is_enough: bool


class _Decided(NamedTuple):
    """The step that decided a verdict."""

    step: Step
    kind: Any
    """What it is in the graph."""
    rivals: tuple[_Rival, ...]


def tell(
    scenario: Scenario, policy: Any, run: Run, verdicts: Sequence[str], properties: Sequence[Property]
) -> Explanation:
    """Why a run came to its verdicts; nothing is said of one that is ok."""
    failing = [verdict for verdict in verdicts if verdict != OK]
    if not failing:
        return Explanation()
    meanings = {each.name: each.meaning for each in (*scenario.system(policy).all_properties, *properties)}
    found = _explored(scenario, policy, properties)
    said: tuple[str, ...]
    why: dict[tuple[str, ...], list[str]] = {}
    """What decided, with the verdicts that it decided."""
    steps: set[int] = set()
    race: Margin | None = None
    for verdict in failing:
        decided = None if found is None else _decided(found, run, verdict, properties)
        if decided is None:
            said = (_UNKNOWN,)
        elif not decided:
            said = ("every order of its steps comes to that.",)
        else:
            overtaken = _overtaken(run, decided[0])
            said = tuple(_sentences(decided[0], overtaken))
            steps |= {decided[0].step.number, *(other.step.number for other in overtaken)}
            race = race or _race(run, decided[0].step, overtaken)
        if verdict == DEADLOCK.name:
            said += tuple(_passed_over(scenario.system(policy)))
        why.setdefault(said, []).append(verdict)
    sentences: list[str] = []
    for told, those in why.items():
        sentences += [f"the verdict is {each}: {_begun_small(meanings[each])}" for each in those]
        sentences += [sentence.replace(_VERDICT, " and ".join(those)) for sentence in told]
    return Explanation(tuple(sentences), frozenset(steps), race)


def _passed_over(system: System[Any]) -> Iterator[str]:
    """Who is in the background may be the one that is waited for: the run was over before it acted."""
    names = [each.name for each in system.actors if each.is_background]
    if names:
        yield (
            f"no run goes on for {' and '.join(names)} in the background: if somebody waits for that, it has "
            "serves=True instead of is_background=True."
        )


def _explored(scenario: Scenario, policy: Any, properties: Sequence[Property]) -> Exploration | None:
    try:
        found = explore(scenario, policy, properties=properties, bounds=Bounds(STATES_MAX, None))
    except InvalidScenario:  # of faults by chance
        return None
    return found if found.is_complete else None


def _decided(
    found: Exploration, run: Run, verdict: str, properties: Sequence[Property]
) -> tuple[_Decided, ...] | None:
    """The step that decided a verdict; none: nothing else was possible from the start; `None`: it is not known."""
    graph = found.graph
    system = graph.layout.system
    given = [system.verdicts_of(graph.outcome(state), properties) for state in graph.terminals.tolist()]
    try:
        edges = follow(graph, run.steps)
        can_avoid = avoidable(graph, given, [verdict]) > 0
    except (NotASchedule, ValueError):
        return None
    if not can_avoid[0]:
        return ()
    number = next((place for place, edge in enumerate(edges) if not can_avoid[graph.targets[edge]]), None)
    if number is None:  # it did not come to an end of theirs: a run is over before who is in the background
        return None
    kind = graph.labels[graph.edge_labels[edges[number]]].kind
    return (_Decided(run.steps[number], kind, tuple(_rivals(graph, edges[number], can_avoid))),)


def _rivals(graph: Graph, decisive: int, can_avoid: Any) -> Iterator[_Rival]:
    mine = graph.labels[graph.edge_labels[decisive]].kind
    state = graph.sources[decisive]
    for edge in _edges_from(graph, state):
        label = graph.labels[graph.edge_labels[edge]]
        if edge == decisive or not can_avoid[graph.targets[edge]]:
            continue
        # The same step can turn out otherwise, or one that it disturbs can come first.
        if label.kind is mine or mine.footprint.conflicts_with(label.kind.footprint):
            then = [each for each in _edges_from(graph, graph.targets[edge]) if _kind_of(graph, each) is mine]
            yield _Rival(label, not then or any(can_avoid[graph.targets[each]] for each in then))


def _edges_from(graph: Graph, state: int) -> range:
    return range(*graph.edges_begin[state : state + 2].tolist())


def _kind_of(graph: Graph, edge: int) -> Any:
    return graph.labels[graph.edge_labels[edge]].kind


def _overtaken(run: Run, decided: _Decided) -> list[_Overtaken]:
    """Where the rivals came in the run, later, and as they would have."""
    found: list[_Overtaken] = []
    for label, is_enough in decided.rivals:
        for step in run.steps[decided.step.number + 1 :]:
            is_of_it = step.actor.partition(".")[0] in {actor.name for actor in label.kind.role.actors}
            if is_of_it and step.name == label.kind.operation.name and step.actor != decided.step.actor:
                # Of what only a property over history remembers, any two steps change the same.
                tells = is_enough or _touched(decided.step) & _touched(step)
                if step.alternative == label.alternative and tells:
                    found.append(_Overtaken(step, is_enough))
                break
    # A twin's step is told once, as what it says most.
    found.sort(key=lambda each: (each.step.number, not each.is_enough))
    return list({each.step.number: each for each in reversed(found)}.values())[::-1]


_VERDICT = "\0"
"""Stands for the verdicts in what is said of the step that decided them: one step may decide several."""


def _sentences(decided: _Decided, overtaken: Sequence[_Overtaken]) -> Iterator[str]:
    step = decided.step
    answer = f" ({step.description})" if step.description else ""
    what = f"{step.name} of {step.actor}{answer}"
    yield f"it was decided at {exact_instant(step.at_us)}, by {what}: from there every order comes to it."
    for other, is_enough in overtaken:
        shared = ", ".join(sorted(_touched(step) & _touched(other)))
        # Of what a property over history remembers, steps change the same without touching the same.
        both = f"both touch {shared}, and " if shared else ""
        later = other.at_us - step.at_us
        when = f"{rounded(later)} later" if later else "at the same instant, after it"
        turned = f"in the other order {_VERDICT} could still be avoided"
        if not is_enough:
            turned = f"had that come first, {_VERDICT} could still be avoided, if more had come before {step.name}"
        yield f"it came before {other.name} of {other.actor}, which took effect {when}: {both}{turned}."
    mine = [label.alternative or "as usual" for label, _ in decided.rivals if label.kind is decided.kind]
    if mine:
        yield f"it could have turned out otherwise: {', '.join(dict.fromkeys(mine))}."


def _begun_small(text: str) -> str:
    return f"{text[:1].lower()}{text[1:].removesuffix('.')}."


def _touched(step: Step) -> frozenset[str]:
    footprint = step.operation.footprint()
    return footprint.reads | footprint.writes


def _race(run: Run, step: Step, overtaken: Sequence[_Overtaken]) -> Margin | None:
    if not overtaken:
        return None
    other = overtaken[0].step
    cause = last_common_cause(run.steps, other, step)
    return Margin(other, step, cause, legs_between(run.steps, cause, other), legs_between(run.steps, cause, step))
