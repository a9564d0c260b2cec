"""Other threads run while a fit does, and Ctrl-C ends the wait for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import isoflop


def test_other_threads_run_during_a_fit(data: Path) -> None:
    runs = isoflop.read(data / "chinchilla_epoch.csv")
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.wait(0.005):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    isoflop.fit(runs, "chinchilla", bootstraps=4000)
    end = time.perf_counter()
    done.set()
    thread.join()
    during = [tick for tick in ticks if start < tick < end]
    assert len(during) >= 5


def test_ctrl_c_ends_a_long_fit(data: Path) -> None:
    program = f"""
        import isoflop, sys
        runs = isoflop.read({str(data / "chinchilla_epoch.csv")!r})
        print("started", flush=True)
        try:
            isoflop.fit(runs, "chinchilla", bootstraps=10_000_000)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "started\n"
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    try:
        said, _ = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (said, child.returncode) == ("interrupted\n", 0)
