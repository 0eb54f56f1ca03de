"""`batchsim ci`: files that a CI takes, ready to be copied."""

from __future__ import annotations

from pathlib import Path

import click

_FILES = {
    "github": "github-workflow.yml",
    "gitlab": "gitlab-ci.yml",
    "pre-commit": "pre-commit-config.yaml",
}


@click.command()
@click.argument("kind", type=click.Choice(list(_FILES)))
def ci(kind: str) -> int:
    r"""Print a file that has `batchsim check` run in a CI, or before each commit.

    \b
    batchsim ci github > .github/workflows/batchsim.yml
    batchsim ci gitlab >> .gitlab-ci.yml
    batchsim ci pre-commit > .pre-commit-config.yaml
    """
    click.echo((_directory() / _FILES[kind]).read_text(encoding="utf-8"), nl=False)
    return 0


def _directory() -> Path:
    """Where they are: in the installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_ci"
    return installed if installed.is_dir() else package.parent / "ci"
