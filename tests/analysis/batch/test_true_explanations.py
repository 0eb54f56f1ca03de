"""Every sentence of an explanation is true: its facts and its words, held against what the cells held by then.

What the cells held is not asked of the steps, from which explanations are made, but seen by an observer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchsim.analysis.batch import facts
from batchsim.analysis.batch.explanation import sentences
from batchsim.analysis.batch.facts import Sentence
from batchsim.analysis.effects import Effects
from batchsim.batch.actors import world_after_phase_1
from batchsim.batch.faults import Disconnect, Redeliver
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Kind
from batchsim.batch.stores import BATCH_ROW, ENQUEUED_ITEMS, META, QUEUE, REDIS_KEYS, BatchRow, Status
from batchsim.batch.world import World
from batchsim.engines.timed import simulate
from batchsim.model.cells import Cells, Key, freeze
from batchsim.model.faults import Fault
from batchsim.model.operation import Stopped
from batchsim.model.run import Step
from batchsim.rounding import instant
from batchsim.scenario import Scenario, with_faults
from tests.strategies import any_policies, policies, request_leg, scenarios, timed_faults, timeless
from tests.trying import examples

Held = dict[Key, Any]


class Seen:
    """A run, and what all cells held before and after each of its steps."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self.after: list[Held] = []
        first = frozen(world_after_phase_1(scenario.setting, policy, Cells()))
        self.trace = simulate(scenario, policy, observer=lambda world, *_: self.after.append(frozen(world)))
        self.before = [first, *self.after[:-1]]
        self.end = self.after[-1] if self.after else first

    def row(self, step: Step) -> BatchRow:
        row: BatchRow = self.after[step.number][BATCH_ROW]
        return row

    # -- facts -----------------------------------------------------------------------------------

    def is_so(self, fact: Any) -> bool:
        if hasattr(fact, "step"):
            return self._is_so_at(fact, self.before[fact.step], self.after[fact.step])
        match fact:
            case facts.NeverAdded(key, member):
                return all(member not in members(held, key) for held in self.after)
            case facts.AtEnd(key, value):
                return bool(self.end.get(key) == value)
            case facts.LeftOver(key):
                return key in self.end
            case facts.Got(attempt, status, sealed):
                got = [(each.attempt, each.status, each.sealed) for each in self.trace.answers]
                return (attempt, status, sealed) in got
        return False

    def _is_so_at(self, fact: Any, before: Held, after: Held) -> bool:
        match fact:
            case facts.Wrote(_, key, old, new):
                return (before.get(key), after.get(key)) == (old, new)
            case facts.LeftAlone(_, key):
                return bool(before.get(key) == after.get(key))
            case facts.Deleted(_, key):
                return key in before and key not in after
            case facts.Added(_, key, member):
                return member not in members(before, key) and member in members(after, key)
            case facts.Queued(_, item):
                return queued(after, item) == queued(before, item) + 1
            case facts.Held(_, key, value):
                return bool(before.get(key) == value)
            case facts.Counted(_, key, count):
                return len(members(before, key)) == count
            case facts.Contained(_, key, member):
                return member in members(before, key)
        return self._is_so_in_order(fact)

    def _is_so_in_order(self, fact: Any) -> bool:
        match fact:
            case facts.Nth(number, key, place):
                writers = [step.number for step in self.trace.steps if key in step.keys_written]
                return writers.index(number) + 1 == place
            case facts.RaisedAt(number, error, took_effect):
                raised = self.trace.steps[number].raised
                return raised is not None and (raised.error, raised.took_effect) == (error, took_effect)
        return False


def frozen(world: World) -> Held:
    return {key: freeze(value) for key, value in world.cells.items()}


def members(held: Held, key: Key) -> frozenset[int]:
    return held.get(key) or frozenset()


def queued(held: Held, item: int) -> int:
    return [message.item for message in held.get(QUEUE) or ()].count(item)


def told_row(row: BatchRow) -> str:
    return f"{row.status}, sealed" if row.sealed else str(row.status)


# -- words ---------------------------------------------------------------------------------------

WHO = r"((?:handler|consumer|job|redis|queue|run)(?:-\d+)?[.\d:]*|reaper)"
AT = r"(\d+\.\d{3} m?s)"


def took(seen: Seen, sentence: Sentence, at: str, is_meant: Callable[[Step], bool]) -> bool:
    """Whether one of the steps that it speaks of, at that instant, is as it is said to be."""
    steps = (seen.trace.steps[number] for number in sentence.steps)
    return any(instant(step.at_us) == at and is_meant(step) for step in steps)


def rows(seen: Seen, step: Step) -> tuple[BatchRow, BatchRow]:
    return seen.before[step.number][BATCH_ROW], seen.after[step.number][BATCH_ROW]


def wrote_statuses(seen: Seen, sentence: Sentence, who: str, old: str, new: str, at: str) -> bool:
    def is_meant(step: Step) -> bool:
        return step.actor == who and tuple(row.status for row in rows(seen, step)) == (old, new)

    return took(seen, sentence, at, is_meant)


def was_aborted(seen: Seen, sentence: Sentence, who: str, at: str) -> bool:
    return took(
        seen, sentence, at, lambda step: step.actor == who and rows(seen, step)[1].status is Status.ABORTED
    )


def was_made(seen: Seen, sentence: Sentence, who: str, row: str) -> bool:
    steps = [seen.trace.steps[number] for number in sentence.steps]
    return any(step.actor == who and told_row(rows(seen, step)[1]) == row for step in steps)


def was_since(seen: Seen, sentence: Sentence, at: str, is_so: Callable[[BatchRow], bool]) -> bool:
    """From then until the last step that it speaks of, it was never otherwise; before, it was."""
    until = sentence.steps[-1]
    return took(
        seen,
        sentence,
        at,
        lambda step: (
            not is_so(rows(seen, step)[0])
            and all(is_so(held[BATCH_ROW]) for held in seen.after[step.number : until + 1])
        ),
    )


def changed_no_row(seen: Seen, sentence: Sentence, at: str) -> bool:
    return took(
        seen, sentence, at, lambda step: len({*rows(seen, step)}) == 1 and step.description == "no row changed"
    )


def cleaned(seen: Seen, sentence: Sentence) -> bool:
    return any(seen.trace.steps[number].name == "redis.cleanup" for number in sentence.steps)


def updated_so_often(seen: Seen, sentence: Sentence, who: str, number: str, at: str) -> bool:
    """As often as the timeline says that one changed the row."""
    updates = [step for step in seen.trace.steps if step.name == "postgres.completion_update" and step.took_effect]
    made = [step for step in updates if step.operation.describe(step.effect) != "no row changed"]
    return took(seen, sentence, at, lambda step: step in made and made.index(step) + 1 == int(number))


def all_rejected(seen: Seen, _: Sentence) -> bool:
    is_rejected = all(item.kind is Kind.REJECTED for item in seen.trace.setting.items)
    return is_rejected and not any(key.startswith("postgres:run:") for key in seen.end)


def did_more(seen: Seen, sentence: Sentence, at: str, tail: str | None) -> bool:
    """After the drop, at that instant, the handler took a step, and if it is said so, one that is told."""
    drop = next(number for number in sentence.steps if instant(seen.trace.steps[number].at_us) == at)
    attempt = next(fact.attempt for fact in sentence.facts if isinstance(fact, facts.Got))
    later = [
        step
        for step in seen.trace.steps[drop + 1 :]
        if re.split(r"[-.]", step.actor)[:2] == ["handler", str(attempt)]
    ]
    works = [step for step in later if step.raised is None or step.raised.error is not Stopped]
    return bool(works) and (not tail or any(instant(step.at_us) in tail for step in works))


SAID: dict[str, Callable[..., bool]] = {
    rf"^{WHO} overwrote (\w+) with (\w+) at {AT}": wrote_statuses,
    rf"^{WHO} made the batch ABORTED at {AT}": was_aborted,
    rf"^the {WHO} made the batch ABORTED at {AT}": was_aborted,
    rf": {WHO} had made the batch (\w+(?:, sealed)?) [\d.]+ (?:us|ms|s|min|h) before": was_made,
    rf"the batch was (\w+) since {AT}": lambda seen, sentence, status, at: was_since(
        seen, sentence, at, lambda row: row.status == status
    ),
    rf"the batch was (\w+) and sealed since {AT}": lambda seen, sentence, status, at: was_since(
        seen, sentence, at, lambda row: row.status == status and row.sealed
    ),
    rf"the batch was \w+ since [\d.]+ m?s and sealed since {AT}": lambda seen, sentence, at: was_since(
        seen, sentence, at, lambda row: row.sealed
    ),
    rf"its seal at {AT} changed no row": changed_no_row,
    r"(?:since|after|:) cleanup": cleaned,
    r"nobody cleaned up": lambda seen, _: META in seen.end,
    rf"^{WHO} made completion update number (\d+) at {AT}": updated_so_often,
    r"every item was rejected": all_rejected,
    rf"it dropped at {AT}; the handler went on(, and .*)?": did_more,
    r"the metadata of the batch was gone": lambda seen, sentence: META not in seen.before[max(sentence.steps)],
    rf"it counted (\d+) of \d+ at {AT}": lambda seen, sentence, count, at: took(
        seen, sentence, at, lambda step: len(members(seen.before[step.number], ENQUEUED_ITEMS)) == int(count)
    ),
    rf"sealed the batch at {AT}": lambda seen, sentence, at: took(
        seen, sentence, at, lambda step: [row.sealed for row in rows(seen, step)] == [False, True]
    ),
    rf"{WHO} stopped for good at {AT}": lambda seen, sentence, who, at: took(
        seen,
        sentence,
        at,
        lambda step: step.actor == who and step.raised is not None and step.raised.error is Stopped,
    ),
    rf": {WHO} completed it at {AT}": lambda seen, sentence, who, at: took(
        seen, sentence, at, lambda step: step.actor == who and step.name == "queue.complete"
    ),
}
"""What is said, and whether it was so."""


def lies(seen: Seen, sentence: Sentence) -> Iterator[str]:
    """What is not true of a sentence."""
    yield from (f"{fact}" for fact in sentence.facts if not seen.is_so(fact))
    for pattern, is_so in SAID.items():
        found = re.search(pattern, sentence.text)
        if found is not None and not is_so(seen, sentence, *found.groups()):
            yield pattern
    told = [seen.trace.steps[number] for number in sentence.steps]
    if told:
        instants = {instant(step.at_us) for step in told}
        yield from set(re.findall(rf"(?:at|since) {AT}", sentence.text)) - instants
        # A handler is told of by those of its lanes, too.
        yield from set(re.findall(r"(?:handler|consumer|job|run)-\d+[.:\d]*\d|handler-\d", sentence.text)) - {
            name for step in told for name in (step.actor, step.actor.partition(".")[0])
        }


# -- what a timeline says of each step -----------------------------------------------------------


def inserted(key_of_run: str, before: Held, after: Held) -> bool:
    return any(key.startswith(key_of_run) and key not in before for key in after)


def deleted(before: Held, after: Held) -> list[Key]:
    return [key for key in before if key not in after]


DESCRIBED: dict[tuple[str, str], Callable[..., bool]] = {
    ("postgres.create_run", r"^run (\d+)"): lambda before, after, item: inserted(
        f"postgres:run:{item}", before, after
    ),
    ("postgres.create_run", r"^no second run (\d+)"): lambda before, after, item: (
        f"postgres:run:{item}" in before and before == after
    ),
    ("postgres.create_run", r"^no run .*ABORTED"): lambda before, after: (
        before[BATCH_ROW].status is Status.ABORTED and before == after
    ),
    ("redis.cleanup", r"^(\d+) keys deleted"): lambda before, after, count: (
        len([key for key in deleted(before, after) if key in REDIS_KEYS]) == int(count)
    ),
    ("redis.cleanup", rf"{ENQUEUED_ITEMS} not among them"): lambda before, after: (
        ENQUEUED_ITEMS not in deleted(before, after)
    ),
    ("redis.cleanup", rf"{ENQUEUED_ITEMS} kept"): lambda _, after: ENQUEUED_ITEMS in after,
    ("redis.mark_enqueued", r"^item (\d+)$"): lambda before, after, item: (
        int(item) in members(after, ENQUEUED_ITEMS) - members(before, ENQUEUED_ITEMS)
    ),
    ("redis.enqueued_count", r"^(\d+)$"): lambda before, _, count: (
        len(members(before, ENQUEUED_ITEMS)) == int(count)
    ),
    ("postgres.seal", r"^sealed$"): lambda before, after: (
        (before[BATCH_ROW].sealed, after[BATCH_ROW].sealed) == (False, True)
    ),
    ("postgres.completion_update", r"^no row changed$"): lambda before, after: (
        before[BATCH_ROW] == after[BATCH_ROW]
    ),
    ("postgres.completion_update", r"^(PENDING|ABORTED|PARTIAL_FAILED|COMPLETED)"): lambda _, after, status: (
        after[BATCH_ROW].status == status
    ),
    ("postgres.set_completed", r"^COMPLETED$"): lambda _, after: after[BATCH_ROW].status is Status.COMPLETED,
}
"""By operation, what is said of a step, and whether the cells were so before and after it."""


def misdescribed(seen: Seen) -> Iterator[tuple[Step, str]]:
    for step in seen.trace.steps:
        for (name, pattern), is_so in DESCRIBED.items():
            found = re.search(pattern, step.description) if name == step.name and step.raised is None else None
            if found is not None and not is_so(seen.before[step.number], seen.after[step.number], *found.groups()):
                yield step, step.description


def check(seen: Seen) -> None:
    assert list(misdescribed(seen)) == []
    for sentence in sentences(Effects(seen.trace)):
        assert list(lies(seen, sentence)) == [], sentence


@settings(max_examples=examples(90, searched=400), suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(), st.one_of(policies(), any_policies()), st.lists(timed_faults(), max_size=3))
def test_every_sentence_is_true(scenario: Scenario, policy: Policy, faults: list[Fault]) -> None:
    check(Seen(with_faults(scenario, faults), policy))


# -- whole sentences that once were false ----------------------------------------------------------

ATOMIC = replace(POLICIES["pre3427"], name="atomic", enqueues_atomically=True)
ASKS_ON_MISSING_META = replace(ATOMIC, on_missing_meta=ATOMIC.on_count_mismatch)
GUARD = replace(POLICIES["pr4397"], name="guard", guards_completion_update=True)
RUN_ONCE = replace(POLICIES["pr4397"], name="once", creates_runs_once=True)
RUNS_FOR_LONG = {"execution": "10 min"}
CLEANED_FIRST = {
    "redis.enqueued_count": request_leg("5 ms"),
    "redis.cleanup": request_leg("3 ms"),
    "sdk.backoff": request_leg("1 s"),
}


def told(policy: Policy, operations: Mapping[str, Any], *faults: Fault, **fields: Any) -> list[str]:
    seen = Seen(with_faults(timeless(operations, **fields), list(faults)), policy)
    check(seen)
    return [sentence.text for sentence in sentences(Effects(seen.trace))]


def test_a_script_that_finds_the_metadata_gone_is_why() -> None:
    """Not the row, which nobody asked again."""
    assert told(ATOMIC, CLEANED_FIRST, items=RUNS_FOR_LONG)[1] == (
        "attempts 2 to 5 got 500: the metadata of the batch was gone since cleanup at 3.000 ms."
    )


def test_where_the_row_is_asked_then_both_are_why() -> None:
    sentences_of = told(ASKS_ON_MISSING_META, CLEANED_FIRST, items=RUNS_FOR_LONG)
    assert sentences_of[1] == (
        "attempt 2 got 200 not sealed: the metadata of the batch was gone since cleanup at 3.000 ms, "
        "and the row that it read at 1.005 s was PENDING, not sealed, processing completed."
    )


def test_an_update_that_changed_no_row_is_no_second_one() -> None:
    slow = {"queue.complete": request_leg("61 s"), "queue.take": {"response": "1 s"}}
    twice = Redeliver(item=0, at_us=60_000_000)
    assert not [each for each in told(GUARD, slow, twice, consumers=2) if "completion update" in each]
    of_pr4397 = told(POLICIES["pr4397"], slow, twice, consumers=2)
    assert [each for each in of_pr4397 if "made completion update number 2" in each]


def described(policy: Policy, operation: str) -> list[str]:
    """What the timeline says of an operation in a run in which a message comes back while it is worked on."""
    slow = {"queue.complete": request_leg("61 s"), "queue.take": {"response": "1 s"}}
    twice = Redeliver(item=0, at_us=60_000_000)
    seen = Seen(with_faults(timeless(slow, consumers=2), [twice]), policy)
    check(seen)
    return [step.description for step in seen.trace.steps if step.name == operation]


def test_where_no_run_is_inserted_none_is_named() -> None:
    assert described(RUN_ONCE, "postgres.create_run") == ["run 0", "no second run 0: there is one, which is final"]


def test_what_is_not_there_is_not_said_to_be_kept() -> None:
    """The second cleanup comes after the tombstone has expired."""
    cleanups = described(POLICIES["tombstone"], "redis.cleanup")
    assert len(cleanups) == 2
    assert all(each.endswith("keys deleted, batch:B:enqueued_items not among them") for each in cleanups)


def test_a_seal_is_lost_to_whoever_left_nothing_to_seal() -> None:
    """The completion update wrote the row last, and made it PENDING: that is no reason."""
    late = {
        "postgres.seal": request_leg("5 s"),
        "sdk.backoff": request_leg("1 s"),
        "queue.take": {"response": "5.5 s"},
    }
    lost = told(POLICIES["pre3427"], late, Disconnect(attempt=1, at_us=1_000_000), items=RUNS_FOR_LONG)
    assert lost[1] == (
        "attempt 2 got 422: its seal at 7.000 s changed no row: "
        "handler-1 had made the batch PROCESSING, sealed 2 s before, "
        "and the row that it read at 7.000 s was PENDING, sealed, processing completed."
    )


def test_what_a_handler_did_before_its_connection_dropped_it_did_not_go_on_to_do() -> None:
    """Its seal was lost at 6 s; at 8 s, while it asks for the row, the connection drops."""
    slow = {
        "postgres.find_batch": request_leg("5 s"),
        "postgres.seal": request_leg("1 s"),
        "redis.cleanup": request_leg("1 h"),
        "sdk.backoff": request_leg("1 s"),
    }
    dropped = told(POLICIES["pre3427"], slow, Disconnect(attempt=1, at_us=8_000_000), items={"kind": "rejected"})
    assert dropped[1] == "attempt 1 lost the connection: it dropped at 8.000 s; the handler went on."
