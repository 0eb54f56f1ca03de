"""What it means for a policy that COMPLETED is written late: of those that wait for that status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchsim.analysis.worth import EXECUTION, Judged, Worth, WorthRow
from batchsim.analysis.worth.results import value_us
from batchsim.analysis.worth.sooner import Sooner
from batchsim.report.latencies import spread_in_words
from batchsim.report.markdown_text import code, filled, plain, table
from batchsim.report.worth_words import (
    border,
    ends,
    execution_of,
    names,
    own_delay,
    request_of,
    retries,
    time,
    verb,
)

ANSWER = """\
**{who} {help} only a handler that reads the row when all child runs have ended and the completion job has run,
{debounce} later.** The delay of the scenario is {delay}: {completed} of {late:,} late counts met COMPLETED, all
executions of the table below together."""

UPDATE = """\
The completion update leaves the status as it is. COMPLETED is written by the completion job, which is scheduled
after the update, waits {debounce}, is put off by every child run that ends meanwhile, and stops unless all
child runs are final."""

READ = """\
A handler that counted too late reads the row at once: in {late:,} of {runs:,} runs of the scenario {median}
after the completion update (median), and {most} at the latest. COMPLETED came {own} after the update at the
earliest; even with child runs of {execution} it came no sooner than {least}."""

RETRIES = """\
Retries are no second chance. They come {backoff} later at the earliest, and begin with the entry check. By then
either the row is COMPLETED, so not PENDING, and the answer is 422, which the SDK does not retry; or it is
PENDING, and the handler goes on to the metadata, which cleanup has deleted: 500. Of {attempts:,} retries
{saved} were answered with success."""

SOONER = """\
One order of steps undercuts the {debounce}. A search of all latencies, with child runs that execute any time
from {least} to {most}, found it: {actor} had scheduled a job {before} before the update; it was picked up
{taken} the update, before the consumer could put it off, and wrote COMPLETED {completed} after the update. That
takes a child run that ends at just that moment, and a last one that is over within these milliseconds."""

NOT_MET = "No run of the table met it."


def about_completed(worth: Worth, judged: Sequence[Judged]) -> Iterator[str]:
    """The section; nothing where no policy waits for COMPLETED."""
    waiting = [each for each in judged if each.needs_completed]
    if not waiting or len(worth.rows) < 2:
        return
    policies = [name for each in waiting for name in each.policies]
    who = names(policies, code)
    debounce = spread_in_words(request_of(worth.scenario, "jobs.take_completion"))
    least_us = _debounce_us(worth)
    at_least = f" at least {time(least_us)}" if least_us else ""
    yield (
        f"## COMPLETED is written by a job{at_least} after the completion update: what does that mean for {who}?"
    )
    late = sum(row.timing.late for row in worth.rows)
    completed = sum(row.timing.read_completed for row in worth.rows)
    delay = plain(own_delay(worth.scenario))
    help_ = verb(policies, "helps", "help")
    yield filled(
        ANSWER, who=who, help=help_, debounce=debounce, delay=delay, completed=_number(completed), late=late
    )
    yield "\n".join(f"- {fact}" for fact in _facts(worth, debounce))
    yield "The late counts, by how long child runs execute; times are counted from the completion update:"
    yield _rows(worth, waiting[0])


def _debounce_us(worth: Worth) -> int:
    """How long the completion job waits at least, `_us`."""
    return request_of(worth.scenario, "jobs.take_completion").support_us[0]


def _facts(worth: Worth, debounce: str) -> Iterator[str]:
    own, *others = worth.rows
    least = min(others, key=lambda row: value_us(row.point, EXECUTION))
    yield filled(UPDATE, debounce=debounce)
    yield filled(
        READ,
        late=own.timing.late,
        runs=own.timing.runs,
        median=time(own.timing.read.median_us),
        most=time(own.timing.read.most_us),
        own=time(own.timing.completed.least_us),
        execution=execution_of(worth, least),
        least=time(least.timing.completed.least_us),
    )
    yield _about_retries(worth)
    if own.sooner is not None and _debounce_us(worth):
        yield _about_an_exception(worth, own.sooner)


def _about_retries(worth: Worth) -> str:
    answers = [each for row in worth.rows for each in row.timing.retries]
    return filled(
        RETRIES,
        backoff=time(request_of(worth.scenario, "sdk.backoff").support_us[0]),
        attempts=sum(count for _, count in answers),
        saved=_number(sum(count for (_, sealed), count in answers if sealed)),
    )


def _number(count: int) -> str:
    return f"{count:,}" if count else "none"


def _about_an_exception(worth: Worth, sooner: Sooner) -> str:
    least, most = sooner.executions
    debounce_us = _debounce_us(worth)
    told = filled(
        SOONER,
        debounce=time(debounce_us),
        actor=code(sooner.scheduled_by),
        before=time(-sooner.scheduled_us),
        taken=f"{time(abs(sooner.taken_us))} {'before' if sooner.taken_us < 0 else 'after'}",
        completed=time(sooner.completed_us),
        least=least,
        most=most,
    )
    soonest_us = min(row.timing.completed.least_us for row in worth.rows)
    return told if soonest_us < debounce_us else f"{told} {NOT_MET}"


def _rows(worth: Worth, waiting: Judged) -> str:
    headings = (
        "child runs execute",
        "late counts",
        "the row is read: median",
        "latest",
        "it is COMPLETED: earliest",
        "median",
        "reads of COMPLETED",
        "answers to retries",
        "the caller got",
        f"{names(waiting.policies, code)} can decide otherwise",
    )
    rows = [(_execution(worth, row), *timing(row), border(worth, waiting, row)) for row in worth.rows]
    return table(headings, rows, right=range(7))


def _execution(worth: Worth, row: WorthRow) -> str:
    return execution_of(worth, row) if row.point.values else f"{plain(execution_of(worth, row))} (the scenario)"


def timing(row: WorthRow) -> tuple[str, ...]:
    """The cells of a row that are measured in runs."""
    found, measured = ("-", "-", "-", "-"), row.timing
    if measured.late:
        read, completed = measured.read, measured.completed
        found = (time(read.median_us), time(read.most_us), time(completed.least_us), time(completed.median_us))
    late = f"{measured.late:,} of {measured.runs:,}"
    return late, *found, f"{measured.read_completed:,}", retries(row), ends(row)
