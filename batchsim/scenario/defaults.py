"""What a scenario means where it says nothing: the timings of `protocol.md` §5, by operation."""

from __future__ import annotations

from batchsim.batch.operations import TYPES
from batchsim.batch.policies import LINEAGE
from batchsim.durations import UNITS_US
from batchsim.scenario.latencies import Backoff, Constant, Distribution, Latency, Legs, RoundTrip, Uniform
from batchsim.stores import WAITS

MS_US, MIN_US, H_US = UNITS_US["ms"], UNITS_US["min"], UNITS_US["h"]

ZERO = Constant(0)

REDIS = RoundTrip(Uniform(200, MS_US))
POSTGRES = RoundTrip(Uniform(MS_US, 5 * MS_US))
HTTP = Legs(Uniform(20 * MS_US, 80 * MS_US), Uniform(20 * MS_US, 80 * MS_US))

UPLOAD = ZERO
"""A small payload: no upload at all."""
EXECUTION = Constant(500 * MS_US)
DEBOUNCE = Constant(200 * MS_US)
REAPER = Constant(30 * MIN_US)
GRACE = Constant(H_US)
"""How long the policy *tombstone* keeps its key: far longer than all five attempts of the SDK together."""
VISIBILITY_TIMEOUT = Uniform(MIN_US, 65 * UNITS_US["s"])
"""How long a message can be in flight, from its claim: 60 s, and a scan every 5 s finds it."""
JOB_TIMEOUT = Constant(30 * UNITS_US["s"])
"""How long a job can be in the hands of a worker."""
TTL = Constant(10 * MIN_US)
"""The time to live of a run in the run queue, in development."""
KEPT_IN_FLIGHT = Constant(24 * H_US)
"""How long a heartbeat keeps a message in flight: as long as its item is processed."""
DROP = ZERO
"""When a connection drops, from when its request was sent."""
PARENT_RETRY = Constant(UNITS_US["s"])
"""How long after its failure a parent is tried again."""
GRANTED = Constant(30 * MIN_US)
"""How long the grant of a batch holds."""
REQUEST_TIMEOUT = Constant(5 * MIN_US)
"""How long a request may take to arrive."""
DISPATCH = Uniform(0, 50 * MS_US)
"""The dispatch loop looks every 50 ms, so a message waits up to that long before a consumer has it."""

CONSUMERS = 3
SEED = 1
POLICIES = tuple(policy.name for policy in LINEAGE)

GROUPS: dict[str, Latency] = {"redis": REDIS, "postgres": POSTGRES, "http": HTTP}

ANSWERS = frozenset({"http.response"})
"""Waits for what comes back: of a latency with two legs that their group has, they take the response."""

DELAYS = frozenset((*(each.name for each in TYPES if each.is_wait), *WAITS))
"""Waits rather than round trips: a plain distribution is spent before the effect, as a whole."""

BACKOFFS = frozenset(each.name for each in TYPES if each.backs_off)
"""Their default depends on the attempt."""


def delay(wait: Distribution) -> Legs:
    """All of `wait` before the effect, nothing after it."""
    return Legs(wait, ZERO)


def backoff(attempt: int, operation: str) -> Legs:
    """The default of one of the operations in `BACKOFFS` after failed attempt `attempt`, counted from 1."""
    if operation == "sdk.backoff_creation":
        return delay(Constant(round(1.6 ** (attempt - 1) * 1_000) * MS_US))
    return delay(Backoff(attempt, H_US) if operation == "jobs.retry" else Backoff(attempt))


OWN: dict[str, Latency] = {
    "store.upload": delay(UPLOAD),
    "run.finish": delay(EXECUTION),
    "run.expire": delay(TTL),
    "jobs.take_completion": delay(DEBOUNCE),
    "jobs.take_expiry": delay(REAPER),
    "jobs.return": delay(JOB_TIMEOUT),
    "parent.resume": Legs(ZERO, ZERO),
    "queue.claim": Legs(ZERO, ZERO),
    "queue.heartbeat": Legs(ZERO, ZERO),
    "queue.kept_in_flight": delay(KEPT_IN_FLIGHT),
    "redis.expire": delay(GRACE),
    "queue.take": Legs(ZERO, DISPATCH),
    "queue.redeliver": delay(VISIBILITY_TIMEOUT),
    "network.drop": delay(DROP),
    "parent.call_again": delay(PARENT_RETRY),
    "limiter.reset": delay(Constant(MIN_US)),
    "limiter.end_grant": delay(GRANTED),
    "sdk.await_reset": Legs(ZERO, ZERO),
    "http.read_item": Legs(ZERO, ZERO),
    "http.time_out": delay(REQUEST_TIMEOUT),
}
"""Operations with a default of their own. They follow no group: `redis: 300 us` must shorten no debounce."""

_GROUPS_OF_OTHERS = {"queue": "redis", "run_queue": "redis", "jobs": "redis"}


def group_of(operation: str) -> str | None:
    """The group (`redis`, `postgres`, `http`) that an operation follows; `None`: none."""
    if operation in OWN or operation in BACKOFFS:
        return None
    service = operation.partition(".")[0]
    group = _GROUPS_OF_OTHERS.get(service, service)
    return group if group in GROUPS else None


def latency_of(operation: str) -> Latency | None:
    """The default of an operation whatever the attempt; `None`: it has none."""
    group = group_of(operation)
    return OWN.get(operation) if group is None else GROUPS[group]
