"""Writes the reference of the agreement test: losses over 50 steps and the norm and some components
of every gradient at the first step, from a PyTorch copy of the model with the same weights.

    cargo run --release -p isoflop-train --example reference_start -- START.safetensors
    python bench/train/reference.py START.safetensors crates/isoflop-train/tests/torch_reference.json
"""

import json
import sys

import torch
from safetensors.torch import load_file
from torch_model import Transformer, parameter_groups

LAYERS, WIDTH, HEADS, VOCABULARY, CONTEXT, BATCH = 3, 64, 2, 101, 48, 6
STEPS, WARMUP, RATE, DECAY = 50, 5, 5e-3, 0.1


def token(i):
    """The text of the test: a fixed arithmetic sequence, the same in Rust."""
    return (i * i + 3 * (i // 5) * i + 7 * i) % VOCABULARY


def batch(step):
    rows = [[token((step * BATCH + b) * 31 + i) for i in range(CONTEXT + 1)] for b in range(BATCH)]
    tokens = torch.tensor(rows)
    return tokens[:, :-1], tokens[:, 1:]


def load(path):
    model = Transformer(LAYERS, WIDTH, HEADS, VOCABULARY, CONTEXT)
    start = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = start[name.removesuffix(".weight")]
            # Ours is [inputs, outputs]; a Linear keeps [outputs, inputs].
            linear = parameter.ndim == 2 and "embedding" not in name
            parameter.copy_(value.T if linear else value.reshape(parameter.shape))
    return model


def gradients(model):
    found = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        if parameter.ndim == 2 and "embedding" not in name:
            gradient = gradient.T
        flat = gradient.reshape(-1).double()
        picks = list(range(0, flat.numel(), max(1, flat.numel() // 16)))
        found[name.removesuffix(".weight")] = {
            "norm": flat.norm().item(),
            "components": {str(i): flat[i].item() for i in picks},
        }
    return found


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = load(sys.argv[1])
    groups = parameter_groups(model, RATE, DECAY, WIDTH)
    peaks = [group["lr"] for group in groups]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    losses, first = [], None
    for step in range(STEPS):
        share = (step + 1) / WARMUP if step < WARMUP else 1 - (step - WARMUP) / (STEPS - WARMUP)
        for group, peak in zip(groups, peaks):
            group["lr"] = peak * share
        optimiser.zero_grad()
        loss = model(*batch(step))
        loss.backward()
        first = first or gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    with open(sys.argv[2], "w") as file:
        json.dump({"torch": torch.__version__, "losses": losses, "gradients": first}, file, indent=1)
        file.write("\n")


main()
