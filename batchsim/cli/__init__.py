"""The command line: files in, reports out, and an exit code that a CI can rely on."""

from batchsim.cli.commands import commands
from batchsim.cli.program import main

__all__ = ["commands", "main"]
