"""Writes one ladder of runs with every tool that runs are imported from.

    python -m venv tools && tools/bin/pip install tensorboard wandb mlflow transformers pandas pyarrow polars
    tools/bin/python crates/isoflop-runs/tests/real_tools/write_ladders.py

With a folder as its argument, they land there (paths of that folder end up in MLflow's files); by
default they land in `crates/isoflop-runs/tests/fixtures/`. They are what the tools themselves wrote;
the ladder is made up (a known law, no noise), so that a test can tell what must be read.
"""

import json
import math
import os
import shutil
import sys
from pathlib import Path

os.environ["WANDB_SILENT"] = "true"
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "fixtures"
BATCH_TOKENS = 524_288
# (name, parameters, steps): 3 sizes, 3 lengths.
LADDER = [
    (f"n{params // 10**6}m-s{steps}", params, steps)
    for params in (10_000_000, 100_000_000, 1_000_000_000)
    for steps in (500, 1_000, 2_000)
]


def loss(params: int, step: int) -> float:
    """Hoffmann et al. 2022, equation 10."""
    return 1.69 + 406.4 / params**0.34 + 410.7 / (step * BATCH_TOKENS) ** 0.28


def curve(params: int, steps: int):
    """(step, train loss, held-out loss, learning rate): linear decay to a tenth."""
    for step in range(steps // 5, steps + 1, steps // 5):
        rate = 3e-3 * (1.0 - 0.9 * step / steps)
        yield step, loss(params, step) - 0.01, loss(params, step), rate


def tensorboard(folder: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
    from tensorboard.plugins.scalar import summary_v2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for index, (name, params, steps) in enumerate(LADDER):
        writer = EventFileWriter(str(folder / name))
        now = 1.7e9
        # As torch.utils.tensorboard.summary.hparams builds it.
        session = SessionStartInfo()
        for key, value in {"n_params": params, "batch_tokens": BATCH_TOKENS, "seed": 7}.items():
            session.hparams[key].number_value = value
        content = HParamsPluginData(session_start_info=session, version=0).SerializeToString()
        plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=content)
        start = Summary.Value(
            tag="_hparams_/session_start_info", metadata=SummaryMetadata(plugin_data=plugin)
        )
        writer.add_event(Event(wall_time=now, step=0, summary=Summary(value=[start])))
        for step, train, held_out, rate in curve(params, steps):
            values = {"train/loss": train, "val/loss": held_out, "lr": rate}
            for tag, value in values.items():
                # What torch's SummaryWriter writes, and what TensorFlow 2 writes.
                if index % 2 == 0:
                    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                else:
                    summary = summary_v2.scalar_pb(tag, value)
                writer.add_event(Event(wall_time=now + step, step=step, summary=summary))
        writer.close()


def wandb(folder: Path) -> None:
    import wandb

    folder.mkdir(parents=True)
    for name, params, steps in LADDER:
        config = {
            "n_params": params,
            "learning_rate": 3e-3,
            "batch_tokens": BATCH_TOKENS,
            "model": {"n_layer": 4},
        }
        run = wandb.init(
            mode="offline", project="ladder", name=name, id=name, config=config, dir=folder,
            settings=wandb.Settings(
                x_disable_stats=True, x_disable_meta=True, disable_git=True, save_code=False,
                console="off",
            ),
        )
        for step, train, held_out, rate in curve(params, steps):
            run.log({"train/loss": train, "lr": rate, "tokens": step * BATCH_TOKENS}, step=step)
            run.log({"val/loss": held_out}, step=step)
        run.finish()
    for log in folder.glob("wandb/*/logs"):
        shutil.rmtree(log)
    for log in folder.glob("wandb/*.log"):
        log.unlink()
    for files in folder.glob("wandb/*/files"):
        shutil.rmtree(files)
    for link in folder.glob("wandb/*"):
        if link.is_symlink():
            link.unlink()


def mlflow(uri: str) -> None:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("ladder")
    for name, params, steps in LADDER:
        with mlflow.start_run(run_name=name):
            mlflow.log_params(
                {"n_params": params, "batch_tokens": BATCH_TOKENS, "learning_rate": 3e-3}
            )
            for step, train, held_out, _ in curve(params, steps):
                mlflow.log_metrics({"train/loss": train, "val_loss": held_out}, step=step)
    with mlflow.start_run(run_name="diverged"):
        mlflow.log_params({"n_params": 10_000_000, "batch_tokens": BATCH_TOKENS})
        mlflow.log_metric("val_loss", math.nan, step=300)


def trainer_state(folder: Path) -> None:
    from transformers import GPT2Config
    from transformers.trainer_callback import TrainerState

    for name, params, steps in LADDER:
        width = {10_000_000: 256, 100_000_000: 768, 1_000_000_000: 2048}[params]
        config = GPT2Config(
            vocab_size=512, n_positions=256, n_embd=width, n_layer=4, n_head=4,
            architectures=["GPT2LMHeadModel"],
        )
        state = TrainerState(max_steps=steps, num_train_epochs=1)
        for step, train, held_out, rate in curve(params, steps):
            state.global_step = step
            state.num_input_tokens_seen = step * BATCH_TOKENS
            state.log_history.append(
                {"loss": train, "learning_rate": rate, "epoch": step / steps, "step": step}
            )
            state.log_history.append(
                {"eval_loss": held_out, "eval_runtime": 1.0, "epoch": step / steps, "step": step}
            )
            if step in (steps * 3 // 5, steps):
                checkpoint = folder / name / f"checkpoint-{step}"
                config.save_pretrained(checkpoint)
                state.save_to_json(str(checkpoint / "trainer_state.json"))


def parquet(folder: Path) -> None:
    import pandas
    import polars

    folder.mkdir(parents=True)
    rows = [
        {
            "run": name, "n_params": params, "tokens": steps * BATCH_TOKENS,
            "val_loss": loss(params, steps), "seed": 7, "config": "base", "ok": True,
        }
        for name, params, steps in LADDER
    ]
    pandas.DataFrame(rows).to_parquet(folder / "pandas.parquet")
    polars.DataFrame(rows).write_parquet(folder / "polars.parquet")
    pandas.DataFrame(rows).to_parquet(folder / "gzip.parquet", compression="gzip")
    points = [
        {
            "run": name, "step": step, "n_params": params, "tokens": step * BATCH_TOKENS,
            "val_loss": held_out, "train_loss": train, "lr": rate,
        }
        for name, params, steps in LADDER
        for step, train, held_out, rate in curve(params, steps)
    ]
    pandas.DataFrame(points).to_parquet(folder / "checkpoints.parquet")


def main() -> None:
    targets = {
        "tensorboard": tensorboard,
        "wandb": wandb,
        "trainer-state": trainer_state,
        "parquet": parquet,
        "mlflow": lambda folder: mlflow((folder / "mlruns").absolute().as_uri()),
        "mlflow-sqlite": lambda folder: (
            folder.mkdir(parents=True),
            mlflow(f"sqlite:///{folder.absolute()}/mlflow.db"),
        ),
    }
    only = sys.argv[2:] or list(targets)
    for name in only:
        shutil.rmtree(OUT / name, ignore_errors=True)
        targets[name](OUT / name)
        print(name, file=sys.stderr)
    expected = [
        {"run": name, "params": params, "tokens": steps * BATCH_TOKENS, "loss": loss(params, steps)}
        for name, params, steps in LADDER
    ]
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
