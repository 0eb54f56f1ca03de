"""The findings page: which verdicts can occur under which faults, what each fix closed, and what is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from shlex import join

from batchsim.analysis.findings import (
    NO_FAULT,
    Base,
    Budget,
    Compared,
    FindingPlace,
    Findings,
    Found,
    Known,
    PolicyStanding,
    meaning_of,
)
from batchsim.batch.glosses import GLOSSES
from batchsim.batch.policies import LINEAGE, POLICIES
from batchsim.batch.policies.proposed import PROPOSED
from batchsim.batch.verdicts import VERDICTS
from batchsim.report.file_names import FileNames
from batchsim.report.findings_words import (
    HONEST,
    alike,
    faults_in_words,
    named,
    nothing_found,
    sizes_in_words,
    standings_in_short,
)
from batchsim.report.lanes import lanes
from batchsim.report.markdown_text import bold, code, link, plain, table
from batchsim.report.phrases import counted

FOLDER = "findings"
_POLICIES_MAX = 4
"""So many stand side by side in a table."""

INTRODUCTION = """\
What each policy can come to under every budget of faults: {budgets}.
A fault of a budget may happen anywhere, or not at all. Time is left out, so an order may need times that no clock
{no_clock}

{batches}

A cell lists the verdicts that some order of steps gives, each with a link to a short schedule that gives it; of
a pair of faults, those that neither gives alone. **Bold**: every batch was explored to the end, so what is not
listed is *proved* not to occur within these bounds. Plain: some batch was too large; what is listed does occur,
and what is not listed was not found in so many schedules, drawn at random. *Cannot happen*: no schedule has the
fault (of a pair: both), so there is nothing to say of it. ¹: only where there is one consumer. {complete} of
{cases} cases were explored to the end, within {states:,} states each ({states_of_pair:,} of a pair of faults);
{walks} schedules were drawn of each of the others. Pairs of faults, and the proposal without one of its
switches, are looked at in the batches with the fewest items alone.

{honest}"""
_ARTICLES = ("A", "An", "The", "More", "Nothing")
HONESTLY = (
    "`true_failure` (the call rejected, and the work was not done) is an honest answer, not a defect of a policy."
)
NO_CLOCK = "allows (the reaper, half an hour after the batch was created, may come first). The batches:"

REASONS = {
    "crash": (
        "with one consumer, its crash leaves nobody: what it held comes back to the queue, and nobody takes it. "
        "A second consumer does"
    ),
    "stuck": (
        "some crashes leave nobody to go on: that of the SDK's process, whose call is never told; that of a run "
        "between its end and its call for completion, of which nobody else knows (a periodic sweep would find it; "
        "that is no small change); and with one consumer its own. A second consumer closes the last. After a "
        "store error: the insert of a run was not heard, the reaper ended the batch, as another item had no run "
        "yet, and the message of the first finds no batch any more: nobody publishes its run"
    ),
    "spurious_retry": (
        "a store raised after the last item was pushed, and the handler answered 500. It cannot know whether what "
        "raised took effect; the retry finds out, and succeeds"
    ),
    HONEST: "the reaper ended a batch whose items did not all have a child run. The call is told so",
}

ELSEWHERE = {
    "records_with_meta_only": "in these batches nothing; with two items and a redelivery `leaked_keys` "
    "(batchTriggerAndWait): the last record comes after the reaper has deleted the keys",
    "answers_rejected_items": "in these batches nothing; with a rejected item `stuck` (batchTriggerAndWait, "
    "scenario `and-wait-rejected`)",
}
"""What comes back without a switch in other batches than those that are looked at without it."""

IN_THE_REAL_CODE = """\
What is listed above is so in the model, within these bounds. Of it, these were seen in the real code, by
letting it run (section 8 of [the protocol](../docs/protocol.md), marked r):

- `silent_abort` under `pr4397`, *batchTriggerAndWait*, without a fault: the reaper aborts a batch whose seal
  was lost, and the call returns;
- `lost_item` under one redelivery with one consumer: no token says whose claim an in-flight record is;
- `duplicate_run` and `stuck` under one store error: an insert whose answer is lost leaves a run that is never
  published;
- and, with other kinds of items than here, `stuck`: of *batchTriggerAndWait* with a rejected item, and of a
  batch whose last run expires (scenarios `and-wait-rejected`, `expiring-run`)."""


def page(findings: Findings, switches: Sequence[str] = ()) -> str:
    """The page itself, in Markdown; `switches`: those of the proposal of which each was turned off."""
    return _Page(findings).text(switches)


def witness_pages(findings: Findings) -> Iterator[tuple[str, str]]:
    """For each policy the name of its file, and the schedules that the page links to."""
    return _Page(findings).schedules()


def schedule_files(policies: Iterable[str]) -> list[str]:
    """The name of the file with the schedules of each policy, by what each is called, in this order."""
    names = FileNames()
    return [names.give(policy, ".md") for policy in policies]


class _Page:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._judgement = findings.judgement
        self._bases = findings.scope.bases
        self._shipped = () if findings.scope.is_own else tuple(POLICIES)
        self._budgets = findings.scope.budgets
        self._up_to_one = [budget for budget in self._budgets if len(budget.names) < 2]
        self._pairs = [budget for budget in self._budgets if len(budget.names) == 2]
        policies = findings.scope.policies
        called = [findings.names[policy] for policy in policies]
        self._files = dict(zip(policies, schedule_files(called), strict=True))
        self._anchors = {
            place: anchor for policy in findings.scope.policies for place, anchor in self._anchors_of(policy)
        }

    def text(self, switches: Sequence[str]) -> str:
        parts = ["# Findings", self._introduction(), "## In short", *self._summary()]
        for policy in self._findings.asked:
            if policy not in self._shipped and policy != self._findings.against:
                parts += self._against(policy)
        for base in self._bases:
            parts += [f"## {self._of(base)}: no fault, and each fault once", *self._tables(self._up_to_one, base)]
        for base in self._bases if self._pairs else ():
            parts += [f"## {self._of(base)}: what only two faults together give", *self._tables(self._pairs, base)]
        if PROPOSED.name in self._findings.scope.policies and switches:
            parts += ["## The proposal, without one of its switches", *self._ablation(switches)]
            parts += ["## What of this was seen in the real code", IN_THE_REAL_CODE]
        return "\n\n".join(parts) + "\n"

    def schedules(self) -> Iterator[tuple[str, str]]:
        for policy, file in self._files.items():
            title = f"# Schedules of {self._named(policy)}"
            parts = [title, f"Those that {link('the findings', '../findings.md')} link to."]
            for place, found in self._findings.shown(policy):
                parts += self._witness(found, place.verdict)
            yield file, "\n\n".join(parts) + "\n"

    def _introduction(self) -> str:
        judgement, effort = self._judgement, self._findings.effort
        batches = (
            f"- {code(base.scenario)}"
            if base.call is None
            else f"- {code(base.scenario)}, {code(base.call.value)}: {sizes_in_words(self._findings, base)}"
            for base in self._bases
        )
        return INTRODUCTION.format(
            budgets=faults_in_words(self._budgets),
            batches="\n".join(batches),
            complete=judgement.complete,
            cases=judgement.cases,
            states=effort.states_max,
            states_of_pair=effort.states_max_of_pair,
            walks=effort.walks,
            honest="" if self._findings.scope.is_own else HONESTLY,
            no_clock="allows. Of:" if self._findings.scope.is_own else NO_CLOCK,
        ).rstrip()

    def _of(self, base: Base) -> str:
        return code(self._findings.called(base))

    def _named(self, policy: str) -> str:
        return code(self._findings.names[policy])

    def _with_gloss(self, policy: str) -> str:
        """With what it is; of the batch, what is called as a shipped one is that one."""
        called = self._findings.names[policy]
        is_shipped = called in GLOSSES and not self._findings.scope.is_own
        return f"{code(called)} ({GLOSSES[called]})" if is_shipped else code(called)

    # -- the summary -------------------------------------------------------------------------------

    def _summary(self) -> Iterator[str]:
        policies = self._findings.scope.policies
        lineage = [policy.name for policy in LINEAGE if policy.name in policies and policy.name in self._shipped]
        if lineage:
            befores = [None, *lineage]
            yield "\n".join(
                f"- {code(name)}: {self._changes(before, name)}"
                for before, name in zip(befores, lineage, strict=False)
            )
            yield f"Still open in the latest of them, {code(lineage[-1])}:"
            yield self._open(lineage[-1])
        if PROPOSED.name in policies and PROPOSED.name in self._shipped:
            yield (
                f"{code(PROPOSED.name)} (`batchsim/batch/policies/proposed.py`) is the latest design with the "
                "smallest set of changes that we found to close these. What is left under it:"
            )
            yield self._left(PROPOSED.name)
        for policy in policies:
            if policy not in self._shipped:
                yield f"What {self._named(policy)} gives:"
                yield self._open(policy)

    def _changes(self, before: str | None, name: str) -> str:
        if before is None:
            alone = {each for base in self._bases for each in self._judgement.found(name, NO_FAULT, base)}
            given = ", ".join(map(code, sorted(alone - {HONEST})))
            return f"Gives {given} without any fault." if given else "Gives nothing but `ok` without a fault."
        compared = self._judgement.compared(name, before, self._bases, self._up_to_one)
        compared = [each for each in compared if each.verdict != HONEST]
        closed = [each for each in compared if each.standing is PolicyStanding.CLOSED]
        opened = [each for each in compared if each.standing is PolicyStanding.CAME_BACK]
        opened = [each for each in opened if each.theirs.known is Known.PROVED]
        sentences = [
            *(
                f"Closes {verdict}. It can no longer occur {where} (proved)."
                for verdict, where in self._each_of(closed)
            ),
            *(f"Opens {verdict}. It is new {where}." for verdict, where in self._each_of(opened)),
        ]
        return " ".join(sentences) or self._nothing_changed(name)

    def _nothing_changed(self, name: str) -> str:
        alone = {each for base in self._bases for each in self._judgement.found(name, NO_FAULT, base)} - {HONEST}
        still = f"{', '.join(map(code, sorted(alone)))} can still occur without any fault" if alone else ""
        return f"Nothing is proved closed{': ' * bool(still)}{still}. Nothing is new."

    def _each_of(self, compared: Sequence[Compared]) -> Iterator[tuple[str, str]]:
        """Each verdict with what it means, and where it stands so: in which calls, under which faults."""
        for verdict in dict.fromkeys(each.verdict for each in compared):
            under: dict[Base, list[Budget]] = {}
            for each in compared:
                if each.verdict == verdict:
                    under.setdefault(each.base, []).append(each.budget)
            places = {base: self._under(budgets) for base, budgets in under.items()}
            if len(set(places.values())) == 1:
                calls = f" in {' and '.join(map(self._of, places))}" if len(self._bases) > 1 else ""
                where = f"{next(iter(places.values()))}{calls}"
            else:
                where = "; ".join(f"in {self._of(base)} {place}" for base, place in places.items())
            yield f"{code(verdict)}{_meaning(verdict)}", where

    def _under(self, budgets: Sequence[Budget]) -> str:
        """`without a fault or under one crash`."""
        faults = [code(str(budget)) for budget in budgets if budget.names]
        if len(faults) == len(self._up_to_one) - 1 and faults:
            faults = ["any one fault"]
        elif faults:
            faults = [f"one {' or '.join([', '.join(faults[:-1]), faults[-1]] if faults[:-1] else faults)}"]
        return " or ".join(
            (["without a fault"] if NO_FAULT in budgets else []) + [f"under {each}" for each in faults]
        )

    def _open(self, policy: str) -> str:
        rows = []
        for base in self._bases:
            for verdict, budgets in self._judgement.by_fault(policy, base, self._up_to_one).items():
                if verdict != HONEST:
                    shortest = min(
                        (self._judgement.found(policy, budget, base)[verdict] for budget in budgets),
                        key=lambda found: len(found.witness.steps),
                    )
                    where = self._link(f"{len(shortest.witness.steps)} steps", shortest, verdict)
                    rows.append((code(verdict), self._of(base), _listed(budgets), where))
        return table(("verdict", "call", "under", "shortest"), rows) if rows else "Nothing."

    def _left(self, policy: str) -> str:
        rows = []
        for base in self._bases:
            for verdict, budgets in self._judgement.by_fault(policy, base, self._budgets).items():
                least = _least(budgets)
                found = [self._judgement.found(policy, budget, base)[verdict] for budget in least]
                rows.append((code(verdict), self._of(base), _listed(least), _reason(verdict, least, found)))
        return table(("verdict", "call", "under", "why no policy closes it"), rows) if rows else "Nothing."

    def _against(self, policy: str) -> Iterator[str]:
        """How a policy of the user's own stands."""
        against = self._findings.names[self._findings.against]
        compared = self._findings.compared(policy)
        yield f"## {self._named(policy)}, held against {code(against)}"
        yield f"{standings_in_short(compared)}; a verdict under a budget is one."
        rows = (
            (code(each.verdict), self._of(each.base), plain(each.under), plain(each.words))
            for each in alike(compared, against)
        )
        if compared:
            yield table(("verdict", "call", "under", "how it stands"), rows)

    # -- the tables --------------------------------------------------------------------------------

    def _tables(self, budgets: Sequence[Budget], base: Base) -> Iterator[str]:
        """One for some of the policies each, so that nobody has to scroll sideways."""
        policies = self._findings.scope.policies
        for begin in range(0, len(policies), _POLICIES_MAX):
            some = policies[begin : begin + _POLICIES_MAX]
            rows = ((str(budget), *(self._cell(policy, budget, base) for policy in some)) for budget in budgets)
            yield table(("faults", *map(self._with_gloss, some)), rows)

    def _cell(self, policy: str, budget: Budget, base: Base) -> str:
        cell = self._judgement.cell(policy, budget, base)
        links = (
            f"{self._link(plain(verdict), found, verdict)}{'¹' if found.is_of_one_consumer else ''}"
            for verdict, found in self._judgement.shown(policy, budget, base).items()
        )
        text = "<br>".join(links) or nothing_found(cell, budget)
        return bold(text) if cell.known is Known.PROVED else text

    def _ablation(self, switches: Sequence[str]) -> Iterator[str]:
        yield "Each switch closes something by itself. Without it, at most one fault gives"
        rows = []
        by_fault = self._judgement.by_fault
        usual = {base: by_fault(PROPOSED.name, base, self._up_to_one, of_same=True) for base in self._bases}
        for switch in switches:
            again = [
                f"{code(verdict)} ({plain(self._findings.called(base))}: {', '.join(map(named, new))})"
                for base in self._bases
                for verdict, budgets in by_fault(PROPOSED.name, base, self._up_to_one, switch).items()
                if (new := [each for each in budgets if each not in usual[base].get(verdict, [])])
            ]
            comes_back = "<br>".join(again) or ELSEWHERE.get(switch, "nothing that these budgets show")
            rows.append((code(switch), plain(meaning_of(switch)), comes_back))
        yield table(("without", "which says", "comes back"), rows)

    # -- the witnesses -----------------------------------------------------------------------------

    def _anchors_of(self, policy: str) -> Iterator[tuple[FindingPlace, str]]:
        """Where each schedule of a policy stands in its file."""
        names = FileNames()
        for place, _ in self._findings.shown(policy):
            words = (place.verdict, self._findings.called(place.base), *(place.budget.names or ("none",)))
            yield place, names.give("-".join(words).lower().replace("_", "-"), "")

    def _link(self, words: str, found: Found, verdict: str) -> str:
        return f"[{words}]({FOLDER}/{self._files[found.case.policy]}#{self._anchors[_place(found, verdict)]})"

    def _witness(self, found: Found, verdict: str) -> Iterator[str]:
        case, steps = found.case, found.witness.steps
        anchor = f'<a id="{self._anchors[_place(found, verdict)]}"></a>'
        where = plain(self._findings.called(case.batch.base))
        yield f"{anchor}\n## {code(verdict)}: {where}, faults: {case.budget}"
        sizes = f"{counted(case.batch.items, 'item')}, {counted(case.batch.consumers, 'consumer')}, "
        yield f"{'' if case.batch.base.call is None else sizes}{len(steps)} steps."
        yield "```text\n" + "\n".join(line.rstrip() for line in lanes(steps)) + "\n```"
        yield f"Explore it: {code(join(self._findings.explore(case)))}"


def _meaning(verdict: str) -> str:
    """What a shipped verdict means, in brackets."""
    if verdict not in VERDICTS:
        return ""
    first, rest = VERDICTS[verdict].meaning.rstrip(".").split(" ", 1)
    return f" ({first.lower() if first in _ARTICLES else first} {rest})"


def _place(found: Found, verdict: str) -> FindingPlace:
    return FindingPlace(found.case.policy, found.case.batch.base, found.case.budget, verdict)


def _listed(budgets: Sequence[Budget]) -> str:
    return ", ".join(map(str, budgets))


def _least(budgets: Sequence[Budget]) -> list[Budget]:
    """The smallest of these budgets: the others contain one of them."""
    names = [set(budget.names) for budget in budgets]
    return [budget for budget in budgets if not any(other < set(budget.names) for other in names)]


def _reason(verdict: str, budgets: Sequence[Budget], found: Sequence[Found]) -> str:
    if verdict in REASONS:
        return REASONS[verdict]
    if all(each.is_of_one_consumer for each in found) and all("crash" in budget.names for budget in budgets):
        return REASONS["crash"]
    return bold("open")
