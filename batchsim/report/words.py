"""Phrases that every report uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchsim.batch.client import CallResult, Result
from batchsim.batch.stores import BatchRow
from batchsim.rounding import rounded

if TYPE_CHECKING:
    from batchsim.analysis.margins import Margin
    from batchsim.analysis.runs import PolicyRun
    from batchsim.batch.trace import Trace


def caller_got(trace: Trace) -> str:
    """What the call of a run ended in: `ApiError(422)`."""
    return call(trace.outcome.call)


def call(result: CallResult) -> str:
    """What a call ended in."""
    match result.result:
        case Result.OK:
            return "ok"
        case Result.WAITING:
            return "nothing, still waits"
        case Result.API_ERROR:
            return f"ApiError({result.status})"
        case _:
            return result.result.value


def share(value: float) -> str:
    """A probability, to three digits: `0.38 %`, `2.1e-09`; to more where it would read as certain: `99.98 %`."""
    if value < 1e-5:
        return f"{value:.2g}"
    told = (f"{100 * value:.{digits}g}" for digits in range(3, 16))
    return f"{next((text for text in told if value >= 1 or text != '100'), '100')} %"


def batch_row(row: BatchRow) -> str:
    """The batch row: `COMPLETED, not sealed`."""
    return f"{row.status}, {'sealed' if row.sealed else 'not sealed'}"


def runs_created(trace: Trace) -> str:
    """How many items have a child run, of how many; and how many runs there are, if more: `1/1 (2 runs)`."""
    outcome = trace.outcome
    more = f" ({outcome.runs_total} runs)" if outcome.runs_total > outcome.runs_created else ""
    return f"{outcome.runs_created}/{trace.setting.run_count}{more}"


def signed(us: int) -> str:
    """A duration with its sign."""
    return rounded(us) if us < 0 else f"+{rounded(us)}"


def margin(value: Margin | None) -> str:
    """A margin with its sign, or a dash where there is none."""
    return "-" if value is None else signed(value.margin_us)


def expectation(run: PolicyRun) -> str:
    """Whether the verdicts are those that were expected."""
    if run.expected is None:
        return "nothing expected"
    return "as expected" if run.is_as_expected else f"expected {', '.join(sorted(run.expected))}"
