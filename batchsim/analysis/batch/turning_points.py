"""What turned a run, beside the answers to its attempts: ends of the batch that are none, and faults."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.batch.facts import (
    Added,
    Clause,
    Contained,
    Deleted,
    Fact,
    Held,
    LeftOver,
    NeverAdded,
    Nth,
    Queued,
    Sentence,
    Wrote,
)
from batchsim.analysis.batch.status_writes import StatusWrite, status_writes_in
from batchsim.analysis.batch.whose import attempt_of, is_handler, is_of_second_batch, is_reaper
from batchsim.analysis.batch.wording import at, briefly, doing, of, raised, that_raised
from batchsim.analysis.effects import Effects, Write, can_write, may_read_only, reads_only
from batchsim.batch.history import COMPLETION_UPDATES, PUSHED
from batchsim.batch.operations import ReadMessage, Redeliver, TakeKey
from batchsim.batch.setting import Kind
from batchsim.batch.steps import FinalizeOperation
from batchsim.batch.stores import (
    BATCH_ROW,
    ENQUEUED_ITEMS,
    META,
    PROCESSED_ITEMS,
    QUEUE,
    REDIS_KEYS,
    WAITPOINT,
    Status,
    Waitpoint,
    in_flight_key,
    run_key,
)
from batchsim.batch.trace import Trace
from batchsim.model.cells import Key
from batchsim.model.injection import Begin
from batchsim.model.operation import Stopped, StoreFailure
from batchsim.model.run import Step
from batchsim.model.steps import steps_of, steps_that_raised
from batchsim.rounding import rounded

TurningPoint = tuple[Step, Sentence]
"""A step, and the sentence that tells it."""


def _turning_point(step: Step, clause: Clause) -> TurningPoint:
    return step, clause.ends(step.at_us)


def turning_points(effects: Effects) -> Iterator[TurningPoint]:
    """What was written over the end of the batch, or ended the wait with an error."""
    for write in status_writes_in(effects):
        words = _of_status(effects.trace, write)
        if words:
            fact = Wrote(write.step.number, BATCH_ROW, write.row_before, write.row_after)
            yield _turning_point(write.step, of(write.step, words, fact))
    for step, change in effects.of(WAITPOINT):
        if change.after is Waitpoint.FAILED:
            fact = Wrote(step.number, WAITPOINT, change.before, change.after)
            words = f"the batch waitpoint was completed with an error at {at(step)}, which rejects no call"
            yield _turning_point(step, of(step, words, fact))


def _of_status(trace: Trace, write: StatusWrite) -> str:
    step, before, after = write.step, write.before, write.after
    if write.is_regression:
        return f"{step.actor} overwrote {before} with {after} at {at(step)}"
    if after is not Status.ABORTED or before is Status.ABORTED:
        return ""
    if is_reaper(step.actor):
        seal = "sealed" if write.row_before.sealed else "not sealed"
        return f"the reaper made the batch ABORTED at {at(step)}: it was {before} and {seal}"
    failed = write.row_after.failed_run_count
    every = failed == trace.setting.run_count and all(item.kind is Kind.REJECTED for item in trace.setting.items)
    why = (
        "every item was rejected"
        if every
        else f"it had found no success and {failed} failure{'' if failed == 1 else 's'}"
    )
    return f"{step.actor} made the batch ABORTED at {at(step)}: {why}"


def faults_met(effects: Effects) -> Iterator[TurningPoint]:
    """What went wrong on the way, and what it led to."""
    for step in steps_that_raised(effects.trace.steps):
        assert step.raised is not None
        if step.raised.error is Stopped:
            words = f"{step.actor} stopped for good at {at(step)}, before {doing(step)}"
            yield _turning_point(step, of(step, words, that_raised(step)) + _unfinished(effects, step))
        elif step.raised.error is StoreFailure:
            words = f"{doing(step)} by {step.actor} {raised(step)} at {at(step)}"
            yield _turning_point(step, of(step, words, that_raised(step)) + _missed(effects, step))
    yield from _of_messages(effects)
    yield from _dropped(effects)
    yield from _doubled(effects)
    yield from _of_keys(effects)


# -- what a failure leads to -------------------------------------------------------------------


def _missed(effects: Effects, failure: Step) -> Clause:
    """What a consumer did about an exception."""
    item = failure.operation.item
    following = next((each for each in _later(effects, failure) if each.actor == failure.actor), None)
    if following is not None and item is not None and attempt_of(failure.actor) is None:
        is_same = following.operation.item == item and following.took_effect
        if is_same and following.change_of(QUEUE) is not None:
            return of(following, ", and its message went back to the queue", Queued(following.number, item))
    return _unfinished(effects, failure)


def _unfinished(effects: Effects, failure: Step) -> Clause:
    """Whether a finalization that came to nothing left the keys of the batch."""
    if not isinstance(failure.operation, FinalizeOperation):
        return Clause()
    if any(write.change.deletes for write in effects.of(META)):
        return Clause()
    return Clause("; nobody cleaned up", facts=(LeftOver(META),))


def _later(effects: Effects, step: Step) -> Iterator[Step]:
    return iter(effects.trace.steps[step.number + 1 :])


# -- messages ----------------------------------------------------------------------------------


def _of_messages(effects: Effects) -> Iterator[TurningPoint]:
    """Messages that came back, and those that were gone; by item, who has it in hand and who gave it up."""
    if not any(steps_of(effects.trace.steps, lambda kind: issubclass(kind, ReadMessage | Redeliver))):
        return
    items = {in_flight_key(index): index for index in range(effects.trace.setting.run_count)}
    claims: dict[int, Write] = {}
    """Of the messages that are in flight."""
    holders: dict[int, Step] = {}
    enders: dict[int, Step] = {}
    for step in effects.trace.steps:
        operation = step.operation
        for key in step.keys_written:
            if key not in items:
                continue
            change = step.change_of(key)
            assert change is not None
            if isinstance(operation, Redeliver) and change.deletes:
                yield _came_back(Write(step, change), claims[items[key]], holders.get(items[key]))
            if change.creates:
                claims[items[key]] = Write(step, change)
                holders.pop(items[key], None)
            elif change.deletes:
                claims.pop(items[key], None)
                enders[items[key]] = step
        if isinstance(operation, TakeKey) and step.took_effect:
            holders[step.effect.item] = step
        if isinstance(operation, ReadMessage) and step.took_effect:
            holders[operation.index] = step
            if step.effect is None:
                claim = claims.get(operation.index)
                yield (
                    _was_gone(step, operation.index, enders.get(operation.index))
                    if claim is None
                    else _was_claimed_again(step, operation.index, claim)
                )


def _came_back(write: Write, claim: Write, holder: Step | None) -> TurningPoint:
    step, change = write
    index = change.before.item
    if step.alternative is None:
        by = claim.step.actor if holder is None else holder.actor
        words = f"the message of item {index}, left in flight by {by}, came back at {at(step)}"
    else:
        meanwhile = "its key waited for a consumer" if holder is None else f"{holder.actor} worked on its message"
        words = f"the visibility timeout of item {index} passed at {at(step)}, while {meanwhile}"
    moved = Wrote(step.number, change.key, change.before, None), Queued(step.number, index)
    taken = Wrote(claim.step.number, change.key, None, claim.change.after)
    return _turning_point(step, of(step, words, *moved) + of(claim.step, "", taken))


def _was_claimed_again(step: Step, index: int, claim: Write) -> TurningPoint:
    words = f"{step.actor} found at {at(step)} that the message of item {index} had been claimed again"
    found = of(step, words, Held(step.number, claim.change.key, claim.change.after))
    taken = Wrote(claim.step.number, claim.change.key, None, claim.change.after)
    return _turning_point(step, found + of(claim.step, f", at {at(claim.step)}", taken))


def _was_gone(step: Step, index: int, ender: Step | None) -> TurningPoint:
    key = in_flight_key(index)
    words = f"{step.actor} found the message of item {index} gone at {at(step)}"
    gone = of(step, words, Held(step.number, key, None))
    if ender is None:
        return _turning_point(step, gone)
    ended: tuple[Fact, ...] = (Deleted(ender.number, key),)
    if ender.change_of(QUEUE) is None:
        return _turning_point(step, gone + of(ender, f": {ender.actor} completed it at {at(ender)}", *ended))
    ended = (*ended, Queued(ender.number, index))
    return _turning_point(step, gone + of(ender, f": it went back to the queue at {at(ender)}", *ended))


def _dropped(effects: Effects) -> Iterator[TurningPoint]:
    """Messages that a consumer dropped, as the metadata had been lost, of items that nobody processed."""
    processed = effects.items_of_writers(PROCESSED_ITEMS)
    if processed.issuperset(range(effects.trace.setting.run_count)):
        return
    for step in steps_of(effects.trace.steps, may_read_only(META), lambda actor: not is_handler(actor)):
        item = step.operation.item
        is_lost = item not in processed and step.took_effect and step.answer is None and reads_only(step, META)
        if item is None or not is_lost:
            continue
        deletion = effects.who_deleted(step, META)
        if deletion is None:
            continue
        words = f"{step.actor} dropped the message of item {item} at {at(step)}"
        dropped = of(step, words, Held(step.number, META, None), NeverAdded(PROCESSED_ITEMS, item))
        why = f": the metadata of the batch was gone since {briefly(deletion)} at {at(deletion)}"
        yield _turning_point(step, dropped + of(deletion, why, Deleted(deletion.number, META)))


# -- what was done twice -----------------------------------------------------------------------


def _doubled(effects: Effects) -> Iterator[TurningPoint]:
    """Second child runs of an item, and second completion updates."""
    setting = effects.trace.setting
    copies = range(2, setting.run_copies_max + 1)
    keys = {run_key(index, copy): (copy, index) for copy in copies for index in range(setting.run_count)}
    steps = effects.trace.steps if keys else ()
    writes = ((keys[key], step, key) for step in steps for key in step.keys_written if key in keys)
    for (copy, index), step, key in sorted(writes, key=lambda write: write[0]):
        change = step.change_of(key)
        if change is not None and change.creates:
            words = f"{step.actor} created child run number {copy} of item {index} at {at(step)}"
            yield _turning_point(step, of(step, words, Wrote(step.number, key, None, change.after)))
    for number, step in enumerate(effects.writers(COMPLETION_UPDATES), 1):
        if number > 1:
            yield _turning_point(step, _second_update(step, number))


def _second_update(step: Step, number: int) -> Clause:
    change = step.change_of(BATCH_ROW)
    assert change is not None
    row = change.after
    words = (
        f"{step.actor} made completion update number {number} at {at(step)}, "
        f"with {row.successful_run_count or 0} successful and {row.failed_run_count or 0} failed"
    )
    wrote = Wrote(step.number, BATCH_ROW, change.before, row)
    return of(step, words, wrote, Nth(step.number, COMPLETION_UPDATES, number))


# -- keys --------------------------------------------------------------------------------------


def _of_keys(effects: Effects) -> Iterator[TurningPoint]:
    """Items that are marked and have no message, and keys that came back after cleanup."""
    yield from _taken_for_enqueued(effects)
    if not any(write.change.deletes for write in effects.of(META)):
        return
    left: dict[int, list[Key]] = {}
    for key in effects.trace.outcome.leaked_keys:
        since: list[int] = []
        for write in effects.of(key):
            since = [write.step.number] if write.change.creates else [*since, write.step.number]
        for number in since:
            left.setdefault(number, []).append(key)
    for number, keys in sorted(left.items()):
        step = effects.trace.steps[number]
        deletion = _deletion_of_keys(effects, step)
        if deletion is not None:
            yield _turning_point(step, _came_again(step, keys, deletion))


def _deletion_of_keys(effects: Effects, step: Step) -> Step | None:
    """Who deleted a key of the batch the last time before a step."""
    deletions = (effects.last_deletion(step, key) for key in REDIS_KEYS)
    return max((each for each in deletions if each is not None), key=lambda each: each.number, default=None)


def _came_again(step: Step, keys: list[Key], deletion: Step) -> Clause:
    item = step.operation.item
    facts: list[Fact] = [LeftOver(key) for key in keys]
    if isinstance(step.operation, Begin):
        did = f"brought back {', '.join(keys)}"
    elif item is not None and ENQUEUED_ITEMS in keys:
        did = f"marked item {item} as enqueued"
        facts.append(Added(step.number, ENQUEUED_ITEMS, item))
    elif item is not None and PROCESSED_ITEMS in keys:
        did = f"recorded item {item}"
        facts.append(Added(step.number, PROCESSED_ITEMS, item))
    else:
        did = f"wrote {', '.join(keys)}"
    after = f"{rounded(step.at_us - deletion.at_us)} after {briefly(deletion)}"
    gone = next(key for key in REDIS_KEYS if deletion.deletes(key))
    words = f"{step.actor} {did} at {at(step)}, {after}"
    return of(step, words, *facts) + of(deletion, "", Deleted(deletion.number, gone))


def _taken_for_enqueued(effects: Effects) -> Iterator[TurningPoint]:
    pushed = effects.items_of_writers(PUSHED)
    if len(pushed) == effects.trace.setting.run_count:
        return
    for step in effects.trace.steps:
        item = step.operation.item
        if item is None or item in pushed or attempt_of(step.actor) is None or not step.took_effect:
            continue
        if is_of_second_batch(effects.trace.setting, step.actor):
            continue
        if not can_write(step, ENQUEUED_ITEMS) or step.change_of(ENQUEUED_ITEMS) is not None:
            continue
        last = next(effects.before(step, ENQUEUED_ITEMS), None)
        if last is not None and item in (last.after or ()):
            words = f"{step.actor} took item {item} for enqueued at {at(step)}: it was marked, and never pushed"
            marked = Contained(step.number, ENQUEUED_ITEMS, item), NeverAdded(PUSHED, item)
            yield _turning_point(step, of(step, words, *marked))
