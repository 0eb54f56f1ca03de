"""Owns the private servers: a process of its own, that starts both and ends them when its standard input ends.

Whoever started it holds the other end of that pipe. However he ends, be it by SIGKILL, the system closes his end,
so nothing can be left running. The keeper is in a session of its own, so that Ctrl-C in a terminal does not reach
it; should it be killed itself, the system ends the servers with it (`PR_SET_PDEATHSIG`, on Linux).

PostgreSQL refuses to run as root. There it runs as an unprivileged user that the system has anyway; if that one
may not read the binaries where they are installed, it gets a copy of them. Nothing is created but one folder,
which is removed at the end.

It is run as a file (`python -I -S keeper.py`), with the standard library alone: it starts in a fraction of the
time. It is given one line of JSON on standard input, and answers one on standard output.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SOCKET_PATH_MAX = 107
"""Bytes of the path of a socket, with the byte that ends it one more: what the system allows."""
PREFIX = "batchsim-"
MARK = "keeper"
"""The file in the folder that says whose it is."""
START_S = 30.0
"""So long a server may take until it answers."""
END_S = 3.0
_PR_SET_PDEATHSIG = 1
_PG_SOCKET = ".s.PGSQL.5432"


class Failure(Exception):
    """A server could not be started, and why."""


def short_folder(bases: Iterator[str] | None = None) -> Path:
    """A new folder in which the paths of sockets are short enough; raises `Failure`."""
    longest = len(os.fsencode(_PG_SOCKET + ".lock")) + len(PREFIX) + 10
    tried = []
    for base in bases or _bases():
        if len(os.fsencode(base)) + longest >= SOCKET_PATH_MAX:
            tried.append(f"{base} (too long)")
            continue
        try:
            return Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        except OSError as error:
            tried.append(f"{base} ({error.strerror})")
    raise Failure(
        f"no folder for sockets: tried {', '.join(tried)}; set TMPDIR to a short path that can be written"
    )


def _bases() -> Iterator[str]:
    yield tempfile.gettempdir()
    yield from ("/tmp", "/var/tmp", "/dev/shm")


def unprivileged() -> tuple[int, int] | None:
    """User and group under which PostgreSQL has to run; `None`: under ours, as we are not root."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != 0}
    if not users:
        raise Failure("PostgreSQL does not run as root, and there is no other user; run batchsim as another user")
    user = users.get("nobody") or max(users.values(), key=lambda each: each.pw_uid)
    return user.pw_uid, user.pw_gid


def _as_user(user: tuple[int, int] | None, end: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """To be called in a child before it becomes a server: who it is, and that it ends with the keeper."""

    def become() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user[1])
            os.setuid(user[0])
        # After that, as a change of the user would undo it.
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, end)

    return become


def _can_read(user: tuple[int, int], root: Path) -> bool:
    """Whether a user can run what is installed there."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user[1])
            os.setuid(user[0])
            ok = os.access(root / "bin" / "postgres", os.X_OK) and os.access(root / "share", os.R_OK | os.X_OK)
            ok = ok and all(os.access(each, os.R_OK) for each in root.parent.rglob("*.so*"))
        except OSError:
            ok = False
        os._exit(0 if ok else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Keeper:
    """The servers, and the folder that holds all that they write."""

    def __init__(self, wishes: dict[str, str]) -> None:
        self._wishes = wishes
        self._folder: Path | None = None
        self._processes: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []

    def start(self) -> dict[str, str]:
        """Start the servers side by side; how each is reached."""
        _remove_left_over()
        self._folder = short_folder()
        # As long as the keeper lives, and no longer, its mark is locked.
        self._mark = (self._folder / MARK).open("w")
        self._mark.write(str(os.getpid()))
        self._mark.flush()
        fcntl.flock(self._mark, fcntl.LOCK_EX)
        user = unprivileged()
        process, valkey = self._start_valkey(Path(self._wishes["valkey"]))
        postgres = self._start_postgres(Path(self._wishes["postgres"]), user)
        self._await(process, valkey, "Valkey", self._folder / "valkey.log")
        return {"valkey": str(valkey), "postgres": postgres}

    def _run(
        self, command: list[str], log: Path, user: tuple[int, int] | None, end: signal.Signals
    ) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self._folder,
                preexec_fn=_as_user(user, end),  # noqa: PLW1509 - it has no threads
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )
        self._processes.append((process, end))
        return process

    def _start_valkey(self, binary: Path) -> tuple[subprocess.Popen[bytes], Path]:
        assert self._folder is not None
        path = self._folder / "valkey.sock"
        settings = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self._folder),
            "daemonize": "no",
            "protected-mode": "yes",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        log = self._folder / "valkey.log"
        return self._run([str(binary), *words], log, None, signal.SIGKILL), path

    def _start_postgres(self, root: Path, user: tuple[int, int] | None) -> str:
        assert self._folder is not None
        home = self._folder / "pg"
        home.mkdir(mode=0o700)
        if user is not None:
            if not _can_read(user, root):
                # What is installed below a folder of root's own is not to be opened to others.
                copy = self._folder / "installed"
                shutil.copytree(root.parent, copy / root.parent.name, symlinks=True)
                libraries = root.parent.with_name(f"{root.parent.name}.libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, copy / libraries.name, symlinks=True)
                for each in copy.rglob("*"):
                    if not each.is_symlink():
                        each.chmod(each.stat().st_mode | (0o555 if each.stat().st_mode & 0o100 else 0o444))
                root = copy / root.parent.name / root.name
            os.chown(home, *user)
            self._folder.chmod(0o711)  # of our own folder: others go through it, and can list nothing
        data, log = home / "data", self._folder / "postgres.log"
        made = subprocess.run(
            [
                str(root / "bin" / "initdb"),
                *("-D", str(data), "-U", "batchsim", "-A", "trust", "-E", "UTF8"),
                *("--no-locale", "--no-sync", "--no-instructions"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=home if user is None else "/",
            preexec_fn=_as_user(user),
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            check=False,
        )
        if made.returncode:
            raise Failure(f"PostgreSQL: initdb failed: {_end_of(made.stderr or made.stdout)}")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(home),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            "shared_buffers": "16MB",
            "autovacuum": "off",
            "logging_collector": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(root / "bin" / "postgres"), "-D", str(data), *words]
        process = self._run(command, log, user, signal.SIGQUIT)
        state = data / "postmaster.pid"
        self._await(process, home / _PG_SOCKET, "PostgreSQL", log, lambda: b"ready" in state.read_bytes())
        return str(home)

    def _await(
        self,
        process: subprocess.Popen[bytes],
        path: Path,
        name: str,
        log: Path,
        is_ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """Until a server takes connections."""
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if process.poll() is not None:
                raise Failure(f"{name} ended at once: {_end_of(log.read_bytes())}")
            if path.exists() and _takes_connections(path) and is_ready():
                return
            if _has_ended(sys.stdin.fileno()):
                raise Failure("nobody waits for the servers any more")
            time.sleep(0.005)
        raise Failure(f"{name} did not answer within {START_S:.0f} s: {_end_of(log.read_bytes())}")

    def end(self) -> None:
        """End the servers, and remove what they wrote."""
        for process, number in self._processes:
            if process.poll() is None:
                process.send_signal(number)
        for process, _ in self._processes:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _takes_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _has_ended(descriptor: int) -> bool:
    """Whether the other end of the pipe is closed; nothing is written to it after the wishes."""
    ready, _, _ = select.select([descriptor], [], [], 0)
    return bool(ready) and not os.read(descriptor, 1)


def _end_of(text: bytes) -> str:
    """The first line that tells of an error, which is the cause of others; the last line where none does."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if re.search("error:|fatal|panic|no space left", line.lower())]
    return errors[0] if errors else lines[-1] if lines else "it said nothing"


def _remove_left_over() -> None:
    """Folders of keepers that were killed themselves."""
    for base in dict.fromkeys(_bases()):
        for folder in Path(base).glob(f"{PREFIX}*"):
            try:
                with (folder / MARK).open() as mark:
                    fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if folder.stat().st_uid == os.geteuid():
                        shutil.rmtree(folder, ignore_errors=True)
            except OSError:
                continue  # it is somebody else's, or in use


def _read_line(descriptor: int) -> bytes:
    """A line, and nothing after it."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return line


def main() -> int:
    """Start what is asked for, say how it is reached, and wait for the end."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    pipe = sys.stdin.fileno()
    keeper = Keeper(json.loads(_read_line(pipe)))

    def told(number: int, frame: object) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, told)
    try:
        try:
            answer: dict[str, str] = keeper.start()
        except (Failure, OSError) as error:
            answer = {"error": str(error)}
        try:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        except OSError:
            return 1
        if "error" in answer:
            return 1
        while os.read(pipe, 1):
            pass
        return 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        keeper.end()


if __name__ == "__main__":
    sys.exit(main())
