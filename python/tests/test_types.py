"""The stubs say what the compiled module has, and the package's own types hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]


def assert_passes(*module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module], capture_output=True, text=True, cwd=PYTHON / "tests"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stubs_are_those_of_the_module() -> None:
    assert_passes("mypy.stubtest", "isoflop._native")


def test_the_package_is_typed() -> None:
    settings = str(PYTHON / "pyproject.toml")
    assert_passes("mypy", "--config-file", settings, "--cache-dir", "/dev/null")
