"""The verdicts of protocol.md §7: named properties of an outcome.

Add one of your own in any file:

    from batchsim import Property
    TOO_MANY = Property("too_many", "More than three attempts.", lambda outcome: outcome.call.attempts > 3)

and name it as `path/to/file.py:TOO_MANY` with `--verdict` or under `verdicts:` of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterable

from batchsim.batch.client import Result
from batchsim.batch.stores import Status
from batchsim.batch.trace import Outcome
from batchsim.model import properties
from batchsim.model.properties import Property, names_of_those_that_hold


def _is_stuck(outcome: Outcome) -> bool:
    unfinished = outcome.has_batch and outcome.batch.status in (Status.PENDING, Status.PROCESSING)
    return unfinished or outcome.call.result is Result.WAITING or not outcome.runs_are_final


PROPERTIES: tuple[Property, ...] = (
    Property(
        "false_failure",
        "The call rejected although the work was done.",
        lambda outcome: outcome.call_rejected and outcome.work_is_done,
    ),
    Property(
        "true_failure",
        "The call rejected, and the work was not done.",
        lambda outcome: outcome.call_rejected and not outcome.work_is_done,
    ),
    Property(
        "spurious_retry",
        "The call succeeded, but an attempt was refused after all items had been enqueued.",
        lambda outcome: outcome.call_succeeded and outcome.spurious_retry,
    ),
    Property(
        "lost_item",
        "The call succeeded, and an item that was not rejected never gets a child run.",
        lambda outcome: outcome.call_succeeded and outcome.items_without_run > 0,
    ),
    Property(
        "silent_abort",
        "The call succeeded, and the batch ended ABORTED.",
        lambda outcome: outcome.call_succeeded and outcome.batch.status is Status.ABORTED,
    ),
    Property(
        "wrong_result",
        "The call returned, and some index got the result of another item's run.",
        lambda outcome: outcome.wrong_result,
    ),
    Property(
        "duplicate_run",
        "An item has more than one child run.",
        lambda outcome: outcome.runs_total > outcome.runs_created,
    ),
    Property(
        "stuck",
        "Nothing moves any more; the batch is PENDING or PROCESSING, the call waits, or a run is not final.",
        _is_stuck,
    ),
    Property(
        "status_regression",
        "COMPLETED or ABORTED was overwritten by another status.",
        lambda outcome: outcome.status_regression,
    ),
    Property(
        "double_finalize",
        "More than one completion update was made.",
        lambda outcome: outcome.completion_updates > 1,
    ),
    Property("leaked_keys", "Redis keys of the batch are left.", lambda outcome: bool(outcome.leaked_keys)),
)

OK = Property(
    properties.OK, "None of the others.", lambda outcome: not any(each.holds(outcome) for each in PROPERTIES)
)

VERDICTS: dict[str, Property] = {each.name: each for each in (OK, *PROPERTIES)}
"""Every verdict of protocol.md by its name."""


def verdicts_of(outcome: Outcome, more: Iterable[Property] = ()) -> tuple[str, ...]:
    """The names of all verdicts on an outcome, `more` of the user's among them; `("ok",)` where none is."""
    return names_of_those_that_hold((*PROPERTIES, *more), outcome)
