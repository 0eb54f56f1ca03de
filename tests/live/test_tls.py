"""Servers of the user over TLS: those of the system, as the wheels of the embedded ones are built without it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from batchsim.bad_input import BadInputError
from batchsim.cli import main
from batchsim.engines.live import keeper
from batchsim.engines.live import servers as module
from batchsim.engines.live.servers import given
from tests.processes import wait_until

REDIS = shutil.which("redis-server") or shutil.which("valkey-server")
POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=None)


class Tls(NamedTuple):
    """Both servers, which take nothing but TLS."""

    redis: str
    postgres: str
    ca: Path
    other_ca: Path
    """Which signed nothing."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificates(folder: Path) -> None:
    """A CA, another one, and a certificate of the first for `localhost` alone."""
    for name in ("ca", "other"):
        openssl(
            folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.crt",
        )  # fmt: skip
    openssl(
        folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
        "-keyout", "server.key", "-out", "server.csr",
    )  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", "names", "-out", "server.crt",
    )  # fmt: skip


@pytest.fixture(scope="module")
def tls() -> Iterator[Tls]:
    if module.missing_wheels():
        pytest.skip(module.EXTRA)
    if REDIS is None or POSTGRES is None or shutil.which("openssl") is None:
        pytest.skip("apt-get install redis-server postgresql openssl")
    folder = keeper.short_folder()
    folder.chmod(0o755)
    certificates(folder)
    user = keeper.unprivileged()
    home = folder / "pg"
    home.mkdir(mode=0o700)
    for name in ("server.crt", "server.key"):
        shutil.copy(folder / name, home / name)
        (home / name).chmod(0o600)
    if user is not None:
        for each in (home, *home.iterdir()):
            os.chown(each, *user)
    ports = free_port(), free_port()
    redis = [REDIS, "--port", "0", "--tls-port", str(ports[0]), "--save", "", "--dir", str(folder)]
    redis += ["--tls-cert-file", f"{folder}/server.crt", "--tls-key-file", f"{folder}/server.key"]
    redis += ["--tls-ca-cert-file", f"{folder}/ca.crt", "--tls-auth-clients", "no"]
    initdb = [str(POSTGRES.with_name("initdb")), "-D", f"{home}/data"]
    initdb += ["-U", "batchsim", "-A", "trust", "--no-sync"]
    postgres = [str(POSTGRES), "-D", f"{home}/data", "-c", f"port={ports[1]}", "-c", "listen_addresses=127.0.0.1"]
    postgres += ["-c", f"unix_socket_directories={home}", "-c", "ssl=on"]
    postgres += ["-c", f"ssl_cert_file={home}/server.crt", "-c", f"ssl_key_file={home}/server.key"]
    become = keeper._as_user(user)
    subprocess.run(initdb, cwd=home, preexec_fn=become, check=True, capture_output=True)
    (home / "data" / "pg_hba.conf").write_text("hostssl all all all trust\n")
    with (folder / "log").open("wb") as log:
        running = [
            subprocess.Popen(redis, stdout=log, stderr=log),
            subprocess.Popen(postgres, stdout=log, stderr=log, cwd=home, preexec_fn=become),  # noqa: PLW1509
        ]
    try:
        wait_until(lambda: all(map(listens, ports)), "servers start", 20)
        yield Tls(
            f"rediss://localhost:{ports[0]}/0",
            f"postgresql://batchsim@localhost:{ports[1]}/postgres",
            folder / "ca.crt",
            folder / "other.crt",
        )
    finally:
        for process in running:
            process.kill()
            process.wait()
        shutil.rmtree(folder)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_certificate_of_a_ca_of_ones_own_is_verified(tls: Tls) -> None:
    redis = f"{tls.redis}?ssl_ca_certs={tls.ca}"
    with given(redis, f"{tls.postgres}?sslmode=verify-full&sslrootcert={tls.ca}") as servers:
        assert servers.redis().ping()
        with servers.postgres() as postgres:
            assert postgres.info.pgconn.ssl_in_use
    # Without verification it is encrypted, too.
    with given(redis, f"{tls.postgres}?sslmode=require") as servers, servers.postgres() as postgres:
        assert postgres.info.pgconn.ssl_in_use


@pytest.mark.parametrize(
    ("redis", "postgres", "told"),
    [
        ("{redis}?ssl_ca_certs={other}", "{postgres}?sslmode=require", r"Redis: .*certificate verify failed"),
        ("{redis}", "{postgres}?sslmode=require", r"Redis: .*certificate verify failed.*ssl_ca_certs=FILE"),
        ("{address}?ssl_ca_certs={ca}", "{postgres}?sslmode=require", r"Redis: .*certificate verify failed.*IP"),
        ("{plain}", "{postgres}?sslmode=require", "Redis: "),
        (
            "{redis}?ssl_ca_certs={ca}",
            "{postgres}?sslmode=verify-full&sslrootcert={other}",
            r"PostgreSQL: .*certificate verify failed",
        ),
        ("{redis}?ssl_ca_certs={ca}", "{postgres}?sslmode=verify-full", r"PostgreSQL: .*sslrootcert=FILE"),
        ("{redis}?ssl_ca_certs={ca}", "{postgres}?sslmode=disable", r"PostgreSQL: .*no encryption"),
        ("{redis}?ssl_ca_certs=/no/ca.crt", "{postgres}", r"Redis: "),
    ],
)
def test_what_cannot_be_trusted_is_refused_in_one_message(tls: Tls, redis: str, postgres: str, told: str) -> None:
    values = {
        "redis": tls.redis,
        "address": tls.redis.replace("localhost", "127.0.0.1"),
        "plain": tls.redis.replace("rediss", "redis"),
        "postgres": tls.postgres,
        "ca": tls.ca,
        "other": tls.other_ca,
    }
    with (
        pytest.raises(BadInputError, match=told) as refused,
        given(redis.format(**values), postgres.format(**values)),
    ):
        pass
    assert "\n" not in str(refused.value)


def test_a_witness_is_replayed_over_tls(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text("name: one\nbatch: {items: 1}\npolicies: [pr3427]\n")
    with pytest.raises(SystemExit):
        main(["explore", "one.yaml", "--witness", "found", "--quiet"])
    urls = ["--redis", f"{tls.redis}?ssl_ca_certs={tls.ca}"]
    urls += ["--postgres", f"{tls.postgres}?sslmode=verify-full&sslrootcert={tls.ca}"]
    with pytest.raises(SystemExit) as ended:
        main(["replay", "found/pr3427-1-false_failure.json", *urls])
    assert ended.value.code == 0
    assert "localhost" in capsys.readouterr().out
