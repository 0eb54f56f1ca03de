"""Answers that are known: a file for each, named after the content of all that it depends on."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from batchsim.checking.inputs import Inputs, digest_of_batchsim
from batchsim.checking.questions import Question
from batchsim.checking.work import Row, Status
from batchsim.report.files import write_whole

_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Answers of `batchsim check`; may be deleted.\n"


class Cache:
    """A folder of answers; without one nothing is kept."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def find(self, question: Question, inputs: Inputs) -> Row | None:
        """The answer to a question about these inputs."""
        if self._directory is None:
            return None
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads((self._directory / f"{_key(question, inputs)}.json").read_text())
            told = {name: str(known[name]) for name in ("got", "why", "again", "note")}
            return Row(question, Status(known["status"]), **told, is_cached=True)
        return None

    def keep(self, row: Row, inputs: Inputs) -> None:
        """Keep an answer that will be the same next time; where it cannot be written, it is asked again.

        One that was being worked out while somebody edited its inputs is of either of them.
        """
        if self._directory is None or row.status not in (Status.PASSED, Status.FAILED) or row.is_cached:
            return
        if inputs.have_changed():
            return
        with suppress(OSError):
            if not self._directory.is_dir():
                self._directory.mkdir(parents=True)
                (self._directory / "CACHEDIR.TAG").write_text(_TAG)
                (self._directory / ".gitignore").write_text("*\n")
            told = {"got": row.got, "why": row.why, "again": row.again, "note": row.note}
            known = {"status": row.status.value, **told}
            write_whole(self._directory / f"{_key(row.question, inputs)}.json", json.dumps(known))


def _key(question: Question, inputs: Inputs) -> str:
    # The line may move without another answer; where the file lies is in the command that shows it again.
    asked = replace(question, line=None)
    expected = sorted(asked.verdicts) if asked.verdicts is not None else list(asked.rates)
    told = (
        str(asked.file),
        asked.scenario,
        asked.policy,
        asked.heading,
        asked.way.value,
        expected,
        asked.overrides,
        asked.runs,
        asked.states_max,
        asked.memory_max,
    )
    return sha256(repr((digest_of_batchsim(), inputs.digest, told)).encode()).hexdigest()[:40]
