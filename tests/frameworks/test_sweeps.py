"""Sweeps whose trainers are frameworks: real trainings, killed in the middle.

    tests/frameworks/run PYTHON

PYTHON has torch, transformers and accelerate. Needs Slurm as `cargo test --test sweep_slurm` does.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples" / "sweep"
ISOFLOP = os.environ["ISOFLOP"]
PATIENCE_SECS = 900


def text():
    """Some hundred kilobytes of prose and code."""
    files = sorted((REPOSITORY / "docs").glob("*.md")) + sorted((REPOSITORY / "crates").glob("*/src/*.rs"))
    return b"".join(path.read_bytes() for path in files)[:400_000]


class Sweep:
    def __init__(self, case, trainer, plan):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / "small.sweep"
        (self.folder / "corpus.txt").write_bytes(text())
        shutil.copy(EXAMPLES / trainer, self.folder)
        places = ["{spec}", "{result}", "{curve}", "{checkpoint}"]
        self.isoflop(
            "sweep", "plan", *plan, "-o", "small.toml", "--", sys.executable, trainer, *places
        )

    def isoflop(self, *arguments, env=None):
        done = subprocess.run(
            [ISOFLOP, *arguments], cwd=self.folder, capture_output=True, text=True, env=env
        )
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}{self.logs()}")
        return done.stdout

    def logs(self):
        logs = self.root.glob("runs/*/*/log")
        return "".join(f"\n{log}:\n{log.read_text(errors='replace')[-2000:]}" for log in logs)

    def finish(self):
        self.isoflop("sweep", "run", "small.toml")

    def finish_with_a_kill(self, has_state):
        """Kills a trainer as soon as it has left a state; gives the name of its run."""
        controller = subprocess.Popen(
            [ISOFLOP, "sweep", "run", "small.toml"],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        killed = None
        while killed is None:
            if controller.poll() is not None or time.monotonic() - began > PATIENCE_SECS:
                controller.kill()
                raise AssertionError(f"no trainer left a state before it ended{self.logs()}")
            for attempt in self.root.glob("runs/*/attempt-*"):
                pid = trainer_of(attempt)
                if pid and has_state(attempt / "checkpoint"):
                    os.kill(pid, signal.SIGKILL)
                    killed = json.loads((attempt / "spec.json").read_text())["run"]
                    break
            time.sleep(0.02)
        if controller.wait() != 0:
            raise AssertionError(self.logs())
        return killed

    def runs(self):
        status = json.loads(self.isoflop("sweep", "status", "--json", "small.sweep"))
        return {run["name"]: run for run in status["runs"]}

    def log(self, run):
        return self.isoflop("sweep", "logs", "small.sweep", run["name"])

    def curve(self, run):
        """Steps of the learning curve in the store."""
        with sqlite3.connect(self.root / "results.db") as store:
            rows = store.execute("SELECT step FROM checkpoints WHERE run = ?", (run["name"],))
            return sorted(step for (step,) in rows)

    def result(self, run):
        attempt = self.root / "runs" / run["key"] / f"attempt-{run['nonce']}"
        return json.loads((attempt / "output.json").read_text())


def trainer_of(attempt):
    """The process that trains in this folder: the one that was given its specification."""
    spec = str(attempt / "spec.json").encode()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if spec in (process / "cmdline").read_bytes().split(b"\0"):
                return int(process.name)
        except OSError:
            pass
    return None


class HuggingFace(unittest.TestCase):
    PLAN = ["--params", "2e4,6e4", "--tokens", "2e4,4e4", "--batch-tokens", "512"]
    PLAN += ["--set", "context=32", "--set", "data=corpus.txt", "--parallel", "2"]

    def test_a_killed_run_goes_on_from_its_checkpoint_and_ends_where_it_would_have(self):
        sweep = Sweep(self, "hf_trainer.py", self.PLAN)
        killed = sweep.finish_with_a_kill(
            lambda folder: any(folder.glob("checkpoint-*/trainer_state.json"))
        )
        runs = sweep.runs()
        self.assertEqual(len(runs), 4)
        self.assertTrue(all(run["state"] == "finished" for run in runs.values()), runs)
        self.assertEqual(runs[killed]["attempts"], 2)
        self.assertIn("goes on from ", sweep.log(runs[killed]))
        result = sweep.result(runs[killed])
        steps = sweep.curve(runs[killed])
        every = result["step"] // 20
        self.assertEqual(steps[:3], [every, 2 * every, 3 * every], "the whole curve, from its start")
        self.assertEqual(result["flops"], 6 * result["params"] * result["tokens"])
        # Larger models and more tokens help, and the loss is far below that of guessing a byte.
        losses = {(run["loss"]) for run in runs.values()}
        self.assertLess(max(losses), 5.0)

        plain = Sweep(self, "hf_trainer.py", self.PLAN)
        plain.finish()
        expected = plain.runs()[killed]["loss"]
        self.assertAlmostEqual(runs[killed]["loss"], expected, delta=1e-4 * expected)


class NanoGpt(unittest.TestCase):
    def test_a_checkout_is_run_as_it_is_and_resumed(self):
        checkout = tempfile.TemporaryDirectory()
        self.addCleanup(checkout.cleanup)
        shutil.copy(REPOSITORY / "tests/frameworks/nanogpt/train.py", checkout.name)
        data = pathlib.Path(checkout.name) / "data" / "text"
        data.mkdir(parents=True)
        tokens = np.frombuffer(text(), dtype=np.uint8).astype(np.uint16)
        tokens[:-40_000].tofile(data / "train.bin")
        tokens[-40_000:].tofile(data / "val.bin")
        (pathlib.Path(checkout.name) / "pause").write_text("0.02")
        plan = ["--params", "1e4,3e4", "--tokens", "3e4,6e4", "--batch-tokens", "512", "--parallel", "2"]
        for setting in (
            f"nanogpt={checkout.name}", "dataset=text", "context=32", "vocabulary=256", "options={}",
        ):
            plan += ["--set", setting]
        sweep = Sweep(self, "nanogpt.py", plan)
        killed = sweep.finish_with_a_kill(lambda folder: (folder / "whole.pt").exists())
        runs = sweep.runs()
        self.assertEqual(len(runs), 4)
        self.assertTrue(all(run["state"] == "finished" for run in runs.values()), runs)
        self.assertEqual(runs[killed]["attempts"], 2)
        self.assertRegex(sweep.log(runs[killed]), r"resumed at [1-9]")
        for run in runs.values():
            result = sweep.result(run)
            self.assertEqual(run["loss"], result["loss"])
            # Embeddings of 256 tokens and 32 positions, shared with the head, 16 or 48 wide.
            width = 16 if result["params"] < 20_000 else 48
            self.assertEqual(result["params"] - result["params_non_embedding"], (256 + 32) * width)
            self.assertEqual(sweep.curve(run)[-1], result["step"])
        self.assertLess(max(run["loss"] for run in runs.values()), 5.0)

    def test_seeds_that_nanogpt_could_not_tell_apart_are_refused(self):
        done = subprocess.run(
            [sys.executable, EXAMPLES / "nanogpt.py", "/dev/stdin", "r", "c", "k"],
            input=json.dumps({"seed": 1, "settings": {}}), capture_output=True, text=True,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("`seed_option`", done.stderr)


class Slurm(unittest.TestCase):
    def test_the_walk_through_leads_from_the_plan_to_the_report(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        at = pathlib.Path(folder.name)
        script = REPOSITORY / "crates/isoflop/tests/engines/slurm.sh"
        ports = [str(free_port()) for _ in range(2)]
        self.addCleanup(subprocess.run, [script, "stop", at / "slurm"])
        subprocess.run([script, "start", at / "slurm", *ports], check=True, stdin=subprocess.DEVNULL)
        (at / "corpus.txt").write_bytes(text())
        env = os.environ | {
            "SLURM_CONF": str(at / "slurm/etc/slurm.conf"),
            "PYTHON": sys.executable,
            "LADDER": "--params 11e3,29e3,80e3 --tokens 5e4,1e5,2e5",
            "TARGET": "1e12",
        }
        began = time.monotonic()
        done = subprocess.run(
            [EXAMPLES / "walkthrough.sh", at / "corpus.txt", at / "ladder"],
            env=env, capture_output=True, text=True,
        )
        logs = "".join(
            f"\n{log}:\n{log.read_text(errors='replace')[-1000:]}"
            for log in at.glob("ladder/ladder.sweep/runs/*/*/log")
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + logs)
        print(done.stdout)
        print(f"walk-through: {time.monotonic() - began:.0f} s")
        self.assertIn("9 of 9 finished", done.stdout)
        self.assertIn("will have a loss of", done.stdout)
        # Slurm really made them.
        jobs = subprocess.run(["squeue", "-h", "-t", "all", "-r"], env=env, capture_output=True, text=True)
        self.assertEqual(len(jobs.stdout.splitlines()), 9, jobs.stdout)
        report = (at / "ladder/report.html").read_text()
        self.assertIn("</html>", report)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    unittest.main(verbosity=2)
