"""A peer of exact exploration: Storm, a model checker that knows nothing of batchsim, on `batch.prism`.

Nothing of batchsim is imported here: `python -m tests.peers.storm` is Storm and its model alone, and is measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

MODEL = Path(__file__).with_name("batch.prism")
INSTALL = "make storm"
ANSWERS = {("ok", 200): 1, ("BatchNotSealedError", 200): 2, ("ApiError", 422): 3, ("ApiError", 500): 4}
STATUSES = ("PENDING", "PROCESSING", "COMPLETED")


class StormOutcome(NamedTuple):
    """What a run came to, at quiescence; all keys are gone then, and each item has a child run."""

    result: str
    status: int
    attempts: int
    row_status: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class StormFound:
    """How likely each outcome is that was asked for."""

    states: int
    transitions: int
    probabilities: tuple[float, ...]


def storm_is_installed() -> bool:
    """Whether its bindings for Python are there; Storm itself is in their wheel."""
    return find_spec("stormpy") is not None


def scenario(items: int, consumers: int, policy: str, means_ms: Mapping[str, float]) -> dict[str, Any]:
    """The batch and the latencies of the model, as a scenario file says it; `means_ms`: see `search`."""

    def exponential(name: str) -> dict[str, Any]:
        return {"exponential": {"mean": f"{means_ms[name]} ms"}}

    def legs(name: str) -> dict[str, Any]:
        return {"request": exponential(f"{name}_REQUEST"), "response": exponential(f"{name}_RESPONSE")}

    operations = {
        "redis.enqueued_count": legs("COUNT"),
        "queue.take": {"request": "0 ms", "response": exponential("TAKE_RESPONSE")},
        "jobs.take_completion": exponential("DEBOUNCE"),
        "sdk.backoff": exponential("BACKOFF"),
    }
    groups = {"redis": legs("REDIS"), "postgres": legs("POSTGRES"), "http": legs("HTTP")}
    return {
        "name": "peer",
        "batch": {"items": items},
        "items": {"execution": exponential("EXECUTION")},
        "consumers": consumers,
        "policies": [policy],
        "latency": {**groups, "operations": operations},
    }


def search(
    items: int,
    consumers: int,
    policy: str,
    means_ms: Mapping[str, float],
    outcomes: Sequence[StormOutcome],
    *,
    model: str | None = None,
) -> StormFound:
    """Let Storm build the chain of a batch, and work out how likely it comes to each of these outcomes.

    `means_ms`: as the constants of the model are named. `model`: another text.
    """
    import stormpy

    with TemporaryDirectory(prefix="batchsim-storm-") as folder:
        file = Path(folder) / "batch.prism"
        file.write_text(MODEL.read_text() if model is None else model)
        program = stormpy.parse_prism_program(file, prism_compatibility=True)
    sizes = f"ITEMS={items},CONSUMERS={consumers},POLICY={policy.upper()}"
    means = "".join(f",{name}={mean!r}" for name, mean in means_ms.items())
    questions = stormpy.parse_properties("; ".join(map(_question, outcomes)), program)
    program, questions = stormpy.instantiate_constants(program, sizes + means, questions)
    chain = stormpy.build_model(program, questions)
    environment = stormpy.Environment()
    # Each step leads on, so one pass over the states gives all digits.
    environment.solver().set_linear_equation_solver_type(stormpy.environments.EquationSolverType.ACYCLIC)
    (begin,) = chain.initial_states
    probabilities = (
        stormpy.model_checking(chain, question, environment=environment).get_value(begin) for question in questions
    )
    return StormFound(chain.nr_states, chain.nr_transitions, tuple(probabilities))


def _question(outcome: StormOutcome) -> str:
    answer = ANSWERS[outcome.result, outcome.status]
    sealed = "sealed" if outcome.sealed else "!sealed"
    row = f"status = {STATUSES.index(outcome.row_status)} & {sealed} & processing_completed"
    ended = f"answer = {answer} & attempt = {outcome.attempts} & {row} & !meta"
    return f'P=? [F "deadlock" & {ended}]'


def main() -> None:
    """Search as the argument asks, a JSON document of the parameters of `search`; the last line has the answer."""
    asked = json.loads(sys.argv[1])
    asked["outcomes"] = [StormOutcome(*each) for each in asked["outcomes"]]
    print(json.dumps(asdict(search(**asked))))


if __name__ == "__main__":
    main()
