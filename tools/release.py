"""`make release`: build the distributions, check them, and try the wheel under each Python that is found.

Nothing is uploaded. What is tried: that a clean environment takes the wheel with what it depends on, that a
shipped scenario comes to what it expects, that `check` passes, and that pytest collects a scenario.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
MINORS, SUPPORTED = range(11, 20), (11, 12, 13)
RACE = "name: race\nbatch: {items: 1}\npolicies: [pr3766]\nexpect: {pr3766: ok}\nexpect_explore: {pr3766: ok}\n"


def main() -> int:
    """Build, check and try; 1 where anything fails."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if f"## [{version}]" not in (ROOT / "CHANGELOG.md").read_text():
        print(f"CHANGELOG.md has no section [{version}]", file=sys.stderr)
        return 1
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT))
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(DIST.iterdir())))
    (wheel,) = DIST.glob("*.whl")
    found, failed = interpreters(), []
    for python in found:
        print(f"trying {wheel.name} under {version_of(python)} ({python})", flush=True)
        try:
            attempt(python, wheel, version)
        except (subprocess.CalledProcessError, AssertionError) as error:
            print(f"failed: {error}", file=sys.stderr)
            failed.append(python)
    tried = ", ".join(version_of(each) for each in found if each not in failed)
    print(f"{wheel.name}: good under {tried or 'none'}" + (f"; failed under {len(failed)}" if failed else ""))
    missing = [
        f"3.{minor}" for minor in (11, 12, 13) if not any(f" 3.{minor}." in version_of(each) for each in found)
    ]
    if missing:
        print(f"not tried, as they were not found: {', '.join(missing)}")
    return 1 if failed or not found else 0


def interpreters() -> list[str]:
    """The Pythons on the path that batchsim supports, one for each minor version."""
    names = [f"python3.{minor}" for minor in MINORS]
    found = [path for name in names if (path := shutil.which(name)) is not None]
    # A version manager puts names on the path that run nothing.
    return [path for path in found if version_of(path)] or [sys.executable]


def version_of(python: str) -> str:
    """`Python 3.12.4`; empty: it does not run."""
    ended = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else ""


def attempt(python: str, wheel: Path, version: str) -> None:
    """Install the wheel into a new environment and use it; raises what fails."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        run(python, "-m", "venv", str(there / "venv"))
        own = there / "venv" / "bin"
        run(str(own / "pip"), "install", "--quiet", "--disable-pip-version-check", f"{wheel}[testing]")
        printed = run(str(own / "batchsim"), "--version", cwd=there, shows=False)
        assert version in printed, printed
        run(str(own / "batchsim"), "run", "incident", "--quiet", cwd=there)
        (there / "race.batchsim.yaml").write_text(RACE)
        run(str(own / "batchsim"), "check", "race.batchsim.yaml", "--quiet", cwd=there)
        run(str(own / "python"), "-m", "pytest", "-q", "race.batchsim.yaml", cwd=there)


def run(*words: str, cwd: Path | None = None, shows: bool = True) -> str:
    """Run a command to its end; raises `CalledProcessError`."""
    ended = subprocess.run(words, cwd=cwd, check=True, text=True, stdout=None if shows else subprocess.PIPE)
    return ended.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
