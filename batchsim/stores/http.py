"""HTTP calls between actors: a client sends a request to a service, a server takes it and answers.

A call is three steps of the client's, or two: the request is sent; the timeout begins, if it has one; the answer
is received, or the call raises `TimeoutException`. A server's are two: it takes a request, and answers. Requests
can overtake each other on their way. Who waits: `serve` until a request has arrived, a call until it is answered.

With time, a request takes the request leg of `http.request`, an answer the response leg of `http.response`; both
are of the group `http`, and can be given one by one. Without, a timeout may come at any moment before the answer
is received. A server does not see it: it answers all the same, and the answer is dropped. Left out: connections,
and what can happen to them, headers, streams; redirects.

    from batchsim.stores import http

    server = Actor("api", None, api, serves=True)  # it may wait for ever
    System("shop", (*clients, server), cells=("orders",), parts=(http.service("api", calls=2),))

    response = await http.post("api/orders", json="order 1", timeout="5 s")   # a client
    if response.status_code == 201: ...

    request = await http.serve("api")                                         # a server
    await http.respond(request, 201)
"""

from __future__ import annotations

from collections.abc import Awaitable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.model.cells import LISTED_BY, Cells, IfListed, Key
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Footprint,
    Operation,
    ProtocolError,
    Raised,
    Timer,
    touches,
)
from batchsim.model.parts import PARTS, Part, setting_of
from batchsim.user_code import told

CALLS_MAX = 8
"""So many calls to a service can be under way at once."""
REQUEST, RESPONSE, TIMEOUT = "http.request", "http.response", "http.timeout"
"""The names under which a scenario gives how long a request and an answer travel, and how long a timeout is."""


class TimeoutException(ProtocolError):
    """A call was not answered in time; the name is that of httpx."""

    in_words = "times out"


def service_of(url: str) -> str:
    """The service that a URL begins with: `api` of `api/orders`."""
    return url.partition("/")[0]


class Request(NamedTuple):
    """What a server takes."""

    method: str
    url: str
    """The service and what follows it: `api/orders`."""
    json: Any
    call: int
    """Under which number it is answered."""

    @property
    def service(self) -> str:
        """The service that it is for."""
        return service_of(self.url)

    @property
    def path(self) -> str:
        """What follows the service: `/orders`."""
        return self.url[len(self.service) :] or "/"

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class Response(NamedTuple):
    """What a client receives."""

    status_code: int
    json: Any = None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300


LISTED_BY["http:"] = "parts=(http.service(NAME),) in the System"


def requests_key(service: str) -> Key:
    """The cell of the requests that no server has taken, in the order in which they were sent."""
    return f"http:{service}"


def call_key(service: str, call: int) -> IfListed:
    """The cell that is there while a call is under way: whether somebody waits for the answer."""
    return IfListed(f"http:{service}:call:{call}")


def answer_key(service: str, call: int) -> IfListed:
    """The cell of an answer that is not received; its timer, too."""
    return IfListed(f"{call_key(service, call)}:answer")


def _request_timer(service: str, call: int) -> Key:
    return f"{requests_key(service)}:request:{call}"


def _timeout_timer(service: str, call: int) -> Key:
    return f"{call_key(service, call)}:timeout"


def _calls(cells: Cells, service: str, operation: str) -> int:
    calls: int = setting_of(cells, f"http.service({service!r})", operation, f"http.service({service!r})")
    return calls


@dataclass(frozen=True, slots=True)
class Send(Operation[int]):
    """Send a request; the number of the call."""

    name: ClassVar[str] = "http.send"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    may_unblock: ClassVar[bool] = True
    method: str
    url: str
    json: Hashable

    @property
    def service(self) -> str:
        """The service that it is for."""
        return service_of(self.url)

    def footprint(self) -> Footprint:
        """The requests, and which numbers are free."""
        calls = (call_key(self.service, call) for call in range(CALLS_MAX))
        return touches(reads=(PARTS,), writes=(requests_key(self.service), *calls))

    def unblocks(self) -> tuple[Key, ...]:
        """The requests."""
        return (requests_key(self.service),)

    def timer_after(self, answer: Any) -> Timer | None:
        """The way of the request."""
        return Timer(_request_timer(self.service, answer), REQUEST)

    def apply(self, world: Any) -> int:
        """It is on its way, under the lowest number that is free."""
        cells = world.cells
        calls = _calls(cells, self.service, self.name)
        for call in range(calls):
            if cells.read(call_key(self.service, call)) is None:
                cells.write(call_key(self.service, call), value=True)
                requests: list[Request] = cells.modify(requests_key(self.service), list)
                requests.append(Request(self.method, self.url, self.json, call))
                return call
        raise BadInputError(
            f"{self.name}: found more than {calls} calls to {self.service} under way, and with them those that "
            "nobody waits for and nobody has answered; "
            f"allowed: http.service({self.service!r}, calls={calls + 1}), up to {CALLS_MAX}"
        )

    def describe(self, answer: Any) -> str:
        """The request."""
        return f"{self.method} {self.url}"


@dataclass(frozen=True, slots=True)
class StartTimeout(Operation[None]):
    """The timeout of a call begins."""

    name: ClassVar[str] = "http.start_timeout"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    may_unblock: ClassVar[bool] = True
    service: str
    call: int
    timeout: str

    def footprint(self) -> Footprint:
        """The call."""
        return touches(reads=self.unblocks())

    def unblocks(self) -> tuple[Key, ...]:
        """The call."""
        return (call_key(self.service, self.call),)

    def timer(self) -> Timer | None:
        """The timeout."""
        return Timer(_timeout_timer(self.service, self.call), f"{TIMEOUT}({self.timeout})")

    def apply(self, world: Any) -> None:
        """Only time begins to run."""


@dataclass(frozen=True, slots=True)
class Serve(BlockingOperation[Request]):
    """Take the next request that has arrived."""

    name: ClassVar[str] = "http.serve"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    service: str

    def waits_for(self) -> Key:
        """The requests."""
        return requests_key(self.service)

    def footprint(self) -> Footprint:
        """The requests."""
        return touches(writes=(requests_key(self.service),))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """Any of them may arrive first."""
        requests: list[Request] = world.cells.read(requests_key(self.service)) or []
        return tuple(
            Alternative(f"call {each.call}", _request_timer(self.service, each.call), each) for each in requests
        )

    def apply_alternative(self, world: Any, alternative: Alternative) -> Request:
        """Take it."""
        requests: list[Request] = world.cells.modify(requests_key(self.service), list)
        requests.remove(alternative.choice)
        if not requests:
            world.cells.delete(requests_key(self.service))
        request: Request = alternative.choice
        return request


@dataclass(frozen=True, slots=True)
class Respond(Operation[bool]):
    """Answer a request."""

    name: ClassVar[str] = "http.respond"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    may_unblock: ClassVar[bool] = True
    request: Request
    response: Response

    def _answer(self) -> Key:
        return answer_key(self.request.service, self.request.call)

    def _call(self) -> Key:
        return call_key(self.request.service, self.request.call)

    def footprint(self) -> Footprint:
        """The call and its answer."""
        return touches(writes=self.unblocks())

    def unblocks(self) -> tuple[Key, ...]:
        """The answer, and the call of one who waits with a timeout."""
        return (self._answer(), self._call())

    def timer(self) -> Timer | None:
        """The way of the answer."""
        return Timer(self._answer(), RESPONSE)

    def timer_after(self, answer: Any) -> Timer | None:
        """The same, if anybody waits for it."""
        return self.timer() if answer else None

    def apply(self, world: Any) -> bool:
        """Whether somebody waits for it; otherwise it is dropped. Raises `BadInputError` for a second answer."""
        is_awaited = world.cells.read(self._call())
        if is_awaited is None or world.cells.read(self._answer()) is not None:
            raise BadInputError(f"{self.name}: found {self.request} answered before; allowed: to answer it once")
        if is_awaited:
            world.cells.write(self._answer(), self.response)
        else:
            world.cells.delete(self._call())
        return bool(is_awaited)

    def describe(self, answer: Any) -> str:
        """The status, and whether anybody receives it."""
        return f"{self.response.status_code}{'' if answer else ', which nobody waits for'}"


@dataclass(frozen=True, slots=True)
class Receive(BlockingOperation[Response]):
    """Receive the answer to a call; or, with a timeout, give up."""

    name: ClassVar[str] = "http.receive"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    service: str
    call: int
    has_timeout: bool

    def waits_for(self) -> Key:
        """The answer; with a timeout the call, as it can go on without one."""
        key = call_key if self.has_timeout else answer_key
        return key(self.service, self.call)

    def footprint(self) -> Footprint:
        """The call and its answer."""
        return touches(writes=(call_key(self.service, self.call), answer_key(self.service, self.call)))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """The answer, when it has arrived; or the timeout, when it has passed."""
        ways: list[Alternative] = []
        if world.cells.read(answer_key(self.service, self.call)) is not None:
            ways.append(Alternative(timer=answer_key(self.service, self.call)))
        if self.has_timeout:
            ways.append(Alternative("timeout", _timeout_timer(self.service, self.call)))
        return tuple(ways)

    def apply_alternative(self, world: Any, alternative: Alternative) -> Any:
        """The answer, or `TimeoutException`."""
        cells, call, answer = world.cells, call_key(self.service, self.call), answer_key(self.service, self.call)
        response = cells.read(answer)
        if alternative.label and response is None:
            cells.write(call, value=False)  # whoever answers it frees the number
            return Raised(TimeoutException)
        cells.delete(answer)
        cells.delete(call)
        return Raised(TimeoutException) if alternative.label else response

    def describe(self, answer: Any) -> str:
        """The status."""
        return str(answer.status_code)


def request(method: str, url: str, json: Hashable = None, *, timeout: str | None = None) -> Awaitable[Response]:
    """Call a service; its `Response`.

    `url`: the name of the service, and a path, `api/orders`. `timeout`: `"5 s"`; if there is no answer by then,
    it raises `TimeoutException`. The system needs `http.service(NAME)`, or it raises `BadInputError`.
    """
    return _request(method, url, json, timeout)


async def _request(method: str, url: str, json: Hashable, timeout: str | None) -> Response:
    call = await Send(method, url, json)
    service = service_of(url)
    if timeout is not None:
        await StartTimeout(service, call, timeout)
    return await Receive(service, call, timeout is not None)


def get(url: str, *, timeout: str | None = None) -> Awaitable[Response]:
    """`GET`: as `request`."""
    return _request("GET", url, None, timeout)


def post(url: str, json: Hashable = None, *, timeout: str | None = None) -> Awaitable[Response]:
    """`POST`: as `request`."""
    return _request("POST", url, json, timeout)


def put(url: str, json: Hashable = None, *, timeout: str | None = None) -> Awaitable[Response]:
    """`PUT`: as `request`."""
    return _request("PUT", url, json, timeout)


def delete(url: str, *, timeout: str | None = None) -> Awaitable[Response]:
    """`DELETE`: as `request`."""
    return _request("DELETE", url, None, timeout)


def serve(service: str) -> Serve:
    """The next request to a service, when one has arrived."""
    return Serve(service)


def respond(request: Request, status_code: int = 200, json: Hashable = None) -> Respond:
    """Answer a request, once; whether somebody still waits for it."""
    if not isinstance(request, Request):
        raise BadInputError(
            f"http.respond: found {told(request)}; allowed: first the request that http.serve gave"
        )
    return Respond(request, Response(status_code, json))


def service(name: str, *, calls: int = 2) -> Part:
    """What a system with such a service needs: `parts=(http.service("api", calls=3),)`.

    `calls`: how many can be under way at once, at most `CALLS_MAX`; one that timed out is so until it is answered.
    """
    if not 1 <= calls <= CALLS_MAX:
        raise BadInputError(f"http.service: calls: found {calls}; allowed: 1 to {CALLS_MAX}")
    numbers = range(calls)
    return Part(
        cells=(
            requests_key(name),
            *(call_key(name, call) for call in numbers),
            *(answer_key(name, call) for call in numbers),
        ),
        settings=((f"http.service({name!r})", calls),),
        timers=(
            *((_request_timer(name, call), REQUEST) for call in numbers),
            *((answer_key(name, call), RESPONSE) for call in numbers),
            *((_timeout_timer(name, call), TIMEOUT) for call in numbers),
        ),
    )
