"""`batchsim completion`: what a shell runs to complete command lines."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print what SHELL runs to complete command lines.

    bash: eval "$(batchsim completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc. fish: batchsim completion
    fish > ~/.config/fish/completions/batchsim.fish. Completed are commands, options, files, shipped scenarios,
    policies, verdicts, and with --set the fields of a scenario and its operations.
    """
    from click.shell_completion import get_completion_class

    from batchsim.cli.commands import commands
    from batchsim.cli.program import COMPLETION

    found = get_completion_class(shell)
    assert found is not None
    complete = found(commands, {}, "batchsim", COMPLETION)
    # Not `source()`, which asks the bash that is installed for its version.
    click.echo(complete.source_template % complete.source_vars())
    return 0
