#!/usr/bin/env python3
"""A plain PyTorch training loop as a sweep's trainer.

    isoflop sweep plan --budget 1e13 --set context=64 --set data=corpus.txt -o sweep.toml -- \\
        python3 pytorch_loop.py {spec} {result} {curve} {checkpoint}

It chooses the decoder-only transformer nearest to the size asked for, trains it on the bytes of a
text for the tokens asked for, goes on from its checkpoint if it was interrupted, and reports the
loss on held-out text with the parameters and FLOPs that it really used.
"""

import json
import math
import os
import sys

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 256


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, x):  # x: batch, positions, width
        batch, positions, width = x.shape
        split = (batch, positions, self.heads, width // self.heads)
        q, k, v = (part.view(split).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, positions, width))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, width, layers, context):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.positions = nn.Parameter(torch.zeros(context, width))
        self.blocks = nn.Sequential(*(Block(width, max(1, width // 16)) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        return self.head(self.norm(self.blocks(x)))


def shape_for(params):
    """Width and layers of the family whose size is nearest to `params`."""

    def size(width):
        layers = max(1, (width + 16) // 32)
        return layers * 12 * width * width + 2 * VOCABULARY * width

    width = min(range(16, 1025, 16), key=lambda width: abs(math.log(size(width) / params)))
    return width, max(1, (width + 16) // 32)


def main(spec_path, result_path, curve_path, checkpoint_folder):
    with open(spec_path) as file:
        spec = json.load(file)
    settings = spec["settings"]
    context = int(settings.get("context", 64))
    batch_tokens = int(spec["batch_tokens"] or 16 * context)
    sequences = max(1, batch_tokens // context)
    steps = max(2, round(spec["tokens"] / (sequences * context)))
    with open(settings["data"], "rb") as file:
        text = torch.tensor(list(file.read()), dtype=torch.uint8)
    held_out = text[-(len(text) // 10) :]
    text = text[: len(text) - len(held_out)]

    torch.manual_seed(spec["seed"])
    width, layers = shape_for(spec["params"])
    model = Transformer(width, layers, context)
    params = sum(parameter.numel() for parameter in model.parameters())
    embedding = model.embedding.weight.numel() + model.positions.numel()
    rate = spec["learning_rate"] or 3e-3
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.1)
    warmup = max(1, steps // 20)
    # The schedule ends where the run ends: one that does not spoils the law.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / (steps - warmup)))
    )

    state_path = os.path.join(checkpoint_folder, "state.pt")
    first = 0
    if os.path.exists(state_path):
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first = state["step"]

    def windows(source, generator, count):
        starts = torch.randint(len(source) - context - 1, (count,), generator=generator)
        batch = torch.stack([source[start : start + context + 1] for start in starts]).long()
        return batch[:, :-1], batch[:, 1:]

    def loss_of(inputs, targets):
        return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())

    curve = open(curve_path, "a", buffering=1)
    for step in range(first, steps):
        # The data of a step depend on the step alone: an interruption changes nothing.
        generator = torch.Generator().manual_seed(spec["seed"] * 1_000_003 + step)
        loss = loss_of(*windows(text, generator, sequences))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % max(1, steps // 20) == 0:
            seen = (step + 1) * sequences * context
            line = {"step": step + 1, "tokens": seen, "train_loss": loss.item()}
            curve.write(json.dumps(line) + "\n")
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "step": step + 1,
            }
            torch.save(state, state_path + ".part")
            os.replace(state_path + ".part", state_path)

    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        losses = torch.stack([loss_of(*windows(held_out, generator, 32)) for _ in range(8)])
    tokens = steps * sequences * context
    result = {
        "loss": losses.mean().item(),
        "loss_std": (losses.std() / math.sqrt(len(losses))).item(),
        "params": params,
        "params_non_embedding": params - embedding,
        "tokens": tokens,
        "flops": 6 * params * tokens,
        "unique_tokens": min(tokens, len(text)),
        "step": steps,
        "schedule": "linear to 0",
        "dataset": os.path.basename(settings["data"]),
    }
    with open(result_path, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:5])
