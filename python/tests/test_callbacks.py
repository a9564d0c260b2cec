"""Runs that Hugging Face's Trainer, Lightning and a loop in torch train are runs that a fit reads.

The frameworks are those of `pip install './python[frameworks]'`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import isoflop
import pytest

VOCABULARY, CONTEXT, BATCH = 32, 16, 8

MODELS = f"""
import os
os.environ |= {{"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}}
import sys, time, warnings
import isoflop, torch
torch.set_num_threads(1)
torch.manual_seed(0)
V, T, B = {VOCABULARY}, {CONTEXT}, {BATCH}
# Each token follows from the one before it, three times in four.
def text(rows, seed):
    g = torch.Generator().manual_seed(seed)
    rows_ = [torch.randint(V, (rows,), generator=g)]
    for _ in range(T - 1):
        noise = torch.randint(V, (rows,), generator=g)
        follows = torch.rand(rows, generator=g) < 0.75
        rows_.append(torch.where(follows, (rows_[-1] * 5 + 3) % V, noise))
    return torch.stack(rows_, 1)
held_out = text(64, 1)
"""

HUGGING_FACE = MODELS + """
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
def train(path, width, steps, pause=0.0, callbacks=(), counts="all", **columns):
    config = GPT2Config(vocab_size=V, n_positions=T, n_embd=width, n_layer=1, n_head=1,
                        bos_token_id=0, eos_token_id=0)
    class Slow(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if pause and state.global_step > 5:
                print("going", flush=True)
                time.sleep(pause)
    rows = lambda ids: [{"input_ids": row, "labels": row} for row in ids]
    arguments = TrainingArguments(
        output_dir=path + ".out", max_steps=steps, per_device_train_batch_size=B,
        learning_rate=3e-3, eval_strategy="steps", eval_steps=5, logging_steps=5, save_strategy="no",
        report_to=[], use_cpu=True, include_num_input_tokens_seen=counts, disable_tqdm=True, seed=7)
    Trainer(model=GPT2LMHeadModel(config), args=arguments, train_dataset=rows(text(B * steps, 2)),
            eval_dataset=rows(held_out),
            callbacks=[isoflop.callbacks.hugging_face(path, **columns), Slow(), *callbacks]).train()
import isoflop.callbacks
"""

LIGHTNING = MODELS + """
import isoflop.callbacks
import lightning.pytorch as pl
import logging
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
class Model(pl.LightningModule):
    def __init__(self, width, pause):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Embedding(V, width), torch.nn.Linear(width, V))
        self.pause = pause
    def loss(self, ids):
        return torch.nn.functional.cross_entropy(self.net(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
    def training_step(self, batch, index):
        if self.pause and self.global_step > 5:
            print("going", flush=True)
            time.sleep(self.pause)
        return self.loss(batch)
    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))
    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 3e-3)
def train(path, width, steps, pause=0.0, callbacks=(), **columns):
    warnings.filterwarnings("ignore")
    columns = columns or {"batch_tokens": B * T}
    trainer = pl.Trainer(
        max_steps=steps, accelerator="cpu", val_check_interval=5, check_val_every_n_epoch=None,
        logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[isoflop.callbacks.lightning(path, **columns), *callbacks])
    loader = lambda ids: torch.utils.data.DataLoader(ids, batch_size=B)
    trainer.fit(Model(width, pause), loader(text(B * steps, 2)), loader(held_out))
"""

BARE = MODELS + """
def train(path, width, steps, pause=0.0):
    net = torch.nn.Sequential(torch.nn.Embedding(V, width), torch.nn.Linear(width, V))
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    def loss(ids):
        return torch.nn.functional.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
    params = sum(p.numel() for p in net.parameters())
    record = isoflop.Recorder(path, params=params, batch_tokens=B * T)
    for step, ids in enumerate(text(B * steps, 2).split(B), 1):
        optimiser.zero_grad()
        loss(ids).backward()
        optimiser.step()
        if step % 5 == 0:
            record.log(step, loss(held_out).item())
        if pause and step > 5:
            print("going", flush=True)
            time.sleep(pause)
    record.finish()
"""

LOOPS = {"hugging face": HUGGING_FACE, "lightning": LIGHTNING, "bare": BARE}
PARAMS: dict[str, Callable[[int], int]] = {
    # Embeddings, positions, one block, the last normalisation; the output shares the embedding.
    "hugging face": lambda w: (VOCABULARY + CONTEXT) * w + 12 * w * w + 13 * w + 2 * w,
    "lightning": lambda w: VOCABULARY * w + w * VOCABULARY + VOCABULARY,
    "bare": lambda w: VOCABULARY * w + w * VOCABULARY + VOCABULARY,
}

NEEDS = {
    "hugging face": ["torch", "transformers", "accelerate"],
    "lightning": ["torch", "lightning"],
    "bare": ["torch"],
}


def need(loop: str) -> None:
    """Skips where the frameworks are not installed, but not where everything must be tested."""
    for module in NEEDS[loop]:
        if "CI" not in os.environ:
            pytest.importorskip(module)


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return request.param


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_a_ladder_of_trained_models_is_fitted(shell, tmp_path: Path, loop: str) -> None:
    ladder = "for k, width in enumerate((4, 6, 8, 12, 16, 24)):\n"
    ladder += "    train(f'runs/w{width}.jsonl', width, 20 * (k + 1))\n"
    done = run(LOOPS[loop] + ladder, tmp_path)
    assert done.returncode == 0, done.stderr
    records = {one["run"]: one for one in isoflop.read(tmp_path / "runs")}
    for k, width in enumerate((4, 6, 8, 12, 16, 24)):
        record = records[f"w{width}"]
        assert record["params"] == PARAMS[loop](width)
        assert record["step"] == 20 * (k + 1)
        assert record["tokens"] == 20 * (k + 1) * BATCH * CONTEXT
        assert record["status"] == "finished"
    losses = [records[f"w{width}"]["loss"] for width in (4, 24)]
    assert losses[1] < losses[0] < 4
    fit = isoflop.fit(tmp_path / "runs", "kaplan-c", bootstraps=0)
    assert fit.n_used == 6
    said = shell.json("fit", tmp_path / "runs", "--law", "kaplan-c", "--bootstraps", 0)
    assert {name: one["value"] for name, one in said["params"].items()} == fit.params


def test_a_run_that_is_killed_half_way_leaves_what_it_had(tmp_path: Path, loop: str) -> None:
    path = tmp_path / "run.jsonl"
    program = LOOPS[loop] + f"train({str(path)!r}, 8, 1000, pause=0.02)\n"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        while said and said != "going\n":
            said = child.stdout.readline()
        for _ in range(10):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    (record,) = isoflop.read(path)
    assert record["status"] == "running"
    assert 5 <= record["step"] < 1000
    assert record["params"] == PARAMS[loop](8)
    assert record["tokens"] == record["step"] * BATCH * CONTEXT
    assert 0 < record["loss"] < 5
    assert sorted(one.name for one in tmp_path.glob("run.jsonl*")) in (
        ["run.jsonl"],
        ["run.jsonl", "run.jsonl.out"],
    )
    with pytest.raises(isoflop.IsoflopError, match="running"):
        isoflop.fit(path)


@pytest.mark.parametrize("framework", ["hugging face", "lightning"])
def test_a_run_that_is_stopped_early_says_so(tmp_path: Path, framework: str) -> None:
    need(framework)
    stop = {
        "hugging face": """
            class Stop(TrainerCallback):
                def on_step_end(self, args, state, control, **kwargs):
                    control.should_training_stop = state.global_step >= 10
        """,
        "lightning": """
            class Stop(pl.Callback):
                def on_train_batch_end(self, trainer, *rest):
                    trainer.should_stop = trainer.global_step >= 10
        """,
    }
    program = LOOPS[framework] + textwrap.dedent(stop[framework])
    done = run(program + "train('run.jsonl', 8, 40, callbacks=[Stop()])\n", tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = isoflop.read(tmp_path / "run.jsonl")
    assert (record["status"], record["reason"]) == ("failed", "stopped at step 10 of 40")


@pytest.mark.parametrize(
    ("framework", "call"),
    [
        ("hugging face", "train('run.jsonl', 8, 10, counts='no')"),
        ("lightning", "train('run.jsonl', 8, 10, dataset='x')"),
    ],
)
def test_a_run_without_its_tokens_is_refused_before_it_starts(
    tmp_path: Path, framework: str, call: str
) -> None:
    need(framework)
    done = run(LOOPS[framework] + call + "\n", tmp_path)
    assert done.returncode == 1
    assert "IsoflopError: a run needs its tokens: give `batch_tokens`" in done.stderr
    assert not (tmp_path / "run.jsonl").exists()
