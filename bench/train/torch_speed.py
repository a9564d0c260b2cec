"""Full training steps of PyTorch in tokens per second: `torch_speed.py WIDTH LAYERS SECONDS MODE`
with MODE eager, compile or bfloat16. Prints one number."""

import sys
import time

import torch
from torch_model import Transformer, parameter_groups

BATCH, CONTEXT, VOCABULARY = 16, 256, 1024


def main():
    width, layers, seconds, mode = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    torch.manual_seed(0)
    model = Transformer(layers, width, width // 32, VOCABULARY, CONTEXT)
    groups = parameter_groups(model, 1e-3, 0.1, width)
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, fused=True)
    loss_of = torch.compile(model) if mode == "compile" else model
    index = torch.arange(100_000, dtype=torch.int64)
    text = (index * index // 7 + index * 31) % VOCABULARY
    at = 0

    def step():
        nonlocal at
        at = (at + 4999) % 90_000
        windows = torch.stack([text[at + i * 256 : at + i * 256 + CONTEXT + 1] for i in range(BATCH)])
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "bfloat16"):
            loss = loss_of(windows[:, :-1], windows[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        loss.item()

    for _ in range(3):
        step()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    print(round(steps * BATCH * CONTEXT / (time.perf_counter() - start)))


main()
