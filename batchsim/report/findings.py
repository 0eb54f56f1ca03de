"""The findings page: which verdicts can occur under which faults, what each fix closed, and what is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchsim.analysis.findings import BUDGETS, Budget, Effort, Found, Judgement
from batchsim.policies import LINEAGE
from batchsim.policies.proposed import PROPOSED
from batchsim.protocol.setting import Call
from batchsim.report.lanes import lanes
from batchsim.report.markdown_text import bold, code, link, plain, table

FOLDER = "findings"
UP_TO_ONE = tuple(budget for budget in BUDGETS if len(budget.names) < 2)
PAIRS = tuple(budget for budget in BUDGETS if len(budget.names) == 2)
HONEST = "true_failure"
"""The call rejected and the work was not done: no defect by itself."""

INTRODUCTION = """\
Every policy, under every budget of faults: none, each fault once, each pair of faults once, for one and two items,
one and two consumers, and both calls. A fault of a budget may happen anywhere, or not at all. Items succeed and
have small payloads; time is left out, so an order may need times that no clock allows (the reaper, half an hour
after the batch was created, may come first).

A cell lists the verdicts that some order of steps gives, each with a link to a short schedule that gives it.
**Bold**: every size was explored to the end, so what is not listed is *proved* not to occur within these bounds.
Plain: some size was too large; what is listed does occur, and what is not listed was not met in {walks} schedules
drawn at random. ¹: only where there is one consumer. {complete} of {cases} cases were explored to the end, within
{states:,} states each ({states_of_pair:,} of a pair of faults).

`true_failure` (the call rejected, and the work was not done) is an honest answer, not a defect of a policy."""

REASONS = {
    "crash": (
        "with one consumer, its crash leaves nobody: what it held comes back to the queue, and nobody takes it. "
        "A second consumer does"
    ),
    "spurious_retry": (
        "a store raised after the last item was pushed, and the handler answered 500. It cannot know whether what "
        "raised took effect; the retry finds out, and succeeds"
    ),
    HONEST: "the reaper ended a batch whose items did not all have a child run. The call is told so",
}


def page(judgement: Judgement, policies: Sequence[str], switches: Sequence[str], effort: Effort) -> str:
    """The page itself, in Markdown."""
    counts = {"complete": judgement.complete, "cases": judgement.cases}
    bounds = {"walks": effort.walks, "states": effort.states_max, "states_of_pair": effort.states_max_of_pair}
    parts = ["# Findings", INTRODUCTION.format(**bounds, **counts)]
    parts += ["## In short", *_summary(judgement, policies)]
    for call in Call:
        parts += [f"## `{call.value}`: no fault, and each fault once", _faults_table(judgement, policies, call)]
    for call in Call:
        parts += [
            f"## `{call.value}`: what only two faults together give",
            _pairs_table(judgement, policies, call),
        ]
    if PROPOSED.name in policies and switches:
        parts += ["## The proposal, without one of its switches", *_ablation(judgement, switches)]
    return "\n\n".join(parts) + "\n"


# -- the summary -----------------------------------------------------------------------------------


def _summary(judgement: Judgement, policies: Sequence[str]) -> Iterator[str]:
    lineage = [policy.name for policy in LINEAGE if policy.name in policies]
    lines = []
    for before, name in zip([None, *lineage], lineage, strict=False):
        lines.append(f"- {code(name)}: {_changes(judgement, before, name)}")
    yield "\n".join(lines)
    if lineage:
        yield f"Still open in the latest of them, {code(lineage[-1])}:"
        yield _open(judgement, lineage[-1])
    if PROPOSED.name in policies:
        yield (
            f"{code(PROPOSED.name)} (`batchsim/policies/proposed.py`) is the latest design with the smallest set "
            "of changes that we found to close these. What is left under it:"
        )
        yield _left(judgement, PROPOSED.name)


def _changes(judgement: Judgement, before: str | None, name: str) -> str:
    if before is None:
        alone = {verdict for call in Call for verdict in judgement.found(name, UP_TO_ONE[0], call)} - {HONEST}
        return f"{', '.join(map(code, sorted(alone)))} without any fault." if alone else "nothing without a fault."
    closed, opened = (_changed(judgement, one, other) for one, other in ((before, name), (name, before)))
    parts = [f"closes {_pairs(closed)}" if closed else "closes nothing that these budgets prove closed"]
    if opened:
        parts.append(f"opens {_pairs(opened)}")
    return "; ".join(parts) + "."


def _changed(judgement: Judgement, one: str, other: str) -> list[tuple[str, str, str]]:
    """What one policy gives and the other is proved not to give: verdict, call and fault."""
    return [
        (verdict, call.value, str(budget))
        for call in Call
        for budget in UP_TO_ONE
        for verdict in judgement.proved_gone(one, other, budget, call)
        if verdict != HONEST
    ]


def _pairs(found: Sequence[tuple[str, str, str]]) -> str:
    parts = []
    for verdict in dict.fromkeys(verdict for verdict, _, _ in found):
        under: dict[str, list[str]] = {}
        for _, call, budget in (each for each in found if each[0] == verdict):
            under.setdefault(call, []).append("no fault" if budget == "none" else budget)
        where = "; ".join(f"{call}: {', '.join(budgets)}" for call, budgets in under.items())
        parts.append(f"{code(verdict)} ({where})")
    return ", ".join(parts)


def _open(judgement: Judgement, policy: str) -> str:
    rows = []
    for call in Call:
        for verdict, budgets in judgement.by_fault(policy, call, UP_TO_ONE).items():
            if verdict != HONEST:
                shortest = min(
                    (judgement.found(policy, budget, call)[verdict] for budget in budgets),
                    key=lambda found: len(found.witness),
                )
                where = _link(f"{len(shortest.witness)} steps", shortest, verdict)
                rows.append((code(verdict), code(call.value), ", ".join(map(str, budgets)), where))
    return table(("verdict", "call", "under", "shortest"), rows)


def _left(judgement: Judgement, policy: str) -> str:
    rows = []
    for call in Call:
        for verdict, budgets in judgement.by_fault(policy, call, BUDGETS).items():
            found = [judgement.found(policy, budget, call)[verdict] for budget in budgets]
            rows.append((code(verdict), code(call.value), _least(budgets), _reason(verdict, budgets, found)))
    return table(("verdict", "call", "under", "why no policy closes it"), rows) if rows else "Nothing."


def _least(budgets: Sequence[Budget]) -> str:
    """The smallest of these budgets: the others contain one of them."""
    names = [set(budget.names) for budget in budgets]
    least = [budget for budget in budgets if not any(other < set(budget.names) for other in names)]
    return ", ".join(map(str, least))


def _reason(verdict: str, budgets: Sequence[Budget], found: Sequence[Found]) -> str:
    if verdict in REASONS:
        return REASONS[verdict]
    if all(each.is_of_one_consumer for each in found) and all("crash" in budget.names for budget in budgets):
        return REASONS["crash"]
    return bold("open")


# -- the tables ------------------------------------------------------------------------------------


def _faults_table(judgement: Judgement, policies: Sequence[str], call: Call) -> str:
    return _table(judgement, policies, UP_TO_ONE, call)


def _pairs_table(judgement: Judgement, policies: Sequence[str], call: Call) -> str:
    return _table(judgement, policies, PAIRS, call)


def _table(judgement: Judgement, policies: Sequence[str], budgets: Sequence[Budget], call: Call) -> str:
    rows = ((str(budget), *(_cell(judgement, policy, budget, call) for policy in policies)) for budget in budgets)
    return table(("faults", *map(code, policies)), rows)


def _cell(judgement: Judgement, policy: str, budget: Budget, call: Call) -> str:
    links = (
        f"{_link(plain(verdict), each, verdict)}{'¹' if each.is_of_one_consumer else ''}"
        for verdict, each in _worth_showing(judgement, policy, budget, call).items()
    )
    text = "<br>".join(links) or "none"
    return bold(text) if judgement.is_complete(policy, budget, call) else text


def _ablation(judgement: Judgement, switches: Sequence[str]) -> Iterator[str]:
    yield "Each switch closes something by itself. Without it, at most one fault gives"
    rows = []
    usual = {call: judgement.by_fault(PROPOSED.name, call, UP_TO_ONE) for call in Call}
    for switch in switches:
        again = [
            f"{code(verdict)} ({call.value}: {', '.join(map(_named, new))})"
            for call in Call
            for verdict, budgets in judgement.by_fault(PROPOSED.name, call, UP_TO_ONE, switch).items()
            if (new := [each for each in budgets if each not in usual[call].get(verdict, [])])
        ]
        rows.append((code(switch), "<br>".join(again) or "nothing that these budgets show"))
    yield table(("without", "comes back"), rows)


def _named(budget: Budget) -> str:
    return str(budget) if budget.names else "no fault"


# -- the witnesses ---------------------------------------------------------------------------------


def _worth_showing(judgement: Judgement, policy: str, budget: Budget, call: Call) -> dict[str, Found]:
    """Of a pair only what neither fault gives alone."""
    found = judgement.only_together if len(budget.names) == 2 else judgement.found
    return found(policy, budget, call)


def _link(words: str, found: Found, verdict: str) -> str:
    return f"[{words}]({FOLDER}/{found.case.policy}.md#{_anchor(found, verdict)})"


def _anchor(found: Found, verdict: str) -> str:
    case = found.case
    return f"{verdict}-{case.call.value.lower()}-{'-'.join(case.budget.names) or 'none'}".replace("_", "-")


def witness_pages(judgement: Judgement, policies: Sequence[str]) -> Iterator[tuple[str, str]]:
    """For each policy the name of its file, and the schedules that the page links to."""
    for policy in policies:
        parts = [f"# Schedules of {code(policy)}", f"Those that {link('the findings', '../findings.md')} link to."]
        for call in Call:
            for budget in BUDGETS:
                for verdict, each in _worth_showing(judgement, policy, budget, call).items():
                    parts += _witness(each, verdict)
        yield f"{policy}.md", "\n\n".join(parts) + "\n"


def _witness(found: Found, verdict: str) -> Iterator[str]:
    case = found.case
    yield f'<a id="{_anchor(found, verdict)}"></a>\n## {code(verdict)}: {case.call.value}, faults: {case.budget}'
    yield f"{_count(case.items, 'item')}, {_count(case.consumers, 'consumer')}, {len(found.witness)} steps."
    yield "```text\n" + "\n".join(line.rstrip() for line in lanes(found.witness)) + "\n```"
    yield f"Explore it: `{_command(found)}`"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _command(found: Found) -> str:
    case = found.case
    settings = [f"batch.items={case.items}", f"consumers={case.consumers}", f"batch.call={case.call.value}"]
    if case.budget.names:
        entries = ", ".join(f"{{{name}: {{at_most: 1}}}}" for name in case.budget.names)
        settings.append(f"'faults=[{entries}]'")
    options = " ".join(f"--set {setting}" for setting in settings)
    return f"batchsim explore scenarios/small-payloads.yaml --policy {case.policy} {options} --reduce"
