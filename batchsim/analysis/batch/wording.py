"""Words that the sentences of an explanation share."""

from __future__ import annotations

from batchsim.analysis.batch.facts import Clause, Deleted, Fact, Held, RaisedAt
from batchsim.batch.stores import BATCH_ROW, BatchRow
from batchsim.model.cells import Key
from batchsim.model.run import Step
from batchsim.rounding import instant, rounded


def at(step: Step) -> str:
    """The instant of effect of a step."""
    return instant(step.at_us)


def raised(step: Step) -> str:
    """What a step did that raised: `raised before its effect`."""
    return f"raised {'after' if step.took_effect else 'before'} its effect"


def doing(step: Step) -> str:
    """A step by its operation and item: `queue.push of item 2`."""
    item = step.operation.item
    return step.name if item is None else f"{step.name} of item {item}"


def briefly(step: Step) -> str:
    """A step that deletes keys: `cleanup`, or its operation."""
    return {"redis.cleanup": "cleanup"}.get(step.name, step.name)


def made(row: BatchRow) -> str:
    """What a row was made: its status, and whether it is sealed."""
    return f"{row.status}, sealed" if row.sealed else str(row.status)


def of(step: Step, words: str, *facts: Fact) -> Clause:
    """A clause about a step."""
    return Clause(words, (step.number,), facts)


def that_raised(step: Step) -> Fact:
    """That a step raised as it did."""
    assert step.raised is not None
    return RaisedAt(step.number, step.raised.error, step.raised.took_effect)


def row_read(step: Step) -> Clause:
    """The row of the batch as a step read it."""
    return of(
        step,
        f"the row that it read at {at(step)} was {step.description}",
        Held(step.number, BATCH_ROW, step.answer),
    )


def set_deleted(deletion: Step | None, key: Key, before: Step) -> Clause:
    """That a set was deleted before a step counted it, if it was."""
    if deletion is None:
        return Clause()
    had = {"redis.cleanup": "cleanup had deleted the set", "redis.expire": "the set had expired"}
    what = had.get(deletion.name, f"{deletion.name} had deleted the set")
    words = f": {what} {rounded(before.at_us - deletion.at_us)} before"
    return of(deletion, words, Deleted(deletion.number, key))
