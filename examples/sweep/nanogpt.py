#!/usr/bin/env python3
"""nanoGPT, or code with its interface, as a sweep's trainer.

    isoflop sweep plan --budget 1e18 --set nanogpt=/path/to/nanoGPT --set dataset=openwebtext \\
        -o sweep.toml -- python3 nanogpt.py {spec} {result} {curve} {checkpoint}

The checkout is left as it is: its `train.py` runs in this process with `--key=value` overrides,
reads `data/DATASET/train.bin` and `val.bin`, prints `step N: train loss X, val loss Y`, keeps
`ckpt.pt` in `out_dir` and goes on from there with `--init_from=resume`.

Settings: `nanogpt` (the checkout) and `dataset`; `context` (1024) and `vocabulary` (50304, as
nanoGPT's without a `meta.pkl`) to choose the size by; `options`, further overrides of `train.py`,
such as `options={"device": "cpu", "compile": false}`; `seed_option`, its name for the seed where it
has one: nanoGPT itself always takes the same, so that other seeds would be the same run again.
After an interruption nanoGPT draws other batches than it would have without.
"""

import json
import math
import os
import re
import runpy
import shutil
import sys

EVALUATED = re.compile(r"step (\d+): train loss (\S+), val loss (\S+)")
EVALUATIONS = 20


def shape_for(params, context, vocabulary):
    """Layers, heads and width of the GPT whose size is nearest to `params`, without biases."""

    def layers(width):
        return max(1, round(width / 64)) if width >= 256 else max(1, width // 32)

    def size(width):
        block = 12 * width * width + 2 * width
        return layers(width) * block + (vocabulary + context + 1) * width

    widths = [*range(16, 256, 16), *range(256, 8193, 64)]
    width = min(widths, key=lambda width: abs(math.log(size(width) / params)))
    return layers(width), width // (64 if width >= 256 else 16), width


class Watched:
    """Standard output that understands what `train.py` says."""

    def __init__(self, output, curve, tokens_in_step, keep):
        self.output, self.curve, self.tokens_in_step, self.keep = output, curve, tokens_in_step, keep
        self.line, self.saving, self.last = "", False, None

    def write(self, text):
        self.output.write(text)
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            self.read(line)
        return len(text)

    def flush(self):
        self.output.flush()

    def __getattr__(self, name):
        return getattr(self.output, name)

    def read(self, line):
        # Whatever is said after "saving checkpoint" is said when that file is whole.
        if self.saving:
            self.keep()
        self.saving = line.startswith("saving checkpoint")
        if found := EVALUATED.match(line):
            step, train_loss, loss = int(found[1]), float(found[2]), float(found[3])
            self.last = step, loss
            point = {"step": step, "tokens": step * self.tokens_in_step}
            point |= {"train_loss": train_loss, "loss": loss}
            self.curve.write(json.dumps(point) + "\n")


def count(checkpoint):
    """Parameters and those outside the embeddings of the model in a checkpoint."""
    import torch  # as `train.py` did

    model = torch.load(checkpoint, map_location="cpu", weights_only=True)["model"]
    # Weights that two layers share count once.
    weights = {weight.data_ptr(): (name, weight.numel()) for name, weight in model.items()}
    embeddings = {
        weight.data_ptr() for name, weight in model.items() if name.endswith(("wte.weight", "wpe.weight"))
    }
    total = sum(size for _, size in weights.values())
    return total, total - sum(weights[pointer][1] for pointer in embeddings)


def main(spec_path, result_path, curve_path, checkpoint_folder):
    with open(spec_path) as file:
        spec = json.load(file)
    settings = spec["settings"]
    seed_option = settings.get("seed_option")
    if spec["seed"] and not seed_option:
        sys.exit("nanoGPT has no option for the seed: name one in `seed_option`, or plan one seed")
    context = int(settings.get("context", 1024))
    options = dict(settings.get("options", {}))
    accumulated = int(options.setdefault("gradient_accumulation_steps", 1))
    batch_tokens = int(spec["batch_tokens"] or 16 * context)
    sequences = max(1, batch_tokens // (context * accumulated))
    tokens_in_step = sequences * accumulated * context
    # The last evaluation must fall on the last step.
    every = max(1, round(spec["tokens"] / (tokens_in_step * EVALUATIONS)))
    steps = every * EVALUATIONS
    layers, heads, width = shape_for(spec["params"], context, int(settings.get("vocabulary", 50304)))

    out = os.path.join(checkpoint_folder, "out")
    whole = os.path.join(checkpoint_folder, "whole.pt")
    latest = os.path.join(out, "ckpt.pt")

    def replace(source, target):
        shutil.copyfile(source, target + ".part")
        os.replace(target + ".part", target)

    os.makedirs(out, exist_ok=True)
    resumed = os.path.exists(whole)
    if resumed:
        # `train.py` may have been killed while it wrote its own.
        replace(whole, latest)

    rate = spec["learning_rate"] or 1e-3
    overrides = {
        "out_dir": out,
        "init_from": "resume" if resumed else "scratch",
        "dataset": settings["dataset"],
        "n_layer": layers,
        "n_head": heads,
        "n_embd": width,
        "block_size": context,
        "batch_size": sequences,
        "max_iters": steps,
        # The schedule ends where the run ends: one that does not spoils the law.
        "lr_decay_iters": steps,
        "warmup_iters": max(1, steps // 20),
        "learning_rate": rate,
        "min_lr": rate / 10,
        "eval_interval": every,
        "log_interval": every,
        "always_save_checkpoint": True,
    } | options
    if seed_option:
        overrides[seed_option] = spec["seed"]

    # Paths were given relative to the plan's folder.
    result_path, curve_path = os.path.abspath(result_path), os.path.abspath(curve_path)
    checkout = os.path.abspath(settings["nanogpt"])
    os.chdir(checkout)
    sys.path.insert(0, checkout)
    sys.argv = ["train.py", *(f"--{name}={value}" for name, value in overrides.items())]
    with open(curve_path, "a", buffering=1) as curve:
        said = sys.stdout = Watched(sys.stdout, curve, tokens_in_step, lambda: replace(latest, whole))
        runpy.run_path(os.path.join(checkout, "train.py"), run_name="__main__")
        sys.stdout = said.output
    if said.last is None or said.last[0] != steps:
        sys.exit(f"train.py did not say its loss at step {steps}, the last: {said.last}")

    params, non_embedding = count(latest)
    tokens = steps * tokens_in_step
    result = {
        "loss": said.last[1],
        "params": params,
        "params_non_embedding": non_embedding,
        "tokens": tokens,
        "flops": 6 * params * tokens,
        "step": steps,
        "schedule": "cosine to a tenth",
        "dataset": settings["dataset"],
    }
    with open(result_path, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:5])
