"""The terminal and the document of `batchsim hammer`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from batchsim.analysis.calibration import CALIBRATING, CONFIDENCE, MEASURED_MIN, Measured, Share
from batchsim.analysis.hammering import Finding, Hammered
from batchsim.analysis.sweep.intervals import share_interval
from batchsim.engines.live.hammer import Returned, Seen
from batchsim.report.histogram import quantile
from batchsim.report.phrases import counted
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import BAD, plain_table, print_table
from batchsim.rounding import rounded

FINDINGS_MAX = 3
LAST_STEPS = 8


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(share: Share) -> str:
    low, high = share_interval(share.times, share.runs)
    return f"{_percent(share.value)} [{100 * low:.1f}, {100 * high:.1f}]"


def show_hammered(console: Console, results: Sequence[Hammered], servers: str) -> None:
    """Print what came of batches that ran freely."""
    console.print(f"on {servers}")
    for result in results:
        console.print()
        cut = ", interrupted" if result.was_interrupted else ""
        print_line(
            console,
            Text(
                f"{called(console, result.policy)}: {counted(result.batches, 'batch', 'batches')} "
                f"in {result.seconds:.1f} s, {result.rate:.1f} a second{cut}"
            ),
        )
        print_line(console, Text(_explained(result), style=BAD if result.findings else ""))
        console.print()
        _show_verdicts(console, result)
        _show_operations(console, result.measured)
        for finding in result.findings[:FINDINGS_MAX]:
            for line in finding_in_words(finding):
                print_line(console, Text(line))
            console.print()


def _explained(result: Hammered) -> str:
    explained = result.batches - len(result.findings)
    return f"the model explains {explained} of {result.batches}: some order gives every answer, and every content"


def _show_verdicts(console: Console, result: Hammered) -> None:
    headings = ["verdict", "observed"]
    if result.predictions:
        headings += [f"in {_tested(result)} of them", "predicted", "", "uncalibrated"]
    table = plain_table(headings, right=headings[1:])
    none = Share(0, max(1, result.batches))
    for name in result.names:
        row = [name, _interval(result.verdicts.get(name, none))]
        if result.predictions:
            observed = result.of_test.get(name, Share(0, _tested(result)))
            prediction = result.predictions.get(name)
            row += [
                _percent(observed.value),
                "0.0 %"
                if prediction is None
                else f"{_percent(prediction.share)} ± {100 * prediction.half_width:.1f}",
                "" if prediction is not None and prediction.admits(observed) else "missed",
                _percent(result.uncalibrated.get(name, Share(0, 1)).value),
            ]
        table.add_row(*row)
    print_table(console, table)
    if result.predictions:
        print_line(
            console,
            Text(
                f"Predicted by simulation, from the latencies of every {CALIBRATING}rd batch: the share in the "
                f"others is in that interval with {CONFIDENCE:.0%}. Uncalibrated: with the scenario's latencies."
            ),
        )
        console.print()
    elif (least := (MEASURED_MIN - 1) * CALIBRATING + 1) > result.batches:
        print_line(console, Text(f"Nothing is predicted from so few batches: it takes {least}."))
        console.print()


def _tested(result: Hammered) -> int:
    return next((share.runs for share in result.of_test.values()), 0)


def _show_operations(console: Console, found: dict[str, Measured]) -> None:
    headings = ("operation", "times", "p50", "p99", "max", "waited for a thread, p99")
    table = plain_table(headings, right=headings[1:])
    for name, calls, p50, p99, longest, waits in rows_of_operations(found):
        table.add_row(name, str(calls), rounded(p50), rounded(p99), rounded(longest), rounded(waits))
    print_table(console, table)


def rows_of_operations(found: dict[str, Measured]) -> Iterator[tuple[str, int, int, int, int, int]]:
    """Of each operation: how often, what it took with the client (us: p50, p99, max), and the p99 of the wait."""
    for name, each in sorted(found.items()):
        if each.calls_us:
            calls, waits = sorted(each.calls_us), sorted(each.waits_us)
            yield (
                name,
                len(calls),
                quantile(calls, 0.5),
                quantile(calls, 0.99),
                calls[-1],
                quantile(waits, 0.99),
            )


def finding_in_words(finding: Finding) -> Iterator[str]:
    """The shortest part of what was observed that the model does not explain."""
    unexplained = finding.unexplained
    count = len(unexplained.explained)
    if unexplained.has_given_up:
        yield f"batch {finding.batch}: the search was given up after {count} of {finding.operations} operations"
    elif unexplained.cells:
        yield f"batch {finding.batch}: all answers are explained, and the stores hold something else in the end"
    else:
        yield f"batch {finding.batch}: no order explains more than {count} of {finding.operations} operations"
    for step in unexplained.explained[-LAST_STEPS:]:
        yield f"  {_step(step)}"
    for seen, answers in unexplained.next:
        told = " or ".join(dict.fromkeys(seen.operation.tell(answer) or repr(answer) for answer in answers))
        yield f"  then {_step(seen)}; the model answers {told or 'nothing: it has to wait'}"
    for cell, model, live in unexplained.cells:
        yield f"  {cell}: {model!r} in the model, {live!r} on the servers"


def _step(step: Seen | Returned) -> str:
    times = f"{rounded(step.begun_us)} to {rounded(step.ended_us)}"
    if isinstance(step, Returned):
        return f"{step.lane} returns {step.value!r} ({times})"
    told = step.operation.tell(step.answer) or repr(step.answer)
    return f"{step.operation.name} by {step.lane}: {told} ({times})"


def hammered_document(results: Sequence[Hammered], names: Sequence[str], where: str) -> dict[str, Any]:
    """As JSON."""
    return {
        "schema": 1,
        "servers": list(names),
        "where": where,
        "policies": [_document(result) for result in results],
    }


def _document(result: Hammered) -> dict[str, Any]:
    verdicts = []
    for name in result.names:
        share = result.verdicts.get(name, Share(0, max(1, result.batches)))
        low, high = share_interval(share.times, share.runs)
        each: dict[str, Any] = {
            "verdict": name,
            "count": share.times,
            "share": share.value,
            "interval": [low, high],
        }
        if result.predictions:
            observed = result.of_test.get(name, Share(0, _tested(result)))
            prediction = result.predictions.get(name)
            each["tested"] = {"count": observed.times, "batches": observed.runs, "share": observed.value}
            each["predicted"] = None if prediction is None else prediction.share
            each["half_width"] = None if prediction is None else prediction.half_width
            each["is_admitted"] = prediction is not None and prediction.admits(observed)
            each["uncalibrated"] = result.uncalibrated.get(name, Share(0, 1)).value
        verdicts.append(each)
    return {
        "policy": result.policy,
        "batches": result.batches,
        "seconds": result.seconds,
        "speed": result.speed,
        "was_interrupted": result.was_interrupted,
        "explained": result.batches - len(result.findings),
        "unexplained": [
            {"batch": finding.batch, "told": list(finding_in_words(finding))} for finding in result.findings
        ],
        "verdicts": verdicts,
        "operations": [
            {"name": name, "count": count, "p50_us": p50, "p99_us": p99, "max_us": longest, "wait_p99_us": wait}
            for name, count, p50, p99, longest, wait in rows_of_operations(result.measured)
        ],
    }
