"""What the tests have in common: the command, and a scenario that is simulated fast."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import tailcast

ROOT = Path(__file__).resolve().parents[2]


# Whoever starts the tests in the background may have them ignore Ctrl-C, and so what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _command() -> Path | None:
    given = os.environ.get("TAILCAST_COMMAND")
    if given:
        return Path(given)
    built = [ROOT / "target" / kind / "tailcast" for kind in ("release", "debug")]
    return next((path for path in built if path.exists()), None)


@pytest.fixture(scope="session")
def cli():
    """Runs the command, and gives what it prints."""
    command = _command()
    if command is None:
        pytest.skip("no tailcast command: set TAILCAST_COMMAND, or cargo build")

    def ask(*arguments, code=0, **options):
        # Whoever runs these tests may have set a width, to which text for people is folded.
        wide = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        options.setdefault("env", wide)
        done = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True, check=False, **options)
        assert done.returncode in (code, 99), done.stderr
        return done.stdout if code == 0 else done.stderr

    return ask


@pytest.fixture(scope="session")
def cli_json(cli):
    """Runs the command with ``--format json``."""
    return lambda *arguments: json.loads(cli(*arguments, "--format", "json"))


@pytest.fixture
def scenario():
    """The demo with few requests."""
    return tailcast.Scenario.demo().with_(workload__requests=300)


SHORT = ("--set", "workload.requests=300")
