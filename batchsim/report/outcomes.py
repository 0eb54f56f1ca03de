"""What a run came to, in columns of a table and in JSON: of the batch, and of any other system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from batchsim.batch.trace import Outcome
from batchsim.model.cells import FrozenSortedSet
from batchsim.model.exposure import OF_FAULTS
from batchsim.model.system import AtRest
from batchsim.report import words
from batchsim.report.phrases import amount
from batchsim.rounding import rounded

if TYPE_CHECKING:
    from batchsim.analysis.runs import PolicyRun

CELLS_SHOWN_MAX = 6
OUTCOMES_SHOWN_MAX = 30
"""On a terminal, of one policy: more than that nobody reads, and the answer is far above them."""
WITNESSES_SHOWN_MAX = 8
TEXT_LENGTH_MAX = 60


class Columns(NamedTuple):
    """The columns that tell outcomes apart for people."""

    headings: tuple[str, ...]
    right: tuple[str, ...]
    """Those of numbers."""


_OF_BATCH = Columns(("caller got", "attempts", "batch row", "runs"), ("attempts",))
_OF_OTHERS = Columns(("at the end",), ())


def columns_of(outcomes: Sequence[Any]) -> Columns:
    """The columns for some outcomes of one system."""
    return _OF_BATCH if all(isinstance(each, Outcome) for each in outcomes) else _OF_OTHERS


def row_of(outcome: Any) -> tuple[str, ...]:
    """The same of one outcome, in words."""
    if isinstance(outcome, Outcome):
        call = outcome.call
        return (words.call(call), str(call.attempts), words.batch_row(outcome.batch), str(outcome.runs_total))
    return (outcome_in_words(outcome),)


class HasVerdicts(Protocol):
    """An outcome of an exploration of any kind."""

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Those that it is given."""


_Found = TypeVar("_Found", bound=HasVerdicts)


def shown_of(outcomes: Sequence[_Found]) -> tuple[Sequence[_Found], str]:
    """Those to be listed, and what is said of the others: of too many the first with the same verdicts."""
    if len(outcomes) <= OUTCOMES_SHOWN_MAX:
        return outcomes, ""
    first = {each.verdicts: each for each in reversed(outcomes)}
    shown = [each for each in outcomes if first[each.verdicts] is each][:OUTCOMES_SHOWN_MAX]
    which = ", each with the verdicts of one of these" if len(shown) == len(first) else ""
    return shown, f"and {amount(len(outcomes) - len(shown), 'more outcome')}{which}: --csv FILE has all"


def drawn_of(outcomes: Sequence[_Found]) -> Sequence[_Found]:
    """Those of which a witness is drawn: the first with the same verdicts; of too many the first with each."""
    first = {each.verdicts: each for each in reversed(outcomes)}
    drawn = [each for each in outcomes if first[each.verdicts] is each and each.verdicts != ("ok",)]
    if len(drawn) <= WITNESSES_SHOWN_MAX:
        return drawn
    known: set[str] = set()
    kept = []
    for each in drawn:
        if not known.issuperset(each.verdicts):
            kept.append(each)
            known.update(each.verdicts)
    return kept


def is_of_batch(run: PolicyRun) -> bool:
    """Whether a run is one of the batch."""
    return isinstance(run.trace.outcome, Outcome)


def columns_of_runs(runs: Sequence[PolicyRun]) -> Columns:
    """The columns that tell timed runs of one scenario apart; of the batch, its margins are the last two."""
    if all(map(is_of_batch, runs)):
        headings = ("caller got", "attempts", "after", "batch row", "runs", "race margin", "seal margin")
        return Columns(headings, ("attempts", "after", "race margin", "seal margin"))
    return Columns(("after", *_OF_OTHERS.headings), ("after",))


def row_of_run(run: PolicyRun) -> tuple[str, ...]:
    """The same of one run, but for the margins."""
    trace, outcome = run.trace, run.trace.outcome
    if not is_of_batch(run):
        return (rounded(trace.ended_us), outcome_in_words(outcome))
    return (
        words.caller_got(trace),
        str(outcome.call.attempts),
        rounded(trace.called_back_us),
        words.batch_row(outcome.batch),
        words.runs_created(trace),
    )


def outcome_in_words(outcome: Any) -> str:
    """What a run of a system of the user's own came to: `used = 1, worker-0 returned 3`."""
    if not isinstance(outcome, AtRest):
        return _shortened(str(outcome))
    said = [
        f"{cell} = {value_in_words(_content(cell, value))}"
        for cell, value in outcome.cells
        if not _is_of_faults(cell)
    ]
    said += [f"{actor} returned {value_in_words(value)}" for actor, value in outcome.results if value is not None]
    more = len(said) - CELLS_SHOWN_MAX
    parts = [*said[:CELLS_SHOWN_MAX], *([f"and {more} more"] if more > 0 else [])] or ["no cell is there"]
    parts += [f"{each.actor} raised {each.error} ({Path(each.line).name})" for each in outcome.raised]
    parts += [f"{actor} waits" for actor in outcome.waiting]
    return ", ".join(parts)


def _is_of_faults(cell: str) -> bool:
    return cell.startswith(OF_FAULTS)


def _content(cell: str, value: Any) -> Any:
    """What a cell holds; of a row its columns by their names."""
    return dict(value) if cell.startswith("postgres:") and isinstance(value, tuple) else value


def value_in_words(value: Any) -> str:
    """The value of a cell, short, and the same in every process."""
    plain = as_json(value)
    return _shortened(plain if isinstance(plain, str) else _written(plain))


def _written(plain: Any) -> str:
    if isinstance(plain, list):
        return f"[{', '.join(map(_written, plain))}]"
    if isinstance(plain, dict):
        return f"{{{', '.join(f'{key}: {_written(each)}' for key, each in plain.items())}}}"
    return str(plain)


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[: TEXT_LENGTH_MAX - 1]}…"


def document_of(outcome: Any, verdicts: Sequence[str]) -> dict[str, Any]:
    """An outcome and its verdicts in JSON."""
    if isinstance(outcome, Outcome):
        call = outcome.call
        return {
            "client": {"result": call.result.value, "status": call.status, "attempts": call.attempts},
            "batch": batch(outcome),
            "runs_created": outcome.runs_created,
            "runs_total": outcome.runs_total,
            "leaked_keys": list(outcome.leaked_keys),
            "verdicts": list(verdicts),
        }
    return {"outcome": outcome_document(outcome), "verdicts": list(verdicts)}


def batch(outcome: Outcome) -> dict[str, Any]:
    """The final batch row."""
    row = outcome.batch
    return {
        "status": row.status.value,
        "sealed": row.sealed,
        "processing_completed": row.processing_completed,
    }


def outcome_document(outcome: Any) -> Any:
    """What a run of a system of the user's own came to."""
    if isinstance(outcome, AtRest):
        return {
            "cells": {
                cell: as_json(_content(cell, value)) for cell, value in outcome.cells if not _is_of_faults(cell)
            },
            "results": {actor: as_json(value) for actor, value in outcome.results},
            "waiting": list(outcome.waiting),
            "raised": [
                {"actor": each.actor, "error": each.error, "line": Path(each.line).name} for each in outcome.raised
            ],
        }
    return as_json(outcome)


_INTEGER_MAX = 1 << 1024
"""From here on digits in tens are slow, and Python refuses them; a float cannot hold such a number."""


def as_json(value: Any) -> Any:
    """A value of a cell as JSON can hold it; sets in order, and what JSON has no form for as text."""
    match value:
        case int() if not -_INTEGER_MAX < value < _INTEGER_MAX:
            return hex(value)
        case None | bool() | int() | float() | str():
            return value
        case FrozenSortedSet():
            return {str(key): as_json(each) for key, each in value}
        case frozenset() | set():
            return sorted((as_json(each) for each in value), key=str)
        case Mapping():
            return {str(key): as_json(each) for key, each in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return {key: as_json(each) for key, each in value._asdict().items()}
        case tuple() | list():
            return [as_json(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    return str(value)
