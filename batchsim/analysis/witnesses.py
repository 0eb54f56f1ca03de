"""Witnesses: one schedule each, in a file from which anybody can run it again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive import OutcomeClass
from batchsim.user_code import is_reference

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class WitnessStep:
    """A step of a witness."""

    actor: str
    name: str
    """Of the operation."""
    alternative: str | None
    """Which of its ways it takes; `None`: the usual one."""


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


def steps_of(outcome: OutcomeClass) -> tuple[WitnessStep, ...]:
    """The steps of the witness of an outcome class."""
    return tuple(WitnessStep(step.actor, step.name, step.alternative) for step in outcome.witness)


def witness_text(witness: Witness, directory: Path) -> str:
    """The text of a witness file that lies in a directory; paths are relative to it."""
    document = {
        "schema": SCHEMA,
        "scenario": Path(os.path.relpath(witness.scenario, directory)).as_posix(),
        "set": list(witness.overrides),
        "policy": _seen_from(directory, witness.policy),
        "properties": [_seen_from(directory, reference) for reference in witness.properties],
        "verdicts": list(witness.verdicts),
        "steps": [
            {"actor": step.actor, "operation": step.name, "alternative": step.alternative}
            for step in witness.steps
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _seen_from(directory: Path, name: str) -> str:
    if not is_reference(name):
        return name
    file, _, within = name.rpartition(":")
    return f"{Path(os.path.relpath(file, directory)).as_posix()}:{within}"


def within(directory: Path, name: str) -> str:
    """A name as it is, a `path/to/file.py:NAME` that is relative to a directory relative to the current one."""
    return str(directory / name) if is_reference(name) else name


def read_witness(path: Path) -> Witness:
    """Read a witness file; raises `BadInputError`."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path}: found no readable file ({error.strerror}); allowed: a witness") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: found no JSON ({error}); allowed: a witness") from None
    reader = _Reader(path)
    if reader.field(document, "schema", int) != SCHEMA:
        raise BadInputError(f"{path}: schema: found {document['schema']}; allowed: {SCHEMA}")
    return Witness(
        scenario=path.parent / reader.field(document, "scenario", str),
        overrides=tuple(reader.texts(document, "set")),
        policy=within(path.parent, reader.field(document, "policy", str)),
        properties=tuple(within(path.parent, name) for name in reader.texts(document, "properties")),
        verdicts=tuple(reader.texts(document, "verdicts")),
        steps=tuple(
            WitnessStep(
                reader.field(step, "actor", str, f"steps[{place}]."),
                reader.field(step, "operation", str, f"steps[{place}]."),
                reader.field(step, "alternative", str | None, f"steps[{place}]."),
            )
            for place, step in enumerate(reader.field(document, "steps", list))
        ),
    )


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def field(self, document: Any, name: str, kind: Any, within: str = "") -> Any:
        if not isinstance(document, dict) or name not in document:
            raise BadInputError(f"{self._path}: {within}{name}: missing")
        value = document[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            allowed = getattr(kind, "__name__", str(kind))
            raise BadInputError(f"{self._path}: {within}{name}: found {value!r}; allowed: {allowed}")
        return value

    def texts(self, document: Any, name: str) -> list[str]:
        return [
            self.field({name: text}, name, str, f"{name}[{place}]: ")
            for place, text in enumerate(self.field(document, name, list))
        ]
