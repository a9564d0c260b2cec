"""Writes the reference of the agreement test, for each model of `families.json`: losses of some
steps, the norm and some components of every gradient at the first, from a PyTorch copy of the model
with the same weights; and PyTorch's own count of parameters and of the forward pass's FLOPs.

    cargo run --release -p isoflop-train --example reference_start -- STARTS
    cd crates/isoflop-train/tests
    python ../../../bench/train/reference.py STARTS families.json torch_reference.json
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torch_model import Transformer, is_table, parameter_groups

BATCH, WARMUP, RATE, DECAY, STRIDE = 6, 5, 5e-3, 0.1, 31


def batch(shape, step):
    """The text of the test: a fixed arithmetic sequence, the same in Rust."""
    t, v = shape["context"], shape["vocabulary"]
    token = lambda i: (i * i + 3 * (i // 5) * i + 7 * i) % v
    rows = [[token((step * BATCH + b) * STRIDE + i) for i in range(t + 1)] for b in range(BATCH)]
    tokens = torch.tensor(rows)
    return tokens[:, :-1], tokens[:, 1:]


def ours(name):
    """The name in a checkpoint."""
    return name.removesuffix(".weight").replace("feed_forward.", "")


def load(path, shape):
    model = Transformer(**shape)
    start = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = start[ours(name)]
            # Ours is [inputs, outputs]; a Linear keeps [outputs, inputs].
            linear = parameter.ndim == 2 and not is_table(name)
            parameter.copy_(value.T if linear else value.reshape(parameter.shape))
    return model


def gradients(model):
    found = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        if parameter.ndim == 2 and not is_table(name):
            gradient = gradient.T
        flat = gradient.reshape(-1).double()
        picks = range(0, flat.numel(), max(1, flat.numel() // 12))
        components = {str(i): float(f"{flat[i].item():.7g}") for i in picks}
        found[ours(name)] = {"norm": flat.norm().item(), "components": components}
    return found


def forward_flops(model, shape):
    """FLOPs of the forward pass a token, with attention by plain products."""
    inputs, targets = batch(shape, 0)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(inputs, targets)
    return counter.get_total_flops() / inputs.numel()


def reference(start, family):
    shape, steps = family["shape"], family["steps"]
    model = load(start, shape)
    counts = {
        "params": sum(p.numel() for p in model.parameters()),
        "params_non_embedding": sum(p.numel() for name, p in model.named_parameters() if not is_table(name)),
        "forward_flops": forward_flops(model, shape),
    }
    groups = parameter_groups(model, RATE, DECAY, shape["width"])
    peaks = [group["lr"] for group in groups]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    losses, first = [], None
    for step in range(steps):
        share = (step + 1) / WARMUP if step < WARMUP else 1 - (step - WARMUP) / (steps - WARMUP)
        for group, peak in zip(groups, peaks):
            group["lr"] = peak * share
        optimiser.zero_grad()
        loss = model(*batch(shape, step))
        (loss + model.balance()).backward()
        first = first or gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return {**counts, "losses": losses, "gradients": first}


def main():
    torch.set_num_threads(1)
    starts, families, out = map(Path, sys.argv[1:])
    lines = []
    for family in json.loads(families.read_text()):
        found = reference(starts / f"{family['name']}.safetensors", family)
        print(family["name"], found["losses"][0], found["losses"][-1], file=sys.stderr)
        gradients = found.pop("gradients")
        tensors = ",\n".join(f"    {json.dumps(n)}: {json.dumps(g)}" for n, g in gradients.items())
        head = json.dumps(found)[1:-1]
        lines.append(f'  {json.dumps(family["name"])}: {{{head},\n   "gradients": {{\n{tensors}\n   }}}}')
    text = ",\n".join(lines)
    out.write_text(f'{{"torch": {json.dumps(torch.__version__)}, "families": {{\n{text}\n}}}}\n')


main()
