"""`python -m sandbox up | down | status | logs | reset | env`.

Only the standard library is imported before the command is known: `env` must work with any Python.
"""

import argparse
import os
import sys

from sandbox import progress
from sandbox.errors import SandboxError

INTERRUPTED = 130
"""The shell's exit code for Ctrl-C."""


def main() -> int:
    """Run one command; return the exit code."""
    arguments = _parser().parse_args()
    try:
        _run(arguments)
    except SandboxError as error:
        progress.say(f"sandbox: {error}")
        return 1
    except PermissionError as error:
        if os.geteuid() == 0:
            raise
        progress.say(f"sandbox: {error.filename} is root's: run `python -m sandbox {arguments.command}` as root")
        return 1
    except BrokenPipeError:
        # The reader has seen enough (`status | head`); nothing is left for Python to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        progress.say(f"sandbox: `{arguments.command}` was interrupted; run it again to complete it")
        return INTERRUPTED
    return 0


def _run(arguments: argparse.Namespace) -> None:
    if arguments.command == "env":
        from sandbox import env

        sys.stdout.write(env.exports())
        return
    try:
        from sandbox import lifecycle, report
    except ModuleNotFoundError as error:
        raise SandboxError(
            f"this Python lacks {error.name}: use the project's, .venv/bin/python, which `make` makes"
        ) from error

    match arguments.command:
        case "up":
            lifecycle.up()
        case "down":
            lifecycle.down(other=arguments.other)
        case "reset":
            lifecycle.down(other=False)
            lifecycle.up()
        case "status":
            report.status()
        case _:
            report.logs(arguments.name, follow=arguments.follow)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="One machine's sandbox for the platform.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="start it, or complete what is missing")
    down = commands.add_parser("down", help="end it and remove all of it but the caches")
    down.add_argument("--other", action="store_true", help="end the one that another checkout started, if there is one")
    commands.add_parser("reset", help="down, then up from nothing")
    commands.add_parser("status", help="what runs, for how long, and where it can be reached")
    logs = commands.add_parser("logs", help="show a process's log")
    logs.add_argument("name", nargs="?", help="a process that `status` lists; without it, the logs there are")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as the log grows")
    commands.add_parser("env", help='print exports for the shell: eval "$(python -m sandbox env)"')
    return parser


if __name__ == "__main__":
    sys.exit(main())
