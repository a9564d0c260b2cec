"""Data of the repository, and the command line that Python must agree with."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def data() -> Path:
    return ROOT / "data"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Runs as the real trackers wrote them."""
    return ROOT / "crates" / "isoflop-runs" / "tests" / "fixtures"


class Shell:
    """The command line: `ISOFLOP` names it, or it is built."""

    def __init__(self) -> None:
        named = os.environ.get("ISOFLOP")
        if named is None:
            subprocess.run(
                ["cargo", "build", "--quiet", "--package", "isoflop"], cwd=ROOT, check=True
            )
            target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
            named = str(target / "debug" / "isoflop")
        self.program = named

    def run(self, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [self.program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd)

    def json(self, *arguments: object, cwd: Path | None = None) -> Any:
        done = self.run("--json", *arguments, cwd=cwd)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def shell() -> Shell:
    return Shell()
