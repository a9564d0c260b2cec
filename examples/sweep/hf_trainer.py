#!/usr/bin/env python3
"""Hugging Face's Trainer as a sweep's trainer.

    isoflop sweep plan --budget 1e13 --set context=64 --set data=corpus.txt -o sweep.toml -- \\
        python3 hf_trainer.py {spec} {result} {curve} {checkpoint}

It chooses the GPT-2 nearest to the size asked for, trains it on the bytes of a text for the tokens
asked for, goes on from the latest whole checkpoint if it was interrupted, and reports the loss on
held-out text with the parameters and FLOPs that it really used. Replace `Windows` by your own data
set and `shape_for` by your own family. Needs torch, transformers and accelerate.
"""

import json
import math
import os
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

VOCABULARY = 256


def shape_for(params, context):
    """Width and layers of the family whose size is nearest to `params`."""

    def layers(width):
        return max(1, (width + 16) // 32)

    def size(width):
        block = 12 * width * width + 13 * width
        return layers(width) * block + (VOCABULARY + context + 2) * width

    width = min(range(16, 1025, 16), key=lambda width: abs(math.log(size(width) / params)))
    return width, layers(width)


class Windows(torch.utils.data.Dataset):
    """Stretches of a text; which one comes as number `index` depends on the seed alone."""

    def __init__(self, text, context, seed, count):
        self.text, self.context, self.seed, self.count = text, context, seed, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index >= self.count:
            raise IndexError(index)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        start = int(torch.randint(len(self.text) - self.context, (1,), generator=generator))
        window = self.text[start : start + self.context].long()
        return {"input_ids": window, "labels": window}


class Curve(TrainerCallback):
    """Leaves the learning curve where the sweep looks for it."""

    def __init__(self, path, tokens_in_step):
        self.path, self.tokens_in_step = path, tokens_in_step

    def on_train_begin(self, args, state, control, **_):
        # What came before an interruption is in the state that was read back.
        with open(self.path, "w") as file:
            for logs in state.log_history:
                self.write(file, logs["step"], logs)

    def on_log(self, args, state, control, logs=None, **_):
        with open(self.path, "a") as file:
            self.write(file, state.global_step, logs)

    def write(self, file, step, logs):
        if "loss" in logs:
            line = {"step": step, "tokens": step * self.tokens_in_step, "train_loss": logs["loss"]}
            file.write(json.dumps(line | {"lr": logs["learning_rate"]}) + "\n")


def latest_checkpoint(folder):
    """The latest checkpoint that was written to its end: its state comes last."""
    found = []
    for name in os.listdir(folder):
        try:
            with open(os.path.join(folder, name, "trainer_state.json")) as file:
                found.append((json.load(file)["global_step"], os.path.join(folder, name)))
        except (OSError, ValueError):
            pass
    return max(found)[1] if found else None


@torch.no_grad()
def held_out_loss(model, windows):
    """Mean loss, nats per token, and its standard error."""
    model.eval()
    losses = []
    for window in windows:
        tokens = window["input_ids"][None].to(model.device)
        losses.append(model(input_ids=tokens, labels=tokens).loss.float())
    losses = torch.stack(losses)
    return losses.mean().item(), (losses.std() / math.sqrt(len(losses))).item()


def main(spec_path, result_path, curve_path, checkpoint_folder):
    with open(spec_path) as file:
        spec = json.load(file)
    settings = spec["settings"]
    context = int(settings.get("context", 64))
    sequences = max(1, int(spec["batch_tokens"] or 16 * context) // context)
    steps = max(2, round(spec["tokens"] / (sequences * context)))
    with open(settings["data"], "rb") as file:
        text = torch.tensor(list(file.read()), dtype=torch.uint8)
    held_out = text[-(len(text) // 10) :]
    text = text[: len(text) - len(held_out)]

    torch.manual_seed(spec["seed"])
    width, layers = shape_for(spec["params"], context)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=context,
        n_embd=width,
        n_layer=layers,
        n_head=max(1, width // 16),
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = GPT2LMHeadModel(config)
    arguments = TrainingArguments(
        output_dir=checkpoint_folder,
        max_steps=steps,
        per_device_train_batch_size=sequences,
        learning_rate=spec["learning_rate"] or 3e-3,
        # The schedule ends where the run ends: one that does not spoils the law.
        lr_scheduler_type="linear",
        warmup_steps=max(1, steps // 20),
        adam_beta2=0.95,
        weight_decay=0.1,
        max_grad_norm=1.0,
        logging_steps=max(1, steps // 20),
        save_steps=max(1, steps // 10),
        save_total_limit=2,
        seed=spec["seed"],
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Windows(text, context, spec["seed"], steps * sequences),
        callbacks=[Curve(curve_path, sequences * context)],
    )
    latest = latest_checkpoint(checkpoint_folder)
    if latest:
        print(f"goes on from {latest}", flush=True)
    trainer.train(resume_from_checkpoint=latest)

    loss, loss_std = held_out_loss(model, Windows(held_out, context, 0, 256))
    params = model.num_parameters()
    embedding = model.transformer.wte.weight.numel() + model.transformer.wpe.weight.numel()
    tokens = trainer.state.global_step * sequences * context
    result = {
        "loss": loss,
        "loss_std": loss_std,
        "params": params,
        "params_non_embedding": params - embedding,
        "tokens": tokens,
        "flops": 6 * params * tokens,
        "unique_tokens": min(tokens, len(text)),
        "step": trainer.state.global_step,
        "schedule": "linear to 0",
        "dataset": os.path.basename(settings["data"]),
    }
    with open(result_path, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:5])
