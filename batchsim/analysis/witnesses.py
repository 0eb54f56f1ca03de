"""Witnesses: one schedule each, in a file from which anybody can run it again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsim.bad_input import BadInputError
from batchsim.engines.recorded_draws import Draw
from batchsim.reading import Unreadable, read_file
from batchsim.scenario import format_duration
from batchsim.scenario.problems import describe
from batchsim.user_code import is_reference

if TYPE_CHECKING:
    from batchsim.engines.exhaustive import OutcomeClass
    from batchsim.engines.zones import TimedOutcome

SCHEMA = 1
ALLOWED = (
    "a witness: a JSON file with one schedule of a scenario, as `batchsim explore FILE --witness DIR` writes it"
)
RUN_IT = "a scenario is run by `batchsim run FILE`"
"""What is said of a file of YAML."""
ITS_SCENARIO = "the scenario of which it is a witness, as seen from the folder of the witness: move them together"
BYTES_MAX = 100_000_000
"""Of a witness file: far more than one of the largest batch has."""


@dataclass(frozen=True, slots=True)
class WitnessStep:
    """A step of a witness."""

    actor: str
    name: str
    """Of the operation."""
    alternative: str | None
    """Which of its ways it takes; `None`: the usual one."""
    at_us: int | None = None
    """When it takes effect, in a witness with times."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A schedule, and what it is a schedule of."""

    scenario: Path
    overrides: tuple[str, ...]
    """Those of `--set` under which it was found."""
    policy: str
    """A name, or `path/to/file.py:NAME`, relative to the current directory."""
    properties: tuple[str, ...]
    """Verdicts of the user's own, likewise."""
    verdicts: tuple[str, ...]
    """Those that it comes to."""
    steps: tuple[WitnessStep, ...]
    draws: tuple[Draw, ...] | None = None
    """All latencies, in a witness with times."""


def steps_of(outcome: OutcomeClass) -> tuple[WitnessStep, ...]:
    """The steps of the witness of an outcome class."""
    return tuple(WitnessStep(step.actor, step.name, step.alternative) for step in outcome.witness)


def timed_steps_of(outcome: TimedOutcome) -> tuple[WitnessStep, ...]:
    """The steps of the witness of an outcome of timed exploration."""
    return tuple(
        WitnessStep(step.actor, step.name, step.alternative, step.at_us) for step in outcome.witness.steps
    )


class OtherTime(Exception):
    """A step of a replay takes effect at another time than in its witness."""


def check_times(witness: Witness, trace: Any) -> None:
    """Compare the times of a replay with those of its witness, if it has any; raises `OtherTime`."""
    for number, (wanted, step) in enumerate(zip(witness.steps, trace.steps, strict=True), 1):
        if wanted.at_us is not None and wanted.at_us != step.at_us:
            raise OtherTime(
                f"step {number}, {step.name} by {step.actor}, takes effect at {format_duration(step.at_us)}, "
                f"not {format_duration(wanted.at_us)}"
            )


def witness_text(witness: Witness, directory: Path) -> str:
    """The text of a witness file that lies in a directory; paths are relative to it."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "scenario": Path(os.path.relpath(witness.scenario, directory)).as_posix(),
        "set": list(witness.overrides),
        "policy": _seen_from(directory, witness.policy),
        "properties": [_seen_from(directory, reference) for reference in witness.properties],
        "verdicts": list(witness.verdicts),
        "steps": [_step(step) for step in witness.steps],
    }
    if witness.draws is not None:
        document["latencies"] = [draw._asdict() for draw in witness.draws]
    return json.dumps(document, indent=1) + "\n"


def _step(step: WitnessStep) -> dict[str, Any]:
    document = {"actor": step.actor, "operation": step.name, "alternative": step.alternative}
    return document if step.at_us is None else {**document, "at_us": step.at_us}


def _seen_from(directory: Path, name: str) -> str:
    if not is_reference(name):
        return name
    file, _, within = name.rpartition(":")
    return f"{Path(os.path.relpath(file, directory)).as_posix()}:{within}"


def within(directory: Path, name: str) -> str:
    """A name as it is, a `path/to/file.py:NAME` that is relative to a directory relative to the current one."""
    return os.path.normpath(directory / name) if is_reference(name) else name


def read_witness(path: Path) -> Witness:
    """Read a witness file; raises `BadInputError`."""
    try:
        document = json.loads(read_file(path, BYTES_MAX))
    except Unreadable as why:
        raise BadInputError(f"{path}: found {why}; allowed: {ALLOWED}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: found what is not text; allowed: {ALLOWED}") from None
    except (ValueError, RecursionError) as error:
        hint = f"; {RUN_IT}" if path.suffix in (".yaml", ".yml") else ""
        raise BadInputError(f"{path}: found no JSON ({error}); allowed: {ALLOWED}{hint}") from None
    reader = _Reader(path)
    if reader.field(document, "schema", int) != SCHEMA:
        raise BadInputError(f"{path}: schema: found {describe(document['schema'])}; allowed: {SCHEMA}")
    is_timed = "latencies" in document
    # Without `..`: it is shown in messages.
    scenario = Path(os.path.normpath(path.parent / reader.field(document, "scenario", str)))
    if not os.path.exists(scenario):  # noqa: PTH110 - too long a name is no error here
        raise BadInputError(f"{path}: scenario: found no file {scenario}; allowed: {ITS_SCENARIO}")
    return Witness(
        scenario=scenario,
        overrides=tuple(reader.texts(document, "set")),
        policy=within(path.parent, reader.field(document, "policy", str)),
        properties=tuple(within(path.parent, name) for name in reader.texts(document, "properties")),
        verdicts=tuple(reader.texts(document, "verdicts")),
        steps=tuple(
            reader.step(step, f"steps[{place}].", is_timed=is_timed)
            for place, step in enumerate(reader.field(document, "steps", list))
        ),
        draws=tuple(
            reader.draw(draw, f"latencies[{place}].")
            for place, draw in enumerate(reader.field(document, "latencies", list))
        )
        if is_timed
        else None,
    )


def _is_text(value: str) -> bool:
    """Whether it holds no half of a surrogate pair, but for those that stand for bytes of a file name."""
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def field(self, document: Any, name: str, kind: Any, within: str = "") -> Any:
        if not isinstance(document, dict) or name not in document:
            raise BadInputError(f"{self._path}: {within}{name}: missing; allowed: {ALLOWED}")
        value = document[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            allowed = getattr(kind, "__name__", str(kind))
            raise BadInputError(f"{self._path}: {within}{name}: found {describe(value)}; allowed: {allowed}")
        if isinstance(value, str) and not _is_text(value):
            raise BadInputError(f"{self._path}: {within}{name}: found {describe(value)}; allowed: text")
        return value

    def texts(self, document: Any, name: str) -> list[str]:
        return [
            self.field({name: text}, name, str, f"{name}[{place}]: ")
            for place, text in enumerate(self.field(document, name, list))
        ]

    def step(self, document: Any, within: str, *, is_timed: bool) -> WitnessStep:
        return WitnessStep(
            self.field(document, "actor", str, within),
            self.field(document, "operation", str, within),
            self.field(document, "alternative", str | None, within),
            self.field(document, "at_us", int, within) if is_timed else None,
        )

    def draw(self, document: Any, within: str) -> Draw:
        return Draw(
            self.field(document, "actor", str, within),
            self.field(document, "latency", str, within),
            self.field(document, "item", int | None, within),
            self.field(document, "attempt", int | None, within),
            self.duration(document, "request_us", within),
            self.duration(document, "response_us", within),
        )

    def duration(self, document: Any, name: str, within: str) -> int:
        value: int = self.field(document, name, int, within)
        if value < 0:
            raise BadInputError(f"{self._path}: {within}{name}: found {describe(value)}; allowed: 0 or more")
        return value
